package worker

import (
	"errors"
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
		w := &Worker{log: hclog.NewNullLogger(), cfg: Config{Secret: func(string) (string, error) { return "my hunter2", nil }}}
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
	w := &Worker{log: hclog.NewNullLogger(), cfg: Config{Secret: func(name string) (string, error) {
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
