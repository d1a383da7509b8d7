package secret

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// endedFor is how long after a job's end its secrets are told still: a worker needs them to
// remove what nodes have left unfinished.
const endedFor = 10 * time.Minute

// Bus answers what workers ask; see [bus.Conn.Serve].
type Bus interface {
	Serve(subject, queue string, f func(ctx context.Context, subject string, data []byte) ([]byte, error)) (stop func(), err error)
}

// Jobs knows the jobs of the project; store.Jobs does.
type Jobs interface {
	Job(recipe.JobID) (coordinator.Job, error)
	Spec(context.Context, recipe.JobID) (*coordinator.Spec, error)
}

// Workers knows the workers of the project.
type Workers interface {
	// Announced reports whether a worker that is here has announced the key; one that began a
	// moment ago may not have been heard yet.
	Announced(worker string, key []byte) bool
	// Serves reports whether that worker may run a step: its kind, version and pool.
	Serves(worker string, step *recipe.Step) bool
}

// ServerConfig says who answers, and for whom.
type ServerConfig struct {
	Bus     Bus // of the account in which the project's jobs run
	Secrets *Secrets
	Jobs    Jobs
	Workers Workers
	Now     func() time.Time // nil: time.Now
	Log     hclog.Logger
}

// Server is the coordinator's end of the wire.
type Server struct{ cfg ServerConfig }

// NewServer returns a server; all of its settings but Now and Log are needed.
func NewServer(c ServerConfig) (*Server, error) {
	if c.Bus == nil || c.Secrets == nil || c.Jobs == nil || c.Workers == nil {
		return nil, fmt.Errorf("secrets: a connection, secrets, jobs and workers are needed")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	return &Server{c}, nil
}

// Serve answers workers until ctx ends. Of several coordinators one gets each request.
func (s *Server) Serve(ctx context.Context) error {
	stop, err := s.cfg.Bus.Serve(bus.SecretsAll, "secrets", s.serve)
	if err != nil {
		return err
	}
	<-ctx.Done()
	stop()
	return nil
}

func (s *Server) serve(ctx context.Context, subject string, data []byte) ([]byte, error) {
	var a ask
	if len(data) > maxAsk || json.Unmarshal(data, &a) != nil {
		return json.Marshal(answer{Refused: "the request can't be read"})
	}
	log := s.cfg.Log.With("job", string(a.Job), "node", a.Node, "worker", a.Worker, "names", a.Names)
	sealed, err := s.answer(ctx, subject, &a)
	if err != nil {
		again := coordinator.FamilyOf(err) == coordinator.Unavailable
		log.Warn("a worker was not told secrets", "err", err, "again", again)
		return json.Marshal(answer{Refused: err.Error(), Again: again})
	}
	log.Info("a worker was told secrets")
	return json.Marshal(answer{Sealed: sealed})
}

// answer decides, and seals. What is Unavailable may be otherwise in a moment.
func (s *Server) answer(ctx context.Context, subject string, a *ask) ([]byte, error) {
	if (bus.Names{Job: a.Job}).Secrets() != subject || len(a.Names) == 0 || len(a.Names) > maxNames || len(a.Key) != KeySize {
		return nil, coordinator.Faultf(coordinator.Invalid, "the request makes no sense")
	}
	if !s.cfg.Workers.Announced(a.Worker, a.Key) {
		return nil, coordinator.Faultf(coordinator.Unavailable, "no worker of this name has announced this key")
	}
	step, err := s.step(ctx, a)
	if err != nil {
		return nil, err
	}
	if !s.cfg.Workers.Serves(a.Worker, step) {
		return nil, coordinator.Faultf(coordinator.Forbidden, "the worker does not serve node %s", a.Node)
	}
	declared := (&recipe.Plan{Steps: []recipe.Step{*step}}).SecretNames()
	c := &contents{Job: a.Job, Node: a.Node, Nonce: a.Nonce, Values: map[string]string{}}
	for _, name := range a.Names {
		if !slices.Contains(declared, name) {
			return nil, coordinator.Faultf(coordinator.Forbidden, "node %s does not name secret %.80q", a.Node, name)
		}
		if c.Values[name], err = s.cfg.Secrets.value(ctx, name); err != nil {
			return nil, err
		}
	}
	return seal(c, a.Key)
}

// step finds the node in the plan of a job that runs, or has ended a moment ago.
func (s *Server) step(ctx context.Context, a *ask) (*recipe.Step, error) {
	spec, err := s.cfg.Jobs.Spec(ctx, a.Job)
	if err != nil {
		return nil, err
	}
	job, err := s.cfg.Jobs.Job(a.Job)
	switch {
	case coordinator.FamilyOf(err) == coordinator.Unknown: // it is stored, and not seen here yet
		return nil, coordinator.Faultf(coordinator.Unavailable, "job %s is not known here yet", a.Job)
	case err != nil:
		return nil, err
	case job.State.Final() && s.cfg.Now().Sub(job.Ended) > endedFor:
		return nil, coordinator.Faultf(coordinator.Conflict, "job %s has %s", a.Job, job.State)
	}
	for i := range spec.Plan.Steps {
		step := &spec.Plan.Steps[i]
		if step.Node == a.Node && bytes.Contains(step.Config, []byte("${secret:")) {
			return step, nil
		}
	}
	return nil, coordinator.Faultf(coordinator.Forbidden, "job %s has no node %.80q that names a secret", a.Job, a.Node)
}
