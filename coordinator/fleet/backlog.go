package fleet

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

const (
	// BacklogEvery is the least time between two measurements.
	BacklogEvery = 5 * time.Second
	// measureWithin bounds one.
	measureWithin = 10 * time.Second
	// measureAtOnce are the streams that are asked for at once.
	measureAtOnce = 8
	// wantedFor is how long a plan counts as waiting that was found unserved: who waits asks
	// again within that time.
	wantedFor = 15 * time.Second
)

// demand is a kind in a pool.
type demand struct{ kind, pool string }

// queue is a stream of an active job, with the readers of its subjects.
type queue struct {
	stream, filter string
	readers        map[string]demand // by subject; of a queue of splits by the filter alone
}

// backlog is what is known of the work that waits.
type backlog struct {
	mu     sync.Mutex
	active map[recipe.JobID][]queue // guarded by mu, as the next two
	wanted map[*recipe.Plan]wanted
	swept  time.Time // when those of wanted that were over were last removed

	measuring sync.Mutex            // guards what follows, and is held during a measurement
	last      []coordinator.Backlog // what it found
	tried     time.Time
}

// wanted is what nobody serves of a plan that was asked for.
type wanted struct {
	steps   []demand // none when all is served
	changes uint64   // of the fleet, when it was asked for
	until   time.Time
}

// recorded takes the record of a job: an active one is measured, any other costs nothing.
func (f *Fleet) recorded(m *bus.Stored) {
	var rec bus.JobRecord
	id := bus.JobOf(m.Subject)
	var queues []queue
	if len(m.Data) > 0 {
		if err := bus.DecodeRecord(m.Data, &rec); err != nil {
			f.log.Warn("a job's record does not decode", "job", string(id), "err", err)
		} else if rec.State == recipe.JobRunning || rec.State == recipe.JobDraining {
			queues = queuesOf(bus.Names{Job: id}, rec.Plan)
		}
	}
	f.backlog.mu.Lock()
	defer f.backlog.mu.Unlock()
	if queues == nil {
		delete(f.backlog.active, id)
		return
	}
	f.backlog.active[id] = queues
}

// queuesOf lists where frames and splits of a job wait.
func queuesOf(n bus.Names, plan *recipe.Plan) []queue {
	var all []queue
	for i := range plan.Steps {
		if s := &plan.Steps[i]; s.Role == recipe.RoleSource {
			all = append(all, queue{n.Splits(), n.SplitQueue(i), map[string]demand{n.SplitQueue(i): {s.Kind, s.Pool}}})
		}
	}
	for i := range plan.Streams {
		q := queue{n.Fill(plan.Streams[i].Name), ">", map[string]demand{}}
		for _, id := range plan.Streams[i].Edges {
			e := plan.Edge(id)
			to := &plan.Steps[e.To]
			q.readers[n.Fill(e.Subject)] = demand{to.Kind, to.Pool}
		}
		all = append(all, q)
	}
	return all
}

// want notes the steps of a plan that nobody serves after so many changes of the fleet.
func (f *Fleet) want(plan *recipe.Plan, steps []demand, changes uint64) {
	b := &f.backlog
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.swept) > time.Second { // not at each call: a thousand waiting jobs would look at a thousand
		b.swept = now
		maps.DeleteFunc(b.wanted, func(_ *recipe.Plan, w wanted) bool { return now.After(w.until) })
	}
	b.wanted[plan] = wanted{steps, changes, now.Add(wantedFor)}
}

// known reports whether all steps of a plan were served the last time that it was asked for,
// and nothing has changed since: the watchdogs of running jobs ask ten times a second.
func (f *Fleet) known(plan *recipe.Plan) bool {
	f.mu.Lock()
	changes := f.changes
	f.mu.Unlock()
	f.backlog.mu.Lock()
	defer f.backlog.mu.Unlock()
	w, ok := f.backlog.wanted[plan]
	return ok && len(w.steps) == 0 && w.changes == changes && time.Now().Before(w.until)
}

// Backlog returns the work that waits, by kind and pool. It is measured at most once in
// [BacklogEvery], whoever asks; jobs that rest are not asked for. Where the server does not
// answer, the error says so and the last measurement is returned.
func (f *Fleet) Backlog(ctx context.Context) ([]coordinator.Backlog, error) {
	b := &f.backlog
	b.measuring.Lock()
	defer b.measuring.Unlock()
	if time.Since(b.tried) < BacklogEvery {
		return slices.Clone(b.last), nil
	}
	b.tried = time.Now()
	ctx, cancel := context.WithTimeout(ctx, measureWithin)
	defer cancel()
	counts, err := f.measure(ctx)
	if err == nil {
		b.last = listed(counts, f.cfg.Project)
	}
	return slices.Clone(b.last), err
}

func listed(counts map[demand]int64, project string) []coordinator.Backlog {
	all := make([]coordinator.Backlog, 0, len(counts))
	for d, n := range counts {
		all = append(all, coordinator.Backlog{Kind: d.kind, Pool: d.pool, Project: project, Frames: n})
	}
	slices.SortFunc(all, func(a, b coordinator.Backlog) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Pool, b.Pool))
	})
	return all
}

// measure asks for all queues of active jobs. A kind with nothing on its edges counts 0, as long
// as a job is active that has it.
func (f *Fleet) measure(ctx context.Context) (map[demand]int64, error) {
	counts := map[demand]int64{}
	var queues []queue
	f.backlog.mu.Lock()
	for _, q := range f.backlog.active {
		queues = append(queues, q...)
	}
	for _, w := range f.backlog.wanted {
		if time.Now().Before(w.until) {
			for _, d := range w.steps {
				counts[d]++
			}
		}
	}
	f.backlog.mu.Unlock()
	var mu sync.Mutex
	var all sync.WaitGroup
	var faults error
	next := make(chan *queue)
	for range min(measureAtOnce, len(queues)) {
		all.Go(func() {
			for q := range next {
				got, err := f.cfg.Conn.SubjectCounts(ctx, q.stream, q.filter)
				mu.Lock()
				if err != nil && !errors.Is(err, bus.ErrNoStream) { // the job has ended meanwhile
					faults = err
				}
				q.add(got, counts)
				mu.Unlock()
			}
		})
	}
	for i := range queues {
		next <- &queues[i]
	}
	close(next)
	all.Wait()
	return counts, faults
}

// add counts what waits for each reader.
func (q *queue) add(got map[string]uint64, counts map[demand]int64) {
	for subject, d := range q.readers {
		counts[d] += int64(got[subject])
		if subject == q.filter { // a subject for each split
			for _, n := range got {
				counts[d] += int64(n)
			}
		}
	}
}
