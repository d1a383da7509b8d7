package job

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// ending is how a run ends.
type ending struct {
	state  recipe.JobState
	reason string
}

// loop owns the accountant: it folds what comes until the job ends or has to rest.
func (r *run) loop(ctx context.Context, c Control) (ending, error) {
	within, end := c.within(ctx)
	stops, err := r.subscribe(within)
	defer func() {
		end(nil) // first, so that no subscription waits for this loop
		for _, f := range stops {
			f()
		}
	}()
	if err != nil && within.Err() != nil {
		return asked(within)
	}
	if err != nil {
		return ending{}, err
	}
	if r.cfg.Show != nil {
		r.shower = newShower(r.cfg.Show)
		defer r.shower.close()
	}
	fold := time.NewTicker(foldEvery)
	defer fold.Stop()
	help := time.NewTicker(helpEvery)
	defer help.Stop()
	for {
		select {
		case <-within.Done():
			return asked(within)
		case <-c.Drain:
			c.Drain = nil
			err = r.drain(within)
		case f := <-r.news:
			f()
		case <-fold.C:
			err = r.fold(within)
		case <-help.C:
			err = r.look(within)
		}
		if err != nil && within.Err() == nil {
			return ending{}, err
		}
		if end, over := r.over(); over {
			if over, err := r.last(ctx, end); over || err != nil {
				return end, err
			}
		}
	}
}

// look is what the loop does now and then: help, and see whether something is wrong.
func (r *run) look(ctx context.Context) error {
	r.tellMarks()
	r.help(ctx)
	r.streamsStand(ctx)
	if err := r.consumersStand(ctx); err != nil {
		return err
	}
	r.watchdog(ctx)
	if err := r.sweepValues(ctx); err != nil {
		r.log.Debug("large values not swept", "err", err)
	}
	r.watchLedger(ctx)
	return nil
}

// over reports whether the job is at its end, and which.
func (r *run) over() (ending, bool) {
	if r.reason != "" {
		return ending{recipe.JobFailed, r.reason}, true
	}
	if r.rest != "" {
		return ending{recipe.JobStopped, r.rest}, true
	}
	for i := range r.plan.Steps {
		if f := &r.acct.Fold.Steps[i]; f.Dead+f.Damaged > r.plan.Steps[i].MaxDead {
			return ending{recipe.JobFailed, fmt.Sprintf("node %s made more than %d dead letters (max_dead)", r.plan.Steps[i].Node, r.plan.Steps[i].MaxDead)}, true
		}
	}
	if !r.acct.Done() || !r.gap.IsZero() {
		return ending{}, false
	}
	if err := r.acct.Balance(); err != nil {
		return ending{recipe.JobFailed, err.Error()}, true
	}
	return ending{state: recipe.JobSucceeded}, true
}

// subscribe brings the ledger, the job's state and the steps' places into the loop.
func (r *run) subscribe(ctx context.Context) (stops []func(), err error) {
	post := func(f func()) {
		select {
		case r.news <- f:
		case <-ctx.Done():
		}
	}
	ledger := func(m *bus.Stored) {
		e, err := protocol.DecodeEntry(m.Data)
		post(func() { r.entry(m, e, err) })
	}
	stop, err := r.conn.Tail(ctx, r.names.Ledger(), r.names.LedgerAll(), 0, ledger)
	if err != nil {
		return stops, fmt.Errorf("read the ledger: %w", err)
	}
	stops = append(stops, stop)
	if stop, err = r.conn.Tail(ctx, r.names.State(), r.names.StateAll(), 0, func(m *bus.Stored) { post(func() { r.state(m) }) }); err != nil {
		return stops, fmt.Errorf("read the job's state: %w", err)
	}
	stops = append(stops, stop)
	if stop, err = r.conn.Subscribe(r.names.PlaceAll(), func(subject string, data []byte) { post(func() { r.placed(subject, data) }) }); err != nil {
		return stops, err
	}
	stops = append(stops, stop)
	stop, err = r.conn.Subscribe(r.names.Resting(), func(_ string, data []byte) { post(func() { _ = json.Unmarshal(data, &r.rest) }) })
	if err != nil {
		return stops, err
	}
	stops = append(stops, stop)
	stop, err = r.conn.Subscribe(r.names.Failing(), func(_ string, data []byte) { post(func() { r.failed(data) }) })
	return append(stops, stop), err
}

// entry takes one entry of the ledger.
func (r *run) entry(m *bus.Stored, e *protocol.Entry, err error) {
	r.catchUp(m.Time)
	if err == nil {
		err = r.acct.Add(m.Seq, e, time.Since(r.began)-r.conn.Age(m.Time))
	}
	if err != nil {
		r.reason = fmt.Sprintf("the ledger is damaged at %s: %v", m.Subject, err)
	}
	r.moved, r.heard = time.Now(), m.Seq
}

// state takes one value of the job's state.
func (r *run) state(m *bus.Stored) {
	key, numbers := r.names.StateKey(m.Subject)
	switch {
	case key == "failure":
		r.failed(m.Data)
	case key == "splits" && len(numbers) == 1:
		var list bus.SplitList
		if json.Unmarshal(m.Data, &list) == nil {
			r.listed(numbers[0], &list)
			r.read[numbers[0]] = time.Now()
		}
	case key == "split" && len(numbers) == 2:
		var rec bus.SplitRecord
		if json.Unmarshal(m.Data, &rec) == nil {
			r.acct.Split(numbers[0], uint32(numbers[1]), protocol.SplitState(rec))
			r.moved = time.Now()
			r.read[numbers[0]] = r.moved
		}
	}
}

func (r *run) placed(subject string, data []byte) {
	if step := r.names.PlaceStep(subject); step >= 0 && step < len(r.plan.Steps) {
		if pl, ok := protocol.DecodePlace(data); ok {
			r.acct.Watermark(step, pl.Cursors)
		}
	}
}

func (r *run) failed(data []byte) {
	var reason string
	if json.Unmarshal(data, &reason) == nil && r.reason == "" {
		r.reason = reason
	}
}
