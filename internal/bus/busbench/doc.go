// Package busbench measures what JetStream costs without an engine on it: frames
// are published, consumed, published again and acknowledged along a chain of edges,
// through package bus and, for comparison, through nats.go's own JetStream client.
// The first is the baseline that the engine is compared with.
//
// Start reading at [Chain].
package busbench
