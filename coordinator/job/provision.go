package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// duplicates is how long the server remembers the ids of an edge's messages. They only
// save work, and each costs memory.
const duplicates = 2 * time.Second

// provision makes the job's streams and consumers and tells the workers. It may be
// repeated, whatever an earlier one got done.
func (r *run) provision(ctx context.Context) error {
	for _, do := range r.provisions() {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// provisions lists what is done, in order. Consumers of an earlier start are gone before
// the workers are told of this one.
func (r *run) provisions() []func(context.Context) error {
	return []func(context.Context) error{
		r.claim,
		func(ctx context.Context) error {
			return inParallel(r.streams(), func(s bus.StreamConfig) error { return r.conn.EnsureStream(ctx, s) })
		},
		r.dropConsumers,
		func(ctx context.Context) error {
			return inParallel(r.consumers(), func(c bus.ConsumerConfig) error { return r.conn.EnsureConsumer(ctx, c) })
		},
		r.orderSplits,
		r.announce,
	}
}

// claim begins a new start of the job.
func (r *run) claim(ctx context.Context) error {
	r.rec.Generation++
	r.late.claimed(r.rec.Generation)
	r.rec.AckWait, r.rec.Lease = orDefault(r.cfg.AckWait, defaultAckWait), orDefault(r.cfg.Lease, defaultLease)
	return r.write(ctx, recipe.JobPending)
}

// orderSplits puts the order to list its splits into the queue of each source.
func (r *run) orderSplits(ctx context.Context) error {
	order, err := json.Marshal(bus.SplitMessage{List: true})
	if err != nil {
		return err
	}
	for i := range r.plan.Steps {
		if r.plan.Steps[i].Role != recipe.RoleSource {
			continue
		}
		if out := r.pub.PutSync(ctx, bus.Put{Subject: r.names.SplitOrder(i), Data: order}); out.Err != nil && !errors.Is(out.Err, bus.ErrFull) {
			return fmt.Errorf("order the splits of step %s: %w", r.plan.Steps[i].Node, out.Err)
		}
	}
	return nil
}

// announce tells the workers.
func (r *run) announce(ctx context.Context) error {
	if r.rec.Drain {
		return r.write(ctx, recipe.JobDraining)
	}
	return r.write(ctx, recipe.JobRunning)
}

// onceStream is one that keeps the first message of a subject.
func onceStream(name, subjects string, replicas int) bus.StreamConfig {
	return bus.StreamConfig{Name: name, Subjects: []string{subjects}, MaxMsgsPerSubject: 1, DiscardNew: true, AllowDirect: true, Replicas: replicas}
}

// streams lists the streams that the job has from the beginning. For the others see chores.go.
func (r *run) streams() []bus.StreamConfig {
	all := []bus.StreamConfig{
		onceStream(r.names.Ledger(), r.names.LedgerAll(), r.cfg.Replicas),
		{Name: r.names.State(), Subjects: []string{r.names.StateAll()}, MaxMsgsPerSubject: 1, AllowDirect: true},
		{Name: r.names.Splits(), Subjects: []string{r.names.SplitsAll()}, WorkQueue: true, MaxMsgsPerSubject: 1, DiscardNew: true},
	}
	if slices.Contains(r.names.Streams(r.plan), r.names.Journal()) {
		all = append(all, onceStream(r.names.Journal(), r.names.JournalAll(), r.cfg.Replicas))
	}
	for i := range r.plan.Streams {
		s := &r.plan.Streams[i]
		c := bus.StreamConfig{Name: r.names.Fill(s.Name), WorkQueue: true, MaxMsgsPerSubject: int64(s.Limit), DiscardNew: true,
			MaxAge: maxAge(s.TTL), Duplicates: duplicates, AllowDirect: true}
		for _, id := range s.Edges {
			c.Subjects = append(c.Subjects, r.names.Fill(r.plan.Edge(id).Subject))
		}
		all = append(all, c)
	}
	for i := range all {
		all[i].Replicas = r.cfg.Replicas
	}
	return all
}

// consumers lists those of stateless steps and of the sources' queues. Those of ordered
// steps are made by whoever reigns. How far they are is kept in memory only, which is a sixth of
// the CPU of a job and a quarter with three replicas: what is done leaves its stream, and a
// consumer that is made anew hands out the rest. See consumersStand.
func (r *run) consumers() []bus.ConsumerConfig {
	var all []bus.ConsumerConfig
	for i := range r.plan.Steps {
		s := &r.plan.Steps[i]
		switch s.Role {
		case recipe.RoleSource:
			all = append(all, bus.ConsumerConfig{Stream: r.names.Splits(), Name: r.names.Consumer(i, "", r.rec.Generation, 0),
				Filter: r.names.SplitQueue(i), AckWait: r.rec.AckWait, MaxAckPending: r.plan.Window.Splits, Memory: true})
		case recipe.RoleRelay, recipe.RoleGate:
			for _, id := range s.In {
				e := r.plan.Edge(id)
				all = append(all, bus.ConsumerConfig{Stream: r.names.Fill(r.plan.Streams[e.Stream].Name), Name: r.names.Consumer(i, id, r.rec.Generation, 0),
					Filter: r.names.Fill(e.Subject), AckWait: r.rec.AckWait, MaxAckPending: e.InHand, Memory: true})
			}
		}
	}
	return all
}

// dropConsumers deletes the consumers of earlier generations, so that what their readers
// had in hand is handed out again at once, and their late acknowledgements do nothing.
func (r *run) dropConsumers(ctx context.Context) error {
	if r.rec.Generation == 1 {
		return nil
	}
	streams := []string{r.names.Splits()}
	for i := range r.plan.Streams {
		streams = append(streams, r.names.Fill(r.plan.Streams[i].Name))
	}
	mine := fmt.Sprintf("-g%d", r.rec.Generation)
	for _, s := range streams {
		names, err := r.conn.Consumers(ctx, s)
		if err != nil {
			return fmt.Errorf("list the consumers of %s: %w", s, err)
		}
		for _, n := range names {
			if strings.HasSuffix(n, mine) || strings.Contains(n, mine+"-") { // the latter of an ordered step
				continue
			}
			if err := r.conn.DeleteConsumer(ctx, s, n); err != nil {
				return fmt.Errorf("delete consumer %s: %w", n, err)
			}
		}
	}
	return nil
}

// requests is how many streams or consumers are made at once.
const requests = 16

// inParallel calls do for all, some at a time, and returns the first error.
func inParallel[T any](all []T, do func(T) error) error {
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	slots := make(chan struct{}, requests)
	for _, x := range all {
		slots <- struct{}{}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			if err := do(x); err != nil {
				once.Do(func() { first = err })
			}
		}()
	}
	wg.Wait()
	return first
}

// ageGrace is how much longer than its ttl a frame is stored: its gate is to expire it. What
// the server removes only the coordinator can make up for, and not at once.
const ageGrace = time.Second

// maxAge is that of the stream of edges with a ttl, 0 for none.
func maxAge(ttl time.Duration) time.Duration {
	if ttl == 0 {
		return 0
	}
	return ttl + ageGrace
}
