package worker

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// encode makes the message of a frame. A payload that is too large for a message is put
// into the job's values, and its name travels instead.
func (r *jobRun) encode(step *recipe.Step, port int, h *bus.Header, payload []byte) ([]byte, error) {
	if len(payload) <= recipe.InlineBytes {
		return bus.AppendFrame(make([]byte, 0, len(payload)+frameOverhead), h, payload), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	digest := sha256.Sum256(payload)
	name := fmt.Sprintf("s%d.p%d.%s-%x", step.ID, port, h.Ordinal(), digest[:8])
	if err := r.values.Put(ctx, name, digest, payload); err != nil {
		return nil, fmt.Errorf("store a value of %d bytes: %w", len(payload), err)
	}
	hr := *h
	hr.Ref = true
	return bus.AppendFrame(nil, &hr, []byte(name)), nil
}

const frameOverhead = 96

// payload returns a frame's records, fetched where they travel by reference.
func (r *jobRun) payload(ctx context.Context, h *bus.Header, p []byte) ([]byte, error) {
	if !h.Ref {
		return p, nil
	}
	return r.values.Read(ctx, string(p))
}

// secrets fills in the values that a step's settings name.
func (r *jobRun) secrets(config []byte) ([]byte, error) {
	const open = "${secret:"
	s := string(config)
	if !strings.Contains(s, open) {
		return config, nil
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, open)
		b.WriteString(before)
		if !found {
			return []byte(b.String()), nil
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return nil, fmt.Errorf("a reference to a secret is not closed")
		}
		if r.w.cfg.Secret == nil {
			return nil, fmt.Errorf("secret %s: this worker has no secrets", name)
		}
		v, err := r.w.cfg.Secret(name)
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", name, err)
		}
		b.WriteString(quoteInside(v))
		s = after
	}
}

// quoteInside escapes a value for the inside of a JSON string.
func quoteInside(v string) string {
	q, _ := json.Marshal(v)
	return string(q[1 : len(q)-1])
}

// putValue stores a large value under a name that also says what is in it.
func (r *jobRun) putValue(ctx context.Context, name string, data []byte) (string, error) {
	digest := sha256.Sum256(data)
	name = fmt.Sprintf("%s-%x", name, digest[:8])
	return name, r.values.Put(ctx, name, digest, data)
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
