package dead

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"sluice/coordinator/compile"
	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// SourceKind is the name of the kind whose nodes give letters. Recipes cannot use it: it is
// not to be in the catalogue that they are compiled with.
const SourceKind = "dead_letters"

type sourceConfig struct {
	Job  string `json:"job" doc:"the job whose letters they are"`
	Port string `json:"port" doc:"the port at which they had arrived; none gives no letters" default:""`
	Type string `json:"type" doc:"type of the records"`
}

// Source is the kind that gives a replay its letters, for a worker of a cluster: it reads
// what the connection's project keeps.
func Source(conn *bus.Conn) nodes.Kind {
	return (&Store{conn: conn, taken: map[recipe.JobID][]sheaf{}}).Source()
}

// Source is the kind that gives a replay its letters. It reads this store.
func (s *Store) Source() nodes.Kind {
	return nodes.Define(nodes.Spec{
		Kind: SourceKind, Category: "source", Summary: "Gives dead letters once more", Role: nodes.Origin,
		Out:       []nodes.Port{{Name: "out", Type: "T", Doc: "the records"}},
		Guarantee: "Reads the same letters again.",
	}, func(cfg sourceConfig, env *nodes.Env) (any, error) {
		return &source{store: s, cfg: cfg, child: recipe.JobID(env.Job)}, nil
	})
}

// Plan makes the plan of the batch's replay: the step that gave the letters up, and what
// is below it. The letters' records may hold secrets of steps that it has not.
func (s *Store) Plan(b *Batch, catalogue *nodes.Catalogue) (*recipe.Plan, error) {
	kind := s.Source()
	plan, err := compile.Replay(b.Job.Plan, b.Step, compile.ReplayOptions{
		Catalogue: catalogue, Source: &kind,
		Config: func(port string, t recipe.Type) json.RawMessage {
			raw, err := json.Marshal(sourceConfig{Job: string(b.Job.Job), Port: port, Type: string(t)})
			if err != nil {
				panic(fmt.Sprintf("settings of a replay: %v", err)) // three texts
			}
			return raw
		},
	})
	if err == nil {
		plan.Secrets = b.Job.Plan.SecretNames()
	}
	return plan, err
}

type source struct {
	store *Store
	cfg   sourceConfig
	child recipe.JobID
}

// Splits implements nodes.Source.
func (s *source) Splits(context.Context) ([]nodes.Split, error) {
	if s.cfg.Port == "" {
		return nil, nil
	}
	return []nodes.Split{nodes.Split("0")}, nil
}

// Open implements nodes.Source. An offset counts the letters that the replay has, those of
// other ports too.
func (s *source) Open(ctx context.Context, _ nodes.Split, offset int64) (nodes.Reader, error) {
	sheaves, err := s.store.takenBy(ctx, recipe.JobID(s.cfg.Job), s.child)
	if err != nil {
		return nil, err
	}
	r := &reader{source: s, ctx: ctx, sheaves: sheaves, offset: offset}
	for len(r.sheaves) > 0 && offset >= int64(len(r.sheaves[0].indexes)) {
		offset -= int64(len(r.sheaves[0].indexes))
		r.sheaves = r.sheaves[1:]
	}
	r.skip = int(offset)
	return r, nil
}

// reader reads letters message by message.
type reader struct {
	*source
	ctx     context.Context
	sheaves []sheaf
	skip    int              // letters of sheaves[0] that have been read
	list    []bus.DeadLetter // of the message of sheaves[0]; nil when not fetched yet
	offset  int64
}

// Read implements nodes.Reader.
func (r *reader) Read(c *nodes.Call) error {
	for len(r.sheaves) > 0 {
		f := &r.sheaves[0]
		if r.list == nil {
			if err := r.fetch(f); err != nil {
				return err
			}
		}
		l := &r.list[f.indexes[r.skip]]
		r.offset++
		if r.skip++; r.skip == len(f.indexes) {
			r.sheaves, r.skip, r.list = r.sheaves[1:], 0, nil
		}
		if l.Port != r.cfg.Port || string(l.Type) != r.cfg.Type {
			continue
		}
		if err := r.store.Whole(r.ctx, l); err != nil {
			return err
		}
		rec, err := recordOf(l)
		if err != nil {
			return nodes.Permanentf("dead letter %s: %w", l.ID, err)
		}
		c.Emit(rec)
		return c.Err()
	}
	return io.EOF
}

func (r *reader) fetch(f *sheaf) error {
	names := bus.Names{Job: recipe.JobID(r.cfg.Job)}
	m, err := r.store.conn.Last(r.ctx, names.Dead(), names.DeadLetters(f.key))
	if err != nil {
		return fmt.Errorf("read dead letters: %w", err)
	}
	if r.list, err = decode(m.Data); err != nil {
		return nodes.Permanent(err)
	}
	if last := slices.Max(f.indexes); last >= len(r.list) {
		return nodes.Permanentf("%s has no letter %d", m.Subject, last)
	}
	return nil
}

// Offset implements nodes.Reader.
func (r *reader) Offset() int64 { return r.offset }

// Close implements nodes.Reader.
func (r *reader) Close() error { return nil }

// recordOf makes the record of a letter again.
func recordOf(l *bus.DeadLetter) (nodes.Record, error) {
	if l.Type == recipe.JSON {
		return nodes.JSONRecord(l.Record), nil
	}
	raw := l.Raw
	if raw == nil {
		var err error
		switch l.Type {
		case recipe.Bool:
			var v bool
			err = json.Unmarshal(l.Record, &v)
			return nodes.BoolRecord(v), err
		case recipe.Int:
			var v int64
			err = json.Unmarshal(l.Record, &v)
			return nodes.IntRecord(v), err
		}
		var text string
		if err := json.Unmarshal(l.Record, &text); err != nil {
			return nodes.Record{}, err
		}
		if l.Type == recipe.Float { // written as text, which has NaN and Inf
			v, err := strconv.ParseFloat(text, 64)
			return nodes.FloatRecord(v), err
		}
		raw = []byte(text)
	}
	b := nodes.LoadBatch(l.Type, 1, append(binary.AppendUvarint(nil, uint64(len(raw))), raw...))
	cur := b.Cursor()
	rec, ok := cur.Next()
	if !ok {
		return rec, fmt.Errorf("it is no record of type %s", l.Type)
	}
	return rec, nil
}
