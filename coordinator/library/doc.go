// Package library keeps a project's saved recipes: documents under names, in versions that never
// change. It compiles what users send and what they have saved, with saved recipes as kinds in
// others, and makes of a submission the [coordinator.Spec] of a job.
//
// What is known of versions is kept in memory by every coordinator; documents are read when they
// are needed. It knows nothing of HTTP, of who may do what, and of how jobs run. Start reading at
// [Library]; resolve.go finds what recipes include.
package library
