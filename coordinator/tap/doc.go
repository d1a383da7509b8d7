// Package tap shows the records that pass an edge of a job, while they pass.
//
// A tap is a plain subscription on the subject of the edge: it hears what workers publish, and
// takes nothing from who reads the stream. It is lossy by design. Between the subscription and
// its reader is a queue with a bound, and a frame that finds no room there is left out and
// counted: nobody waits for a reader, least of all the job. Subscribers hear every attempt at a
// frame, those that a full edge refuses too: a tap knows the last frames that it heard, and shows
// each once.
//
// It knows nothing of HTTP but a writer to stream to. Start reading at [Taps.Open].
package tap
