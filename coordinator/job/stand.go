package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// standEvery is how often the coordinator looks whether the job's streams exist, servedEvery how
// often at its consumers while nothing calls for it, and consumersWithin bounds such a look.
const (
	standEvery      = time.Second
	servedEvery     = time.Minute
	consumersWithin = 5 * time.Second
	// A consumer is made anew that has not answered for muteAfter, asked for muteWithin each time: an
	// election takes less.
	muteAfter  = 30 * time.Second
	muteWithin = 2 * time.Second
)

// streamsStand fails the job when a stream of it is gone: nothing can move there any more,
// and what it held is lost.
func (r *run) streamsStand(ctx context.Context) {
	if time.Since(r.stood) < standEvery {
		return
	}
	r.stood = time.Now()
	name, err := r.conn.MissingStream(ctx, r.names, r.plan, r.late.names()...)
	if err != nil || name == "" {
		return
	}
	r.reason = goneReason(name)
	at := slices.IndexFunc(r.plan.Streams, func(s recipe.Stream) bool { return r.names.Fill(s.Name) == name })
	if at < 0 {
		return
	}
	edges := r.plan.Streams[at].Edges
	r.reason = fmt.Sprintf("stream %s is gone, and with it what waited on %s", name, r.edgeName(edges[0]))
	if n := len(edges) - 1; n > 0 {
		r.reason += fmt.Sprintf(" and on %d more", n)
	}
}

func goneReason(stream string) string {
	return fmt.Sprintf("stream %s is gone, and what it held is lost", stream)
}

// consumersStand makes those consumers again that are gone. They are kept in memory: a server
// that stands alone has none when it begins again. The connection has then come back, which is
// when to look; and while nothing moves; and now and then, since one branch of a job may move and
// another one not. With several servers a consumer can lose its leader for good: one that exists and
// does not answer is made anew, too. The error says that another coordinator runs the job now:
// consumers of two starts would be in each other's way.
func (r *run) consumersStand(ctx context.Context) error {
	n, since := r.conn.Reconnects(), time.Since(r.served)
	still := time.Since(r.moved)
	switch {
	case n != r.reconnects, since >= servedEvery:
	case still >= lostAfter && since >= max(lostAfter, still/2):
	case len(r.mute) > 0 && since >= muteAfter/2:
	default:
		return nil
	}
	r.served = time.Now()
	gone, err := r.goneConsumers(ctx)
	if err == nil && r.cfg.Replicas > 1 {
		err = r.dropMute(ctx, &gone)
	}
	if err == nil && len(gone) > 0 {
		err = r.remake(ctx, gone)
	}
	if errors.Is(err, errAnother) {
		return err
	}
	if err != nil { // the server has just begun; the next look is soon
		r.log.Debug("the job's consumers were not looked at", "err", err)
		return nil
	}
	r.reconnects = n
	return nil
}

// remake makes consumers again, unless the job was started anew. Those of another start, which
// its coordinator has made late, go.
func (r *run) remake(ctx context.Context, gone []bus.ConsumerConfig) error {
	ctx, cancel := context.WithTimeout(ctx, consumersWithin)
	defer cancel()
	switch rec, err := Stored(ctx, r.conn, r.names.Job); {
	case err != nil:
		return err
	case rec.Generation != r.rec.Generation:
		return fmt.Errorf("%w runs job %s", errAnother, r.names.Job)
	}
	if err := r.dropConsumers(ctx); err != nil {
		return err
	}
	if err := inParallel(gone, func(c bus.ConsumerConfig) error { return r.conn.EnsureConsumer(ctx, c) }); err != nil {
		return err
	}
	r.log.Info("consumers were gone, or did not answer, and are made again", "consumers", len(gone))
	return nil
}

// goneConsumers lists those of this start of the job that do not exist.
func (r *run) goneConsumers(ctx context.Context) ([]bus.ConsumerConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, consumersWithin)
	defer cancel()
	there := map[string][]string{}
	var gone []bus.ConsumerConfig
	for _, c := range r.consumers() {
		names, known := there[c.Stream]
		if !known {
			var err error
			if names, err = r.conn.Consumers(ctx, c.Stream); err != nil {
				return nil, err
			}
			there[c.Stream] = names
		}
		if _, found := slices.BinarySearch(names, c.Name); !found {
			gone = append(gone, c)
		}
	}
	return gone, nil
}

// dropMute deletes those consumers of this start of the job that have not answered for muteAfter,
// though their streams do, and adds them to those that are gone.
func (r *run) dropMute(ctx context.Context, gone *[]bus.ConsumerConfig) error {
	began, first := time.Now(), map[string]time.Time{}
	var mu sync.Mutex
	var mute []bus.ConsumerConfig
	_ = inParallel(r.consumers(), func(c bus.ConsumerConfig) error {
		at, before := r.mute[c.Name]
		isGone := slices.ContainsFunc(*gone, func(g bus.ConsumerConfig) bool { return g.Name == c.Name })
		late := time.Since(began) > consumersWithin // it is asked at the next look
		if isGone || late && !before || !late && !r.mutes(ctx, c) {
			return nil
		}
		if !before {
			at = began
		}
		mu.Lock()
		defer mu.Unlock()
		if late || began.Sub(at) < muteAfter {
			first[c.Name] = at
		} else {
			mute = append(mute, c)
		}
		return nil
	})
	r.mute = first
	*gone = append(*gone, mute...)
	return inParallel(mute, func(c bus.ConsumerConfig) error { return r.conn.DeleteConsumer(ctx, c.Stream, c.Name) })
}

// mutes reports whether a consumer can't be asked how far it is, though its stream can.
func (r *run) mutes(ctx context.Context, c bus.ConsumerConfig) bool {
	silent := func(name string, ask func(context.Context) error) bool {
		if r.deaf != nil && r.deaf(name) {
			return true
		}
		ctx, cancel := context.WithTimeout(ctx, muteWithin)
		defer cancel()
		return errors.Is(ask(ctx), bus.ErrTimeout)
	}
	return silent(c.Name, func(ctx context.Context) error { _, err := r.conn.ConsumerState(ctx, c.Stream, c.Name); return err }) &&
		!silent(c.Stream, func(ctx context.Context) error { _, err := r.conn.StreamState(ctx, c.Stream); return err })
}
