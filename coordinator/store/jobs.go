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
	freed  Table[freed] // without a view

	mu      sync.RWMutex
	jobs    map[recipe.JobID]*joined // guarded by mu
	order   []*joined                // newest first; guarded by mu
	open    map[string]int           // jobs that have not ended, by owner; guarded by mu
	changed []func(recipe.JobID)     // set before Follow

	// Removed, for tests, is called behind each record that Forget removes; its error ends Forget.
	// It is set before the control plane follows.
	Removed func(table string) error
}

// joined is a job with what is kept of it in memory: all but the document, the plan and the
// progress.
type joined struct {
	spec      *coordinator.Spec // nil: removed, or not seen yet
	secrets   []string          // names of those that its plan needs
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
	j := &Jobs{c: c, specs: jobTable[coordinator.Spec](c, "job"), orders: jobTable[coordinator.Order](c, "order"),
		status: jobTable[coordinator.Status](c, "status"),
		freed:  NewTable[freed](c, "freed"), jobs: map[recipe.JobID]*joined{}, open: map[string]int{}}
	j.specs.View(func(key string, v *coordinator.Spec, ch Change) {
		j.change(key, ch.Rev, func(e *joined) {
			if v != nil {
				e.reads = coordinator.ArtifactsOf(v.Plan)
				if v.Plan != nil {
					e.secrets = v.Plan.SecretNames()
				}
				v.Plan, v.Source, v.Files, v.Params = nil, "", nil, nil
			}
			j.place(e, v)
			e.specRev = revOf(v, ch)
		})
	})
	j.orders.View(func(key string, v *coordinator.Order, ch Change) {
		j.change(key, ch.Rev, func(e *joined) { e.order, e.orderRev = v, revOf(v, ch) })
	})
	j.status.View(func(key string, v *coordinator.Status, ch Change) {
		if v != nil {
			v.Progress = nil
		}
		j.change(key, ch.Rev, func(e *joined) { e.status, e.statusRev = v, revOf(v, ch) })
	})
	return j
}

// revOf is the revision that the next write of a record replaces: 0 where it was removed, since
// the mark of that goes away by itself.
func revOf[T any](v *T, ch Change) uint64 {
	if v == nil {
		return 0
	}
	return ch.Rev
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

// Unfinished counts the jobs of an owner that have not ended.
func (j *Jobs) Unfinished(owner string) int {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.open[owner]
}

// Earlier counts the jobs of its owner that have not ended and were written before a job, by
// whichever coordinator: it is the same at all of them. It looks at every job.
func (j *Jobs) Earlier(id recipe.JobID) (n int) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	own := j.jobs[id]
	if own == nil || own.spec == nil {
		return 0
	}
	for _, e := range j.order {
		if e.spec.Owner == own.spec.Owner && e.specRev < own.specRev && (e.status == nil || !e.status.State.Final()) {
			n++
		}
	}
	return n
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

// Needing returns a job that has not ended and whose plan names that secret.
func (j *Jobs) Needing(secret string) (id recipe.JobID, found bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	for _, e := range j.order {
		if slices.Contains(e.secrets, secret) && (e.status == nil || !e.status.State.Final()) {
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
