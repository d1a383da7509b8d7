package worker

import (
	"errors"

	"sluice/internal/bus"
	"sluice/nodes"
)

// artifact opens an artifact of the project for a node. It is read as long as the job's work
// here goes on.
func (r *jobRun) artifact(sha256, name string) (nodes.File, error) {
	f, err := r.conn.Files().Open(r.life, sha256, name)
	if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrNoStream) {
		return nil, nodes.Permanentf("the project has no such artifact (any more)")
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}
