package dead

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/internal/bus"
	"sluice/nodes"
)

// From says out of what a letter's record was made: the split and the frame that a source
// cut, and the record's place in the frame as the node met it.
type From struct {
	Source string          `json:"source"`       // the source's node
	Split  uint32          `json:"split"`        // from 0
	Of     json.RawMessage `json:"of,omitempty"` // the split in the source's own words: its file, where it begins; none when the list is gone, or a secret may stand in it
	Frame  uint64          `json:"frame"`        // of the split, from 0
	Record int             `json:"record"`       // of the frame, from 0
}

// From tells where a letter's record came from. The job's state keeps the list of splits.
func (s *Store) From(ctx context.Context, l *Letter) (*From, error) {
	step, ord := &l.job.Plan.Steps[l.key.Step], l.key.Ord
	record, err := strconv.Atoi(l.ID[strings.LastIndexByte(l.ID, '.')+1:])
	if err != nil || int(ord.Lane) >= len(step.Lanes) {
		return nil, fmt.Errorf("dead letter %s names no record of its step", l.ID)
	}
	source := step.Lanes[ord.Lane].Source
	from := &From{Source: l.job.Plan.Steps[source].Node, Split: ord.Split, Frame: ord.N, Record: record}
	list, err := s.splits(ctx, l, source)
	if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrNoStream) {
		return from, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the splits of %s: %w", from.Source, err)
	}
	if int(ord.Split) < len(list.Splits) && !list.Live && !nodes.HasSecret(string(l.job.Plan.Steps[source].Config)) {
		from.Of = list.Splits[ord.Split]
	}
	return from, nil
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
	values := s.conn.StoredObjects(bus.ObjectsConfig{Stream: names.Values(), Prefix: names.ValuesPrefix()})
	data, err := values.Read(ctx, list.Ref)
	if err != nil {
		return nil, err
	}
	return &list, json.Unmarshal(data, &list)
}
