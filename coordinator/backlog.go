package coordinator

// Backlog is the work that waits for workers of one kind and pool: what an autoscaler needs.
type Backlog struct {
	Kind    string `json:"kind"`
	Pool    string `json:"pool,omitempty"`
	Project string `json:"project,omitempty"`
	// Frames are those on the edges to steps of the kind, waiting or in a worker's hand; of a
	// source its splits. A step of a job that waits because nobody serves it counts as one.
	Frames int64 `json:"frames"`
}
