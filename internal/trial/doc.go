// Package trial runs recipes as real jobs, for tests of the data plane: an embedded
// server, the coordinator's side of each job, and workers, either in the test's process
// or as processes of their own that connect over TCP. So every test of the data plane
// can show that nothing rests on shared memory.
//
// A test binary that uses it hands its TestMain to [Main], which turns a copy of the
// binary into a worker when it was started as one. Kinds that only tests have are in
// kinds.go.
//
// Start reading at [Each].
package trial
