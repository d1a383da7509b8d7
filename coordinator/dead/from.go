package dead

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sluice/internal/bus"
	"sluice/recipe"
)

// From says out of what a letter's record was made: the split and the frame that a source
// cut, and the record's place in the frame as the node met it.
type From struct {
	Source string          `json:"source"`       // the source's node
	Split  uint32          `json:"split"`        // from 0
	Of     json.RawMessage `json:"of,omitempty"` // the split in the source's own words: its file, where it begins
	Frame  uint64          `json:"frame"`        // of the split, from 0
	Record int             `json:"record"`       // of the frame, from 0
}

// From reads where a letter's record came from, nil when its id does not say it.
func (s *Store) From(ctx context.Context, l *Letter) (*From, error) {
	ord, err := recipe.ParseOrdinal(l.ordinal)
	step := &l.job.Plan.Steps[l.step]
	if err != nil || int(ord.Lane) >= len(step.Lanes) {
		return nil, nil
	}
	source := step.Lanes[ord.Lane].Source
	from := &From{Source: l.job.Plan.Steps[source].Node, Split: ord.Split, Frame: ord.N}
	if _, err := fmt.Sscanf(l.ID, fmt.Sprintf("%d.%s.%%d", l.step, l.ordinal), &from.Record); err != nil {
		return nil, nil
	}
	names := bus.Names{Job: l.Job}
	m, err := s.conn.Last(ctx, names.State(), names.SplitList(source))
	if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrNoStream) {
		return from, nil
	}
	var list bus.SplitList
	if err == nil {
		err = json.Unmarshal(m.Data, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("read the splits of %s: %w", from.Source, err)
	}
	if int(ord.Split) < len(list.Splits) {
		from.Of = list.Splits[ord.Split]
	}
	return from, nil
}
