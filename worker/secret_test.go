package worker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// TestRefusedSecretIsNotTold: what a kind says of settings that a secret was filled into may
// have the secret in pieces, which no mask finds.
func TestRefusedSecretIsNotTold(t *testing.T) {
	type config struct {
		Text string `json:"text" doc:"a text"`
		More string `json:"more" doc:"more text" default:""`
	}
	for _, panics := range []bool{false, true} {
		kind := nodes.Define(nodes.Spec{Kind: "picky"}, func(c config, _ *nodes.Env) (any, error) {
			err := errors.New("text has the word " + c.Text[3:6])
			if panics {
				panic(err)
			}
			return nil, err
		})
		w := &Worker{log: hclog.NewNullLogger(), cfg: Config{Secret: func(context.Context, recipe.JobID, string, string) (string, error) { return "my hunter2", nil }}}
		r := newJobRun(w, bus.JobRecord{Plan: &recipe.Plan{}})
		_, err := r.build(&recipe.Step{Node: "x", Config: []byte(`{"text":"${secret:r}","more":"${secret:r} ${secret:s}"}`)}, &kind)
		if err == nil || strings.Contains(err.Error(), "hun") || !strings.Contains(err.Error(), "node x: its settings are refused once ${secret:r} and ${secret:s} is") {
			t.Errorf("got %v", err)
		}
		if _, err := r.build(&recipe.Step{Node: "x", Config: []byte(`{"text":"my text"}`)}, &kind); err == nil || !strings.Contains(err.Error(), "the word tex") {
			t.Errorf("without a secret: got %v", err)
		}
	}
}

// TestEmptySecretIsNamed: a secret whose variable is set to nothing is the likely reason for which
// a key is refused.
func TestEmptySecretIsNamed(t *testing.T) {
	type config struct {
		Text string `json:"text" doc:"a text"`
		More string `json:"more" doc:"more text" min:"1"`
	}
	kind := nodes.Define(nodes.Spec{Kind: "picky"}, func(config, *nodes.Env) (any, error) { return nil, nil })
	w := &Worker{log: hclog.NewNullLogger(), cfg: Config{Secret: func(_ context.Context, _ recipe.JobID, _, name string) (string, error) {
		if name == "none" {
			return "", nil
		}
		return "my hunter2", nil
	}}}
	r := newJobRun(w, bus.JobRecord{Plan: &recipe.Plan{}})
	_, err := r.build(&recipe.Step{Node: "x", Config: []byte(`{"text":"${secret:r}","more":"${secret:none}"}`)}, &kind)
	if err == nil || !strings.HasSuffix(err.Error(), "; the value of ${secret:none} is empty") {
		t.Errorf("got %v", err)
	}
}

// quoting is a node that quotes its state when it refuses it.
type quoting struct{ nodes.Stateful }

func (quoting) Process(*nodes.Call, nodes.Record) error { return nil }
func (quoting) Restore([]byte) error                    { return errors.New("no state: hunter2") }

// TestRefusedStateIsNotTold: a state is made of records, which may hold a secret that this
// worker does not have.
func TestRefusedStateIsNotTold(t *testing.T) {
	for _, secret := range []string{"", "pw"} {
		r := newJobRun(&Worker{log: hclog.NewNullLogger()}, bus.JobRecord{Plan: &recipe.Plan{}})
		if secret != "" {
			r.unsaid = []string{secret}
		}
		err := (&journal{job: r, step: &recipe.Step{Node: "x"}, proc: quoting{}}).restore(t.Context(), nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") != (secret == "") || !strings.Contains(err.Error(), "step x") {
			t.Errorf("with the unknown secret %q: got %v", secret, err)
		}
	}
}

// TestSecretIsAskedForANode: a secret is asked for once a job, for a node that names it and that
// this worker serves where there is one; one that is refused is not known, and the node that
// names it says why.
func TestSecretIsAskedForANode(t *testing.T) {
	plan := &recipe.Plan{Secrets: []string{"old"}, Steps: []recipe.Step{
		{Node: "elsewhere", Pool: "far", Config: []byte(`{"text":"${secret:both} ${secret:far}"}`)},
		{Node: "here", Config: []byte(`{"text":"${secret:both}"}`)}, {Node: "there", Config: []byte(`{"text":"${secret:both}"}`)},
	}}
	var asked []string
	w := &Worker{log: hclog.NewNullLogger(), cfg: Config{Secret: func(_ context.Context, job recipe.JobID, node, name string) (string, error) {
		asked = append(asked, string(job)+" "+node+" "+name)
		if name == "both" {
			return "hunter2", nil
		}
		return "", errors.New("not for you")
	}}}
	r := newJobRun(w, bus.JobRecord{Job: "j", Plan: plan})
	if len(asked) != 0 {
		t.Errorf("making a run asked for %v: that is in the way of all jobs", asked)
	}
	r.learn(t.Context())
	for range 2 {
		if got, err := r.secrets([]byte(`"${secret:both}"`)); err != nil || string(got) != `"hunter2"` {
			t.Errorf("got %s, %v", got, err)
		}
		if _, err := r.secrets([]byte(`"${secret:far}"`)); err == nil || err.Error() != "secret far: not for you" {
			t.Errorf("got %v", err)
		}
	}
	if want := []string{"j here both", "j elsewhere far", "j  old"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if want := []string{"far", "old"}; !slices.Equal(r.unsaid, want) {
		t.Errorf("not known: got %q, want %q", r.unsaid, want)
	}
}
