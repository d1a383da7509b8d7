// Package bus is everything of Sluice that touches NATS: the embedded server,
// connections, the frame codec, publishing with completion callbacks, pulling by
// explicit credit, streams and consumers, ordered reading of a stream, and large
// values by reference. No other package imports nats.go or nats-server, except the
// coordinator's store.
//
// The package carries bytes and tells truthfully what became of them. It must not
// know what a verdict, a step or a job is: what to commit, publish or acknowledge,
// and when, is decided above it.
//
// Start reading at [Conn]; then [Publisher] and [Puller], which are the hot path,
// and [AppendFrame] for what a message holds. bustest starts a real server in
// milliseconds.
package bus
