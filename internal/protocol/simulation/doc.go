// Package simulation puts the machines of package protocol to the test: it drives them as
// a worker and a coordinator would, against a model of the broker, over random graphs and
// under random faults, and then checks that every sink holds exactly what it must.
//
// A run is a function of its seed: one event queue, one random sequence, no goroutine and
// no clock. What takes time (a request, a redelivery, a backoff) is an event in the
// future; a crash stops a task's events, a hang postpones them, and requests that were
// under way are carried out nevertheless.
//
// The check is against the ledger: a reference computation walks the graph once, in
// order, follows the first verdict of every frame, and every entry, count, dead letter
// and sink must agree with it. Verdicts other than run must have a cause that the graph
// or the faults explain, so a graph without lossy edges is checked for exactness.
//
// It knows nothing of NATS, and nothing imports it but its tests. Start reading at [Run].
package simulation
