package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

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

// told is what came of asking for secrets.
type told struct {
	mu     sync.Mutex
	byName map[string]answered // guarded by mu
}

// answered is what came of asking for one.
type answered struct {
	value string
	err   error
}

// learn asks for the secrets of all steps, before any of them runs: records carry values to the
// steps below, so the mask has to know them. Those of steps that this worker does not serve it
// may not be told; what is said of records is withheld then.
func (r *jobRun) learn(ctx context.Context) {
	for _, name := range r.plan.SecretNames() {
		if _, err := r.ask(ctx, name); err != nil {
			r.unsaid = append(r.unsaid, name)
		}
	}
}

// secret returns a secret's value, as it was when the job began here.
func (r *jobRun) secret(name string) (string, error) {
	r.told.mu.Lock()
	got, ok := r.told.byName[name]
	r.told.mu.Unlock()
	if ok {
		return got.value, got.err
	}
	return r.ask(context.Background(), name) // a step's that is not of the plan
}

// ask asks for a secret's value, which the mask hides from now on.
func (r *jobRun) ask(ctx context.Context, name string) (string, error) {
	v, err := r.fetch(ctx, name)
	r.told.mu.Lock()
	defer r.told.mu.Unlock()
	if r.told.byName == nil {
		r.told.byName = map[string]answered{}
	}
	r.told.byName[name] = answered{v, err}
	return v, err
}

// namer returns the node for which a secret is asked: one that names it, and that this worker
// serves if there is one. It is "" where none does, and only the letters of a replay hold it.
func (r *jobRun) namer(name string) (node string) {
	for i := range r.plan.Steps {
		step := &r.plan.Steps[i]
		if !strings.Contains(string(step.Config), secretOpen+name+"}") {
			continue
		}
		if r.w.serves(step) {
			return step.Node
		}
		if node == "" {
			node = step.Node
		}
	}
	return node
}

func (r *jobRun) fetch(ctx context.Context, name string) (string, error) {
	if r.w.cfg.Secret == nil {
		return "", fmt.Errorf("secret %s: this worker has no secrets", name)
	}
	v, err := r.w.cfg.Secret(ctx, r.names.Job, r.namer(name), name)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	if v != "" && len(strings.TrimSpace(v)) < leastSecret {
		return "", fmt.Errorf("secret %s: its value has fewer than %d bytes, which messages could not be kept free of; take a longer one", name, leastSecret)
	}
	r.mask.add(name, v)
	return v, nil
}
