package dead

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Listing says which letters of a job are listed.
type Listing struct {
	Node  string // only those of one node; "" for all
	Free  bool   // only those that no replay has
	After string // the cursor of the page before, "" for the first
	Limit int    // letters on a page; 0 is 100, at most 1,000
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// List returns a page of a job's letters, in the order in which they were given up.
func (b *Box) List(ctx context.Context, id recipe.JobID, f Listing) (coordinator.DeadLetterPage, error) {
	p := &paging{f: f, page: coordinator.DeadLetterPage{Letters: []coordinator.DeadLetter{}}}
	if p.f.Limit <= 0 {
		p.f.Limit = 100
	}
	p.f.Limit = min(p.f.Limit, 1000)
	if err := p.place(); err != nil {
		return p.page, err
	}
	s, err := b.open(ctx, id)
	if err != nil {
		return p.page, err
	}
	filter := bus.Names{Job: id}.DeadAll()
	if len(s.jobs) > 0 && f.Node != "" {
		step, err := stepOf(s.jobs[0].Plan, f.Node)
		if err != nil {
			return p.page, err
		}
		filter = bus.Names{Job: id}.DeadStep(step)
	}
	if len(s.having) == 0 {
		return p.page, nil
	}
	p.store, p.rec = s, s.jobs[0]
	if p.marks, err = s.marks(ctx, id); err == nil {
		err = s.conn.Scan(ctx, bus.Names{Job: id}.Dead(), filter, p.seq, p.take)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return p.page, unavailable(err)
}

// stepOf finds a node of a plan.
func stepOf(plan *recipe.Plan, node string) (int, error) {
	var names []string
	for i := range plan.Steps {
		if plan.Steps[i].Node == node {
			return i, nil
		}
		names = append(names, plan.Steps[i].Node)
	}
	return 0, &coordinator.Fault{Family: coordinator.Invalid, Text: fmt.Sprintf("the job has no node %q", node), Hint: recipe.DidYouMean(node, names)}
}

// paging gathers a page. A cursor is where the last letter of a page is stored, as SEQUENCE.INDEX.
type paging struct {
	f     Listing
	store *Store
	rec   *bus.JobRecord
	marks map[bus.DeadKey]stamped
	page  coordinator.DeadLetterPage

	seq   uint64 // of the message that the page before ended in
	index int    // of its last letter there
	last  string // cursor of the last letter of this page
}

func (p *paging) place() error {
	p.index = -1
	if p.f.After == "" {
		return nil
	}
	seq, index, _ := strings.Cut(p.f.After, ".")
	var errs [2]error
	p.seq, errs[0] = strconv.ParseUint(seq, 10, 64)
	p.index, errs[1] = strconv.Atoi(index)
	if errs != [2]error{} {
		return coordinator.Faultf(coordinator.Invalid, "the cursor is not one of this list: %q", p.f.After)
	}
	return nil
}

// take adds the letters of a message.
func (p *paging) take(m *bus.Stored) error {
	key, ok := bus.Names{Job: p.rec.Job}.DeadKey(m.Subject)
	if !ok {
		return fmt.Errorf("job %s has dead letters of no step: %s", p.rec.Job, m.Subject)
	}
	return p.store.letters(p.rec, held{key, m}, p.marks, func(l *Letter) error {
		if m.Seq == p.seq && l.index <= p.index || p.f.Free && l.Replayed != "" {
			return nil
		}
		if len(p.page.Letters) == p.f.Limit {
			p.page.Next = p.last
			return errEnough
		}
		p.page.Letters = append(p.page.Letters, brief(l))
		p.last = fmt.Sprintf("%d.%d", m.Seq, l.index)
		return nil
	})
}

func brief(l *Letter) coordinator.DeadLetter {
	return coordinator.DeadLetter{ID: l.ID, Job: l.Job, Node: l.Node, Kind: l.Kind, Attempts: l.Attempts, Reason: l.Reason, Place: l.Place, At: l.At, Replayed: l.Replayed}
}

// Show reads a letter whole.
func (b *Box) Show(ctx context.Context, id recipe.JobID, letter string) (*coordinator.DeadLetterWhole, error) {
	s, err := b.open(ctx, id)
	if err != nil {
		return nil, err
	}
	var whole *coordinator.DeadLetterWhole
	err = s.one(ctx, letter, func(l *Letter) error {
		if err := s.Whole(ctx, &l.DeadLetter); err != nil {
			return err
		}
		from, err := s.From(ctx, l)
		if err != nil {
			return err
		}
		whole = &coordinator.DeadLetterWhole{DeadLetter: brief(l), Port: l.Port, Type: l.Type, Record: l.Record, Raw: l.Raw, From: from}
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, unavailable(err)
	}
	if whole == nil {
		return nil, noLetter(id, letter)
	}
	return whole, nil
}

func noLetter(id recipe.JobID, letter string) error {
	return coordinator.Faultf(coordinator.Unknown, "job %s has no dead letter %q", id, letter)
}

// one calls f with the letter of an id, which begins with its step.
func (s *Store) one(ctx context.Context, letter string, f func(*Letter) error) error {
	text, _, _ := strings.Cut(letter, ".")
	step, err := strconv.Atoi(text)
	if err != nil || len(s.having) == 0 || step < 0 || step >= len(s.jobs[0].Plan.Steps) {
		return nil
	}
	marks, err := s.marks(ctx, s.jobs[0].Job)
	if err != nil {
		return err
	}
	return s.eachOf(ctx, s.jobs[0], step, marks, func(l *Letter) error {
		if l.ID != letter {
			return nil
		}
		return f(l)
	})
}
