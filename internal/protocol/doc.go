// Package protocol is the data plane's rules as pure state machines: what to commit,
// publish, acknowledge, fold and wait for. There is no I/O here, no clock and no
// goroutine: a driver tells a machine what happened and carries out the [Action]s that
// the machine asks for. The worker drives the machines against a real broker; the
// simulation in this package's tests drives the same machines against a model of one,
// with crashes, hangs, late acknowledgements and lost Msg-Ids at every point.
//
// The machines:
//
//   - [Relay]: a stateless step, a gate, or a sink that takes frames as they arrive
//   - [Source]: one attempt at one split of a source
//   - [Owner]: one reign over an ordered step
//   - [Accountant]: folds the ledger into totals, marks and the end of the job
//
// The protocol in one paragraph. A frame has an ordinal (split, n, lane, part path).
// Whoever takes it processes it, commits an [Entry] to the ledger, where the first
// commit of a (step, ordinal) wins, publishes what the winning entry says, and only
// then acknowledges. Whoever loses reads the entry and publishes what it says as well.
// So every step makes exactly one frame (perhaps empty, perhaps in parts) of every
// frame, whoever dies; copies are told by their ordinals; and everything that may be
// lost is decided at one place, in an entry.
//
// What no step below confirms (what an arrival sink writes, dead letters) is confirmed by
// a second entry, and made only after a look at the job's mark behind the commit: a
// latecomer may win where the first entry was purged. Entries of one source's frames are
// purged together, so a ledger subject tells the source, the step and the ordinal.
//
// Start reading at [Relay]; package simulation shows each rule's use.
package protocol
