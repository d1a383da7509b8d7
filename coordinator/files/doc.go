// Package files keeps the artifacts of a project: uploads, and what the sinks of its jobs have
// made. The content lies in the project's stream of files, each once under its SHA-256 (see
// bus.Files); that an artifact has it is a record of the control plane. A content that no record
// names is swept, and so are the chunks of writers that came to nothing.
//
// The order of things makes that safe while several coordinators work. Who needs a content first
// writes the record that names it, and then touches the content's manifest, or writes it. Who
// sweeps first reads the manifest, then all records that were written before, and removes the
// manifest only as it was read. Chunks are named for their writer, an upload or a reign over a
// step, and never written by two.
//
// A server of one replica that is killed may bring back what was deleted before, a manifest without
// its chunks among it. So who needs a content that is there already looks at its chunks, too.
//
// It knows nothing of HTTP, and of jobs only their ids. Start reading at [Store].
package files
