// Package api speaks HTTP for the control plane: /v1/…, described by an OpenAPI 3.1 document that
// is made from the code at hand, with errors as problem+json (RFC 9457). It checks who asks and
// what they may, bounds every body and every wait, and leaves the rest to the rooms of
// coordinator.
//
// It starts no job and stores nothing itself. Start reading at [New]; problem.go is the one table
// from families of faults to statuses, and each sort of thing has its routes in a file of its own.
package api
