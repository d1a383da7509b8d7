package worker

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// encode makes the message of a frame. A payload that is too large for a message is put
// into the job's values, and its name travels instead.
func (r *jobRun) encode(step *recipe.Step, port int, h *bus.Header, payload []byte) ([]byte, error) {
	if len(payload) <= recipe.InlineBytes {
		return bus.AppendFrame(nil, h, payload), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	name, err := r.putValue(ctx, fmt.Sprintf("s%d-p%d-%s", step.ID, port, h.Ordinal()), payload)
	if err != nil {
		return nil, err
	}
	hr := *h
	hr.Ref = true
	return bus.AppendFrame(nil, &hr, []byte(name)), nil
}

// payload returns a frame's records, fetched where they travel by reference. They stay
// valid until the instance's next frame. What is damaged or gone is unreadable.
func (in *instance) payload(ctx context.Context, h *bus.Header, p bus.Payload) ([]byte, error) {
	b, err := p.Unpack(in.room)
	if err != nil {
		return nil, &unreadable{err}
	}
	if h.Ref {
		v, err := in.run.value(ctx, string(b))
		if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrDigest) {
			err = &unreadable{err}
		}
		return v, err
	}
	if p.Packed() && cap(b) > cap(in.room) && cap(b) <= keepRoom {
		in.room = b
	}
	return b, nil
}

// keepRoom is the size up to which an instance keeps the room of a payload for the next.
const keepRoom = 1 << 20

// quoteInside escapes a value for the inside of a JSON string.
func quoteInside(v string) string {
	q, _ := json.Marshal(v)
	return string(q[1 : len(q)-1])
}

// putValue stores a large value under a name that also says what is in it, and how much.
func (r *jobRun) putValue(ctx context.Context, name string, data []byte) (string, error) {
	digest := sha256.Sum256(data)
	name = fmt.Sprintf("%s-%x-%d", name, digest[:8], len(data))
	for {
		err := r.values().Put(ctx, name, digest, data)
		if errors.Is(err, bus.ErrNoStream) { // nobody needed one before
			if err = r.need(ctx, bus.LaterValues); err == nil {
				continue
			}
		}
		if err != nil {
			return "", fmt.Errorf("store a value of %d bytes: %w", len(data), err)
		}
		return name, nil
	}
}

// need has the coordinator make a stream of the job. It waits for one to be there until ctx ends:
// workers make no streams.
func (r *jobRun) need(ctx context.Context, which bus.Later) error {
	ask, err := json.Marshal(bus.Chore{Make: which})
	if err != nil {
		return err
	}
	for {
		answer, err := r.conn.Request(ctx, r.names.Chores(), ask)
		switch {
		case err == nil && string(answer) == bus.ChoreFull:
			return fmt.Errorf("stream %s was not made: %w", r.names.Later(which), bus.ErrStore)
		case errors.Is(err, bus.ErrClosed), err == nil && string(answer) != bus.ChoreAgain:
			return err
		case errors.As(err, new(*bus.Refusal)):
			return fmt.Errorf("the coordinator made no stream %s: %w", r.names.Later(which), err)
		}
		if !pause(ctx, troubleWait) {
			return fmt.Errorf("no coordinator made the stream %s: %w", r.names.Later(which), bus.ErrTimeout)
		}
	}
}

// chore tells the coordinator what may be removed. What is lost on the way is asked for with the
// next.
func (r *jobRun) chore(c bus.Chore) {
	data, err := json.Marshal(c)
	if err == nil {
		err = r.conn.Send(r.names.Chores(), data)
	}
	if err != nil {
		r.log.Debug("a chore was not asked for", "err", err)
	}
}

// valueSize returns the size of a large value, of which its name tells.
func valueSize(name string) int64 {
	n, err := strconv.ParseInt(name[strings.LastIndexByte(name, '-')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// value reads a large value by its name.
func (r *jobRun) value(ctx context.Context, name string) ([]byte, error) {
	v, err := r.values().Read(ctx, name)
	if errors.Is(err, bus.ErrNoStream) { // a job that is gone is known by its other streams
		err = fmt.Errorf("object %s: %w", name, bus.ErrNotFound)
	}
	return v, err
}

// values is the job's store of large values.
func (r *jobRun) values() *bus.Objects {
	return r.conn.OpenObjects(bus.ObjectsConfig{Stream: r.names.Values(), Prefix: r.names.ValuesPrefix()})
}

// putUntil stores a message, again after every timeout.
func (r *jobRun) putUntil(ctx context.Context, p bus.Put) error {
	for {
		out := r.pub.PutSync(ctx, p)
		if !errors.Is(out.Err, bus.ErrTimeout) || ctx.Err() != nil {
			return out.Err
		}
	}
}
