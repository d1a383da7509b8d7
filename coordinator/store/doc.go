// Package store keeps the control plane of one project on JetStream: one stream, SLUICE_CONTROL,
// with one message for each record, changed by compare-and-set. Every coordinator tails it, so
// each answers questions from memory, and each sees what the others have written.
//
// It knows nothing of HTTP, of users' rights or of how jobs run. Start reading at [Open]; a
// [Table] is one sort of record.
package store
