package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sluice/internal/bus"
)

// Bounds of the state of an ordered step: of a piece, and of all that is saved at once. A
// kind bounds its own state lower; dedupe of 10,000,000 keys needs 160 MB.
const (
	pieceBytes = 8 << 20
	stateBytes = 1 << 30
)

// pieces is what the record of a revision holds whose state is stored in pieces.
type pieces struct {
	Size  int      `json:"size"`  // of all together
	Names []string `json:"names"` // of large values, in order
}

// putPieces stores a state and returns what the revision's record is to say of it.
func (j *journal) putPieces(ctx context.Context, rev uint64, state []byte) ([]byte, error) {
	if len(state) > stateBytes {
		return nil, fmt.Errorf("the state has %d bytes; a step may have %d", len(state), stateBytes)
	}
	p := pieces{Size: len(state)}
	for rest := state; len(rest) > 0; {
		n := min(len(rest), pieceBytes)
		name, err := j.putPiece(ctx, bus.PieceName(j.step.ID, rev, len(p.Names)), rest[:n])
		if err != nil {
			return nil, err
		}
		p.Names, rest = append(p.Names, name), rest[n:]
	}
	return json.Marshal(p)
}

// putPiece stores one piece, again after every timeout: the server's trouble passes.
func (j *journal) putPiece(ctx context.Context, name string, data []byte) (string, error) {
	for {
		stored, err := j.job.putValue(ctx, name, data)
		if !errors.Is(err, bus.ErrTimeout) || !pause(ctx, troubleWait) {
			return stored, err
		}
	}
}

func (j *journal) readPieces(ctx context.Context, said []byte) ([]byte, error) {
	var p pieces
	if err := json.Unmarshal(said, &p); err != nil || p.Size < 0 || p.Size > stateBytes {
		return nil, fmt.Errorf("the journal of step %s is damaged: its list of pieces does not decode", j.step.Node)
	}
	state := make([]byte, 0, p.Size)
	for _, name := range p.Names {
		b, err := j.job.value(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("read the state of step %s: %w", j.step.Node, err)
		}
		if len(state)+len(b) > p.Size {
			return nil, fmt.Errorf("the journal of step %s is damaged: its pieces have more than %d bytes", j.step.Node, p.Size)
		}
		state = append(state, b...)
	}
	if len(state) != p.Size {
		return nil, fmt.Errorf("the journal of step %s is damaged: its pieces have %d of %d bytes", j.step.Node, len(state), p.Size)
	}
	return state, nil
}
