package worker

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// secretOpen begins a reference to a secret.
const secretOpen = "${secret:"

// secretNames returns the references to secrets in a step's settings, each once.
func secretNames(config []byte) []string {
	var names []string
	for _, rest := range strings.Split(string(config), secretOpen)[1:] {
		name, _, _ := strings.Cut(rest, "}")
		if name = secretOpen + name + "}"; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// refused says that a node refuses its settings once the secrets are filled in. What the node
// says may hold a secret; that one has no value tells nothing of it.
func (r *jobRun) refused(names []string) error {
	var empty []string
	for _, ref := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(ref, secretOpen), "}")
		if v, err := r.secret(name); err == nil && v == "" {
			empty = append(empty, ref)
		}
	}
	text := fmt.Sprintf("its settings are refused once %s is filled in (the reason is not shown, since it may hold the secret)", strings.Join(names, " and "))
	if len(empty) > 0 {
		text += fmt.Sprintf("; the value of %s is empty", strings.Join(empty, " and of "))
	}
	return errors.New(text)
}

// secrets fills in the values that a step's settings name.
func (r *jobRun) secrets(config []byte) ([]byte, error) {
	s := string(config)
	if !strings.Contains(s, secretOpen) {
		return config, nil
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, secretOpen)
		b.WriteString(before)
		if !found {
			return []byte(b.String()), nil
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return nil, fmt.Errorf("a reference to a secret is not closed")
		}
		v, err := r.secret(name)
		if err != nil {
			return nil, err
		}
		b.WriteString(quoteInside(v))
		s = after
	}
}

// secret returns a secret's value, which the mask hides from now on.
func (r *jobRun) secret(name string) (string, error) {
	if r.w.cfg.Secret == nil {
		return "", fmt.Errorf("secret %s: this worker has no secrets", name)
	}
	v, err := r.w.cfg.Secret(name)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	if v != "" && len(strings.TrimSpace(v)) < leastSecret {
		return "", fmt.Errorf("secret %s: its value has fewer than %d bytes, which messages could not be kept free of; take a longer one", name, leastSecret)
	}
	r.mask.add(name, v)
	return v, nil
}

// quoteInside escapes a value for the inside of a JSON string.
func quoteInside(v string) string {
	q, _ := json.Marshal(v)
	return string(q[1 : len(q)-1])
}

// putValue stores a large value under a name that also says what is in it, and how much.
func (r *jobRun) putValue(ctx context.Context, name string, data []byte) (string, error) {
	values, err := r.values(ctx)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(data)
	name = fmt.Sprintf("%s-%x-%d", name, digest[:8], len(data))
	if err := values.Put(ctx, name, digest, data); err != nil {
		return "", fmt.Errorf("store a value of %d bytes: %w", len(data), err)
	}
	return name, nil
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
	values, err := r.values(ctx)
	if err != nil {
		return nil, err
	}
	return values.Read(ctx, name)
}

// deleteValue deletes a large value.
func (r *jobRun) deleteValue(ctx context.Context, name string) error {
	values, err := r.values(ctx)
	if err != nil {
		return err
	}
	return values.Delete(ctx, name)
}

// values opens the job's store of large values.
func (r *jobRun) values(ctx context.Context) (*bus.Objects, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.objects == nil {
		o, err := r.conn.Objects(ctx, bus.ObjectsConfig{Stream: r.names.Values(), Prefix: r.names.ValuesPrefix()})
		if err != nil {
			return nil, err
		}
		r.objects = o
	}
	return r.objects, nil
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
