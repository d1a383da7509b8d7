// Package progress shows a running job to a person or a program: as a bar on a
// terminal, as a line every few seconds, or as JSON events; and at the end a table of
// what every node did.
//
// It is given snapshots ([recipe.Progress]) and knows nothing of where they come from.
// It reads no clock: time is what the snapshots say. Start reading at [View].
package progress
