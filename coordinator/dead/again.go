package dead

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/compile"
	"sluice/nodes"
	"sluice/recipe"
)

// Replaying says which letters of a job are to be replayed.
type Replaying struct {
	Job   recipe.JobID
	IDs   []string // without any, all that no replay has; at most 10,000
	Node  string   // only those of one node; "" for all
	Force bool     // although an ordered step is below, which sees the records late
	Owner string   // who asks
	Key   string   // by which the same request may come again: it makes nothing twice; "" for none
}

const maxIDs = 10_000

// Replayed is what came of it.
type Replayed struct {
	Jobs    []coordinator.Job `json:"jobs"`              // one for each node that had given letters up
	Letters int               `json:"letters"`           // that they have
	Sources int               `json:"sources,omitempty"` // left out: given up before they were records
	Later   []string          `json:"later,omitempty"`   // nodes left out: their replay writes what another one does, that has to end before
}

// Replay submits jobs that give letters once more to the nodes that had given them up, and to
// all below. The job must have ended. Of replays that write the same files one runs at a time:
// the nodes of others are told, to be asked for later. The fault is coordinator.Conflict where a
// letter that is asked for by its id can't be replayed, where an ordered step is below, and where
// the key was used for another replay of the job.
func (b *Box) Replay(ctx context.Context, r Replaying) (*Replayed, error) {
	if _, err := b.atEnd(r.Job, "replayed"); err != nil {
		return nil, err
	}
	if len(r.IDs) > maxIDs {
		return nil, coordinator.Faultf(coordinator.TooLarge, "%d dead letters are named; at most %d may be", len(r.IDs), maxIDs)
	}
	s, err := b.open(ctx, r.Job)
	if err != nil {
		return nil, err
	}
	p := &replaying{Replaying: r, box: b, store: s, made: &Replayed{Jobs: []coordinator.Job{}}, asked: map[string]bool{}}
	if err := p.before(ctx); err != nil {
		return nil, unavailable(err)
	}
	if err := p.pick(ctx); err != nil {
		return nil, unavailable(err)
	}
	if err := p.submit(ctx); err != nil {
		return p.made, unavailable(err)
	}
	return p.made, nil
}

// replaying is a replay on its way.
type replaying struct {
	Replaying
	box     *Box
	store   *Store
	made    *Replayed
	asked   map[string]bool       // by id: it was found
	had     map[recipe.JobID]bool // what this request has made before
	batches []*Batch
	plans   []*recipe.Plan
}

// pick gathers the letters and makes the plans, so that what is refused is refused before
// anything is submitted.
func (p *replaying) pick(ctx context.Context) (err error) {
	for _, id := range p.IDs {
		p.asked[id] = false
	}
	if p.Node != "" && len(p.store.jobs) > 0 {
		if _, err := stepOf(p.store.jobs[0].Plan, p.Node); err != nil {
			return err
		}
	}
	if p.batches, err = p.store.Batches(ctx, nil, p.want); err != nil {
		return err
	}
	for _, id := range p.IDs {
		if !p.asked[id] {
			return noLetter(p.Job, id)
		}
	}
	own, err := p.box.kinds(p.store)
	if err != nil {
		return err
	}
	p.batches = slices.DeleteFunc(p.batches, func(b *Batch) bool { return p.had[p.id(b.Step)] })
	return p.plan(ctx, own)
}

// plan makes the plan of each batch, in one turn.
func (p *replaying) plan(ctx context.Context, own *nodes.Catalogue) error {
	turn, end, err := p.box.cfg.Turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	for _, batch := range p.batches {
		if turn.Err() != nil {
			f := coordinator.Faultf(coordinator.Unavailable, "the replays of the dead letters of %d nodes can't be planned in the time that one request may take", len(p.batches))
			f.Hint = "ask again in a moment, or replay those of one node (--node on the command line)"
			return f
		}
		plan, err := p.store.Plan(batch, own)
		if err != nil {
			return coordinator.Faultf(coordinator.Conflict, "the dead letters of %s can't be replayed: %w", batch.node(), err)
		}
		if ordered := compile.OrderedBelow(plan); len(ordered) > 0 && !p.Force {
			return &coordinator.Fault{Family: coordinator.Conflict, Hint: "force (--force on the command line) replays them all the same",
				Text: fmt.Sprintf("the records would reach %s late and out of their order, on which the answers there depend", strings.Join(ordered, " and "))}
		}
		p.plans = append(p.plans, plan)
	}
	return nil
}

// kinds is the catalogue with the source of replays, which workers may have announced.
func (b *Box) kinds(s *Store) (*nodes.Catalogue, error) {
	c := b.cfg.Catalogue()
	if _, has := c.Lookup(SourceKind); has {
		return c, nil
	}
	return c.With(s.Source())
}

func (b *Batch) node() string { return b.Job.Plan.Steps[b.Step].Node }

// want picks letters, and refuses one that was asked for and can't be replayed.
func (p *replaying) want(l *Letter) (bool, error) {
	if _, asked := p.asked[l.ID]; len(p.IDs) > 0 {
		if !asked {
			return false, nil
		}
		p.asked[l.ID] = true
	}
	switch named := len(p.IDs) > 0; {
	case p.Node != "" && l.Node != p.Node:
		return false, nil
	case p.had[l.Replayed]:
		p.made.Letters++
		return false, nil
	case l.Replayed != "" && named:
		return false, coordinator.Faultf(coordinator.Conflict, "dead letter %s has been replayed already, by job %s", l.ID, l.Replayed)
	case l.Port == "" && named:
		return false, coordinator.Faultf(coordinator.Conflict, "dead letter %s is of a source: it was given up before it was a record, so there is nothing to give to %s again", l.ID, l.Node)
	case l.Port == "":
		p.made.Sources++
		return false, nil
	}
	return l.Replayed == "", nil
}

// submit claims and submits what does not get in the way of another replay.
func (p *replaying) submit(ctx context.Context) error {
	if len(p.batches) == 0 {
		return nil
	}
	parent, err := p.box.cfg.Jobs.Spec(ctx, p.Job)
	if err != nil {
		return err
	}
	busy, blocker, err := p.box.written(ctx, p.Job)
	if err != nil {
		return err
	}
	for i, batch := range p.batches {
		writes := p.box.writes(p.plans[i])
		if slices.ContainsFunc(writes, func(w string) bool { return busy[w] }) {
			p.made.Later = append(p.made.Later, batch.node())
			continue
		}
		err := p.one(ctx, parent, batch, p.plans[i])
		if taken := (*notNow)(nil); errors.As(err, &taken) { // since the jobs were looked at
			p.made.Later, blocker = append(p.made.Later, batch.node()), taken.by
			continue
		}
		if err != nil {
			return err
		}
		for _, w := range writes {
			busy[w] = true
		}
	}
	if len(p.made.Jobs) == 0 {
		return &coordinator.Fault{Family: coordinator.Conflict, Hint: "try again when it has ended",
			Text: fmt.Sprintf("the dead letters of job %s can't be replayed now: job %s writes the same files", p.Job, blocker)}
	}
	return nil
}

// one claims a batch and submits its job, in time.
func (p *replaying) one(ctx context.Context, parent *coordinator.Spec, batch *Batch, plan *recipe.Plan) error {
	ctx, cancel := context.WithTimeout(ctx, claimWithin)
	defer cancel()
	spec := *parent
	spec.Job, spec.Parent, spec.RetryOf, spec.Body = p.id(batch.Step), p.Job, "", p.body()
	spec.Plan, spec.Owner, spec.Created, spec.Deadline = plan, p.Owner, time.Now().UTC(), time.Time{}
	claim := p.store.Claim
	if p.Key != "" {
		claim = p.store.claimKeyed
	}
	root := p.box.root(p.Job)
	job, _, err := p.box.cfg.Admit(ctx, p.Owner, spec.Job, func(ctx context.Context) (*coordinator.Spec, error) {
		if err := p.box.take(ctx, root, spec.Job, p.box.writes(plan)); err != nil {
			return nil, err
		}
		err := claim(ctx, batch, spec.Job)
		if err != nil && p.Key == "" { // the same request may be at it once more
			p.box.giveBack(ctx, root, spec.Job)
		}
		return &spec, err
	})
	if err != nil {
		if coordinator.FamilyOf(err) == coordinator.TooLarge { // the one error that says that nothing was written
			p.store.release(ctx, batch, spec.Job)
			p.box.giveBack(ctx, root, spec.Job)
		}
		return err
	}
	p.made.Jobs = append(p.made.Jobs, job)
	p.made.Letters += batch.Letters
	return nil
}

// written returns what the unfinished replays write of the letters of a job's whole family: of
// what it replays, and of what replays it.
func (b *Box) written(ctx context.Context, id recipe.JobID) (busy map[string]bool, by recipe.JobID, err error) {
	busy = map[string]bool{}
	root := b.root(id)
	var others []recipe.JobID
	b.cfg.Jobs.All(func(j coordinator.Job) bool {
		if j.Parent != "" && !j.State.Final() {
			others = append(others, j.ID)
		}
		return true
	})
	for _, other := range others {
		if b.root(other) != root {
			continue
		}
		spec, err := b.cfg.Jobs.Spec(ctx, other)
		if coordinator.FamilyOf(err) == coordinator.Unknown {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		for _, w := range b.writes(spec.Plan) {
			busy[w], by = true, other
		}
	}
	return busy, by, nil
}

// root returns the first job of a family.
func (b *Box) root(id recipe.JobID) recipe.JobID {
	for {
		j, err := b.cfg.Jobs.Job(id)
		if err != nil || j.Parent == "" {
			return id
		}
		id = j.Parent
	}
}

// writes names the sinks of a plan that a second job would disturb. Their nodes are called the
// same in all of a family.
func (b *Box) writes(plan *recipe.Plan) (names []string) {
	catalogue := b.cfg.Catalogue()
	for i := range plan.Steps {
		s := &plan.Steps[i]
		if k, ok := catalogue.Lookup(s.Kind); ok && s.Sink && k.Exclusive != "" {
			names = append(names, s.Node)
		}
	}
	return names
}
