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

// standEvery is how often the coordinator looks whether the job's streams exist, and
// consumersWithin bounds one look at its consumers.
const (
	standEvery      = time.Second
	consumersWithin = 5 * time.Second
	// muteAfter is how long nothing has moved before consumers that do not answer are made anew: an
	// election takes less.
	muteAfter = 30 * time.Second
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
// when to look; and now and then while nothing moves. When that lasts, those that do not answer are
// made anew, too: with several servers a consumer can lose its leader for good. The error says that another coordinator
// runs the job now: consumers of two starts would be in each other's way.
func (r *run) consumersStand(ctx context.Context) error {
	n := r.conn.Reconnects()
	still := time.Since(r.moved)
	if n == r.reconnects && (still < lostAfter || time.Since(r.served) < max(lostAfter, still/2)) {
		return nil
	}
	r.served = time.Now()
	ctx, cancel := context.WithTimeout(ctx, consumersWithin)
	defer cancel()
	gone, err := r.goneConsumers(ctx)
	if err == nil && len(gone) == 0 && still > muteAfter {
		gone, err = r.muteConsumers(ctx)
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

// muteConsumers deletes those of this start of the job that do not answer, and lists them. Where none
// answers it is the servers that don't, which passes: none is deleted.
func (r *run) muteConsumers(ctx context.Context) (mute []bus.ConsumerConfig, err error) {
	all := r.consumers()
	ask, cancel := context.WithTimeout(ctx, consumersWithin/2)
	defer cancel()
	var mu sync.Mutex
	_ = inParallel(all, func(c bus.ConsumerConfig) error {
		if r.answers(ask, c.Stream, c.Name) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		mute = append(mute, c)
		return nil
	})
	if len(mute) == len(all) {
		return nil, nil
	}
	return mute, inParallel(mute, func(c bus.ConsumerConfig) error { return r.conn.DeleteConsumer(ctx, c.Stream, c.Name) })
}

// answers reports whether a consumer can be asked how far it is.
func (r *run) answers(ctx context.Context, stream, name string) bool {
	if r.deaf != nil && r.deaf(name) {
		return false
	}
	_, err := r.conn.ConsumerState(ctx, stream, name)
	return !errors.Is(err, bus.ErrTimeout)
}
