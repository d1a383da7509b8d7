package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// What a kind that asks the outside world makes of a frame can't be made again: its entry
// keeps the frames and the dead letters, or, when that is too much for a message, the names of
// large values that hold them.
const (
	keptHere  = 0
	keptThere = 1
)

// keep packs what was made of a frame for its entry.
func (r *jobRun) keep(ctx context.Context, step *recipe.Step, h *bus.Header, m *made) ([]byte, error) {
	b := append([]byte{keptHere}, bus.Keep(m.ports, m.dead...)...)
	if len(b) <= recipe.InlineBytes {
		return b, nil
	}
	var names []string
	for i := 0; len(b) > 0; i++ {
		n := min(len(b), recipe.MaxRecord)
		// Beside the output ports' own names, so that it is swept as those are.
		name, err := r.putValue(ctx, fmt.Sprintf("s%d-p%d-%s-kept%d", step.ID, len(step.Outputs), h.Ordinal(), i), b[:n])
		if err != nil {
			return nil, err
		}
		names, b = append(names, name), b[n:]
	}
	return append([]byte{keptThere}, strings.Join(names, " ")...), nil
}

// unkeep makes again what an entry keeps.
func (r *jobRun) unkeep(ctx context.Context, step *recipe.Step, e *recipe.Edge, h *bus.Header, follow *protocol.Entry) (*made, error) {
	b := follow.Kept
	if b[0] == keptThere {
		names := strings.Fields(string(b[1:]))
		b = nil
		for _, name := range names {
			piece, err := r.value(ctx, name)
			if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrDigest) {
				err = r.missed(ctx, step, e, h, follow, &unreadable{err}) // never nil: the entry says run
			}
			if err != nil {
				return nil, err
			}
			b = append(b, piece...)
		}
	}
	bad := &failure{fmt.Errorf("node %s: what the ledger keeps of frame %s is malformed", step.Node, h.Ordinal())}
	if len(b) == 0 || b[0] != keptHere {
		return nil, bad
	}
	ports, letters, err := bus.Unkeep(b[1:])
	if err != nil {
		return nil, bad
	}
	return &made{ports: ports, counts: follow.Counts, dead: letters}, nil
}
