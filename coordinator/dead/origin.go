package dead

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sluice/internal/bus"
)

// Origin is where the frame of a letter's record came from.
type Origin struct {
	Node  string          `json:"node"`           // the source
	Split uint32          `json:"split"`          // number of the split
	What  json.RawMessage `json:"what,omitempty"` // the split in the source's own words: a file and a range of bytes; none when the list is gone
	Frame uint64          `json:"frame"`          // n: the frame's number in the split
}

// From tells where a letter came from. The job's state keeps the list of splits.
func (s *Store) From(ctx context.Context, l *Letter) (*Origin, error) {
	step := &l.job.Plan.Steps[l.key.Step]
	if int(l.key.Ord.Lane) >= len(step.Lanes) {
		return nil, fmt.Errorf("dead letter %s: its step has no lane %d", l.ID, l.key.Ord.Lane)
	}
	source := step.Lanes[l.key.Ord.Lane].Source
	o := &Origin{Node: l.job.Plan.Steps[source].Node, Split: l.key.Ord.Split, Frame: l.key.Ord.N}
	list, err := s.splits(ctx, l, source)
	if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrNoStream) {
		return o, nil
	}
	if err == nil && int(o.Split) < len(list.Splits) && !list.Live {
		o.What = list.Splits[o.Split]
	}
	return o, err
}

// splits reads the list of a source's splits.
func (s *Store) splits(ctx context.Context, l *Letter, source int) (*bus.SplitList, error) {
	names := bus.Names{Job: l.Job}
	m, err := s.conn.Last(ctx, names.State(), names.SplitList(source))
	if err != nil {
		return nil, err
	}
	var list bus.SplitList
	if err := json.Unmarshal(m.Data, &list); err != nil || list.Ref == "" {
		return &list, err
	}
	values, err := s.conn.Objects(ctx, bus.ObjectsConfig{Stream: names.Values(), Prefix: names.ValuesPrefix()})
	if err != nil {
		return nil, err
	}
	data, err := values.Read(ctx, list.Ref)
	if err != nil {
		return nil, err
	}
	return &list, json.Unmarshal(data, &list)
}
