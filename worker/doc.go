// Package worker runs the steps of active jobs. A [Worker] watches the jobs' records,
// serves the steps whose kinds it has, drives the state machines of internal/protocol
// against the broker, and holds nothing that another worker could not take over.
//
// Each step that is served has a loop of its own, a single goroutine that owns the
// step's machine; everything else (answers of the broker, finished computations, timers)
// reaches it as an event in its [mailbox].
//
// Start reading at [Worker.Run], then relay.go for the simplest loop.
package worker
