package store

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"sluice/coordinator"
	"sluice/recipe"
)

// Jobs are the jobs of a project: three records each, of which the user writes the first once
// and the second at will, and the leader the third.
type Jobs struct {
	c      *Control
	specs  Table[coordinator.Spec]
	orders Table[coordinator.Order]
	status Table[coordinator.Status]

	mu      sync.RWMutex
	jobs    map[recipe.JobID]*joined // guarded by mu
	order   []*joined                // newest first; guarded by mu
	open    map[string]int           // jobs that have not ended, by owner; guarded by mu
	changed []func(recipe.JobID)     // set before Follow
}

// joined is a job with what is kept of it in memory: all but the document, the plan and the
// progress.
type joined struct {
	spec      *coordinator.Spec // nil: removed, or not seen yet
	reads     []string          // digests of the artifacts that its plan names
	order     *coordinator.Order
	status    *coordinator.Status
	rev       uint64 // of the latest change
	orderRev  uint64
	statusRev uint64
	specRev   uint64
}

// NewJobs returns the jobs of a control plane that does not follow yet.
func NewJobs(c *Control) *Jobs {
	j := &Jobs{c: c, specs: NewTable[coordinator.Spec](c, "job"), orders: NewTable[coordinator.Order](c, "order"),
		status: NewTable[coordinator.Status](c, "status"), jobs: map[recipe.JobID]*joined{}, open: map[string]int{}}
	j.specs.View(func(key string, v *coordinator.Spec, ch Change) {
		j.change(key, ch.Rev, func(e *joined) {
			if v != nil {
				e.reads = artifactsOf(v.Plan)
				v.Plan, v.Source, v.Files, v.Params = nil, "", nil, nil
			}
			j.place(e, v)
			e.specRev = ch.Rev
		})
	})
	j.orders.View(func(key string, v *coordinator.Order, ch Change) {
		j.change(key, ch.Rev, func(e *joined) { e.order, e.orderRev = v, ch.Rev })
	})
	j.status.View(func(key string, v *coordinator.Status, ch Change) {
		if v != nil {
			v.Progress = nil
		}
		j.change(key, ch.Rev, func(e *joined) { e.status, e.statusRev = v, ch.Rev })
	})
	return j
}

// Changed adds a function that is called with each job that was changed; it must not block.
// It is called before the control plane follows.
func (j *Jobs) Changed(f func(recipe.JobID)) { j.changed = append(j.changed, f) }

func (j *Jobs) change(key string, rev uint64, f func(*joined)) {
	id := recipe.JobID(key)
	j.mu.Lock()
	e := j.jobs[id]
	if e == nil {
		e = &joined{}
		j.jobs[id] = e
	}
	j.count(e, -1)
	f(e)
	j.count(e, 1)
	e.rev = max(e.rev, rev)
	if e.spec == nil && e.order == nil && e.status == nil {
		delete(j.jobs, id)
	}
	j.mu.Unlock()
	for _, f := range j.changed {
		f(id)
	}
}

// count adds n for a job that has not ended. Called with mu held.
func (j *Jobs) count(e *joined, n int) {
	if e.spec == nil || e.status != nil && e.status.State.Final() {
		return
	}
	if j.open[e.spec.Owner] += n; j.open[e.spec.Owner] == 0 {
		delete(j.open, e.spec.Owner)
	}
}

// Unfinished counts the jobs that have not ended: those of an owner, and all.
func (j *Jobs) Unfinished(owner string) (mine, all int) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	for _, n := range j.open {
		all += n
	}
	return j.open[owner], all
}

// artifactsOf returns the digests of the contents that the steps of a plan name.
func artifactsOf(plan *recipe.Plan) (digests []string) {
	for i := 0; plan != nil && i < len(plan.Steps); i++ {
		digests = append(digests, coordinator.ArtifactsIn(string(plan.Steps[i].Config))...)
	}
	return digests
}

// Reading returns a job that has not ended and whose plan names the content with that digest.
func (j *Jobs) Reading(sha256 string) (id recipe.JobID, found bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	for _, e := range j.order {
		if slices.Contains(e.reads, sha256) && (e.status == nil || !e.status.State.Final()) {
			return e.spec.Job, true
		}
	}
	return "", false
}

// place puts a job into the order, or takes it out. Called with mu held.
func (j *Jobs) place(e *joined, spec *coordinator.Spec) {
	if e.spec != nil {
		if at, found := slices.BinarySearchFunc(j.order, e.spec, newestFirst); found {
			j.order = slices.Delete(j.order, at, at+1)
		}
	}
	if e.spec = spec; spec != nil {
		at, _ := slices.BinarySearchFunc(j.order, spec, newestFirst)
		j.order = slices.Insert(j.order, at, e)
	}
}

func newestFirst(e *joined, s *coordinator.Spec) int {
	return cmp.Or(s.Created.Compare(e.spec.Created), cmp.Compare(s.Job, e.spec.Job))
}

// Submit writes a job down. One of this id with the same Body is the same submission and is
// returned as it is; another is the fault coordinator.Conflict.
func (j *Jobs) Submit(ctx context.Context, s *coordinator.Spec) (job coordinator.Job, again bool, err error) {
	_, err = j.specs.Create(ctx, string(s.Job), s)
	if coordinator.FamilyOf(err) != coordinator.Changed || s.Body == "" {
		if err == nil {
			job, err = j.Job(s.Job)
		}
		return job, false, err
	}
	old, rev, err := j.specs.Read(ctx, string(s.Job))
	if err != nil {
		return job, false, err
	}
	if old.Body != s.Body {
		return job, false, coordinator.Faultf(coordinator.Conflict, "the idempotency key was used for another submission, job %s", s.Job)
	}
	if err := j.c.Seen(ctx, rev); err != nil {
		return job, false, err
	}
	job, err = j.Job(s.Job)
	return job, true, err
}

// Job returns a job without its progress, as this coordinator has seen it last.
func (j *Jobs) Job(id recipe.JobID) (coordinator.Job, error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	e := j.jobs[id]
	if e == nil || e.spec == nil {
		return coordinator.Job{}, coordinator.Faultf(coordinator.Unknown, "no such job: %s", id)
	}
	return e.job(), nil
}

func (e *joined) job() coordinator.Job {
	job := coordinator.Of(e.spec, e.order, e.status)
	job.Revision = e.rev
	return job
}

// Spec reads a job's spec whole, with its document and plan.
func (j *Jobs) Spec(ctx context.Context, id recipe.JobID) (*coordinator.Spec, error) {
	s, _, err := j.specs.Read(ctx, string(id))
	return s, err
}

// generations bounds how far back the job is looked for whose letters a replay of replays has.
const generations = 1000

// Replay returns a job that has not ended and replays dead letters of a job, or of one of its
// replays: it reads what is stored of that job.
func (j *Jobs) Replay(of recipe.JobID) (replay recipe.JobID, found bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	for _, e := range j.order {
		if e.spec.Parent == "" || e.status != nil && e.status.State.Final() {
			continue
		}
		parent := e.spec.Parent
		for range generations {
			if parent == of {
				return e.spec.Job, true
			}
			up := j.jobs[parent]
			if up == nil || up.spec == nil || up.spec.Parent == "" {
				break
			}
			parent = up.spec.Parent
		}
	}
	return "", false
}

// WriteStatus writes what has become of a job. Only the leader calls it; where another leader
// has written since, or one of a higher term before, the fault is coordinator.Changed: a leader
// that stood still finds out here that it is none any more.
func (j *Jobs) WriteStatus(ctx context.Context, id recipe.JobID, s coordinator.Status) error {
	j.mu.RLock()
	var rev, term uint64
	if e := j.jobs[id]; e != nil {
		rev = e.statusRev
		if e.status != nil {
			term = e.status.Term
		}
	}
	j.mu.RUnlock()
	if term > s.Term {
		return coordinator.Faultf(coordinator.Changed, "the status of job %s is written by a later leader", id)
	}
	_, err := j.status.Update(ctx, string(id), &s, rev)
	return err
}

// Forget removes the records of a job, the spec last: a leader that dies in between comes back
// to it. Everything else that is stored of the job must be gone before.
func (j *Jobs) Forget(ctx context.Context, id recipe.JobID) error {
	j.mu.RLock()
	e := j.jobs[id]
	var revs joined
	if e != nil {
		revs = *e
	}
	j.mu.RUnlock()
	if revs.status != nil {
		if err := j.status.Remove(ctx, string(id), revs.statusRev); err != nil {
			return err
		}
	}
	if revs.spec != nil {
		if err := j.specs.Remove(ctx, string(id), revs.specRev); err != nil {
			return err
		}
	}
	if revs.order != nil {
		return j.orders.Remove(ctx, string(id), revs.orderRev)
	}
	return nil
}

// All calls f with every job, newest first, until it returns false.
func (j *Jobs) All(f func(coordinator.Job) bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	for _, e := range j.order {
		if !f(e.job()) {
			return
		}
	}
}

// List returns a page of the jobs that a filter lets through.
func (j *Jobs) List(f coordinator.Filter) (coordinator.Page, error) {
	page := coordinator.Page{Jobs: []coordinator.Job{}}
	from := 0
	j.mu.RLock()
	defer j.mu.RUnlock()
	if f.After != "" {
		created, id, err := coordinator.Place(f.After)
		if err != nil {
			return page, err
		}
		at, found := slices.BinarySearchFunc(j.order, &coordinator.Spec{Created: created, Job: id}, newestFirst)
		if from = at; found {
			from++
		}
	}
	for _, e := range j.order[from:] {
		job := e.job()
		if !f.Matches(&job) {
			continue
		}
		if len(page.Jobs) == f.Limit {
			page.Next = page.Jobs[f.Limit-1].Cursor()
			break
		}
		page.Jobs = append(page.Jobs, job)
	}
	return page, nil
}
