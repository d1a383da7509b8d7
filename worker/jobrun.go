package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

// jobRun is one job on this worker: what its steps' loops share.
type jobRun struct {
	w      *Worker
	rec    bus.JobRecord
	plan   *recipe.Plan
	names  bus.Names
	conn   *bus.Conn
	pub    *bus.Publisher
	log    hclog.Logger // without the values of secrets
	mask   mask
	told   told     // the secrets that were asked for
	unsaid []string // secrets whose values are not known here, so that the mask can't hide them; set by learn
	places *places
	levels *levels

	life     context.Context // of the work; what nodes read of artifacts ends with it
	failOnce sync.Once
	dead     atomic.Bool // the stream of dead letters is known to exist
	began    time.Time

	signs signs
	slots member

	mu     sync.Mutex
	shared map[int]*nodes.Shared // guarded by mu; by step: what its instances share

	faults   faults
	consoles map[int]*console // guarded by mu; by step: where it prints, in a cluster
}

func newJobRun(w *Worker, rec bus.JobRecord) *jobRun {
	r := &jobRun{
		w: w, rec: rec, plan: rec.Plan, names: bus.Names{Job: rec.Job}, conn: w.cfg.Conn,
		began: time.Now(), life: context.Background(), slots: w.shares.join(rec.Priority),
	}
	r.log = &maskedLog{w.log.With("job", string(rec.Job)), &r.mask}
	r.places = newPlaces(r.plan, rec.State == recipe.JobDraining)
	r.levels = newLevels(r)
	r.signs.sources = make([]atSource, len(r.plan.Steps))
	return r
}

// streamOf is the name of the stream that holds an edge.
func (r *jobRun) streamOf(e *recipe.Edge) string { return r.names.Fill(r.plan.Streams[e.Stream].Name) }

// now is the machines' clock.
func (r *jobRun) now() time.Duration { return time.Since(r.began) }

// work runs the steps that this worker serves until ctx ends.
func (r *jobRun) work(ctx context.Context) error {
	if r.learn(ctx); ctx.Err() != nil {
		return nil
	}
	if err := r.oneWriter(); err != nil {
		return err
	}
	pub, err := r.conn.NewPublisher()
	if err != nil {
		return err
	}
	defer pub.Close()
	r.pub = pub
	unsubscribe, err := r.conn.Subscribe(r.names.PlaceAll(), r.places.heard(r))
	if err != nil {
		return err
	}
	defer unsubscribe()
	asked := ctx
	ctx, cancel := context.WithCancelCause(asked)
	defer cancel(nil)
	r.life = ctx
	r.sign(bus.Sign{}) // it is here
	defer r.sign(bus.Sign{Left: true})
	defer r.closeConsoles()
	defer r.closeFaults()
	go r.live(ctx)
	var all sync.WaitGroup
	for i := range r.plan.Steps {
		step := &r.plan.Steps[i]
		loop, err := r.loop(step)
		if err != nil {
			cancel(err)
			break
		}
		if loop == nil {
			continue
		}
		all.Add(1)
		go func() {
			defer all.Done()
			if err := r.supervise(ctx, step, loop); err != nil {
				cancel(err)
			}
		}()
	}
	all.Wait()
	if asked.Err() != nil {
		return nil
	}
	return context.Cause(ctx) // a step's fault, whatever is in it; nil when the job is gone
}

// loop returns the loop of a step, nil when this worker does not serve it.
func (r *jobRun) loop(step *recipe.Step) (func(context.Context) error, error) {
	if !r.w.serves(step) {
		return nil, nil
	}
	if step.Role == recipe.RoleGate {
		return func(ctx context.Context) error { return newRelayLoop(r, step, nil).run(ctx) }, nil
	}
	kind, ok := r.w.cfg.Catalogue.Lookup(step.Kind)
	if !ok || kind.Version != step.Version {
		return nil, nil
	}
	switch step.Role {
	case recipe.RoleSource:
		return func(ctx context.Context) error { return newSourceLoop(r, step, kind).run(ctx) }, nil
	case recipe.RoleOrdered:
		return func(ctx context.Context) error { return newOwnerLoop(r, step, kind).run(ctx) }, nil
	}
	return func(ctx context.Context) error { return newRelayLoop(r, step, kind).run(ctx) }, nil
}

// build makes an instance of a step's node.
func (r *jobRun) build(step *recipe.Step, kind *nodes.Kind) (any, error) {
	return r.buildWith(step, kind, nil)
}

// buildWith is build with the output of a sink that has no folder; nil for all others.
func (r *jobRun) buildWith(step *recipe.Step, kind *nodes.Kind, out *output) (any, error) {
	config, err := r.secrets(step.Config)
	if err != nil {
		return nil, &failure{fmt.Errorf("node %s: %w", step.Node, err)}
	}
	c := &r.w.cfg
	env := &nodes.Env{
		Job: string(r.names.Job), Node: step.Node, Seed: r.plan.Seed, Root: c.Root, Dial: c.Dial,
		Types: nodes.PortTypes{In: step.Inputs, Out: step.Outputs}, Log: r.log, Shared: r.sharedBy(step),
	}
	if step.Field != "" { // the kind sees what is in the field
		env.Types.In = []recipe.PortType{{Name: step.Inputs[0].Name, Type: step.FieldType}}
		env.Types.Out = []recipe.PortType{{Name: step.Outputs[0].Name, Type: step.IntoType}}
	}
	if c.Artifacts {
		env.Artifact = r.artifact
	}
	if out != nil {
		env.Output = out
	}
	if c.Stdin != nil {
		env.Stdin = c.Stdin
	}
	if out := r.console(step); out != nil {
		env.Console = out
	}
	var node any
	err = r.guard(step, func() (err error) {
		node, err = kind.Build(config, env)
		return err
	})
	if names := secretNames(step.Config); err != nil && names != nil {
		err = r.refused(names)
	}
	if err != nil {
		return nil, &failure{fmt.Errorf("node %s: %w", step.Node, err)}
	}
	return node, nil
}

// sharedBy returns what the instances of a step share.
func (r *jobRun) sharedBy(step *recipe.Step) *nodes.Shared {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shared == nil {
		r.shared = map[int]*nodes.Shared{}
	}
	if r.shared[step.ID] == nil {
		r.shared[step.ID] = &nodes.Shared{}
	}
	return r.shared[step.ID]
}

// processor makes an instance of a node that reads records; out is that of buildWith.
func (r *jobRun) processor(step *recipe.Step, kind *nodes.Kind, out *output) (*instance, error) {
	node, err := r.buildWith(step, kind, out)
	if err != nil {
		return nil, err
	}
	proc, ok := node.(nodes.Processor)
	if !ok {
		return nil, fmt.Errorf("kind %s reads no records", step.Kind)
	}
	if step.Field != "" {
		if proc, err = nodes.Column(proc, step.Field, step.Into, step.FieldType, step.IntoType); err != nil {
			return nil, &failure{fmt.Errorf("node %s: %w", step.Node, err)}
		}
	}
	return &instance{run: r, step: step, proc: proc, call: nodes.NewCall(step.Outputs), cut: cutter{run: r, step: step, expands: kind.Expands},
		slots: r.slots.of(kind), time: deadline{limit: r.deadline(kind)}}, nil
}

// give ends the job here for an error: where more room mends it the job is brought to
// rest, else it fails.
func (r *jobRun) give(ctx context.Context, err error) {
	if !errors.Is(err, bus.ErrStore) && !errors.Is(err, nodes.ErrNoRoom) {
		r.fail(err)
		return
	}
	r.log.Debug("job has to rest", "err", err)
	reason, _ := json.Marshal(r.mask.hide(err.Error()))
	for { // nothing of it is stored, so whoever listens late must hear it too
		_ = r.conn.Send(r.names.Resting(), reason)
		if !pause(ctx, troubleWait) {
			return
		}
	}
}

// failWithin bounds how long a worker tries to say that a job fails.
const failWithin = 20 * time.Second

// fail asks the coordinator to fail the job. It may be called from any goroutine.
func (r *jobRun) fail(err error) {
	r.failOnce.Do(func() {
		r.log.Debug("job fails", "err", err) // who runs it tells the reason
		reason, _ := json.Marshal(r.mask.hide(err.Error()))
		ctx, cancel := context.WithTimeout(context.Background(), failWithin)
		defer cancel()
		pub, perr := r.conn.NewPublisher()
		if perr != nil {
			return // the connection is closed
		}
		defer pub.Close()
		for { // while servers elect a leader nobody takes it
			_ = r.conn.Send(r.names.Failing(), reason)
			if o := pub.PutSync(ctx, bus.Put{Subject: r.names.Failure(), Data: reason}); o.Err == nil || !pause(ctx, troubleWait) {
				return
			}
		}
	})
}

// drain makes the sources end early.
func (r *jobRun) drain() { r.places.drain() }

// died asks the failpoint.
func (r *jobRun) died(p Point, step *recipe.Step) error {
	if f := r.w.cfg.Fail; f != nil && f(p, step.ID) {
		return killed{p}
	}
	return nil
}

// lookup reads the ledger's entry; nil when there is none, or none any more.
func (r *jobRun) lookup(ctx context.Context, step *recipe.Step, o recipe.Ordinal) (*protocol.Entry, error) {
	m, err := r.conn.Last(ctx, r.names.Ledger(), r.names.LedgerEntry(step.Lanes[o.Lane].Source, step.ID, o, false))
	if errors.Is(err, bus.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.decode(step, m.Data)
}

// decode reads an entry of a step, of which this worker has the kind's version.
func (r *jobRun) decode(step *recipe.Step, data []byte) (*protocol.Entry, error) {
	e, err := protocol.DecodeEntry(data)
	if err == nil && e.Version != step.Version {
		err = fmt.Errorf("frame %s was done by version %d of kind %s; the plan has version %d", e.Ord, e.Version, step.Kind, step.Version)
	}
	if err != nil {
		return nil, &failure{fmt.Errorf("the ledger of node %s: %w", step.Node, err)}
	}
	return e, nil
}

// below reads the marks that the coordinator wrote before it purged the ledger; from the
// stream's leader, since a replica may not know yet what was written before the purge.
func (r *jobRun) below(ctx context.Context, source int, o recipe.Ordinal) (bool, error) {
	m, err := r.conn.Latest(ctx, r.names.State(), r.names.Fold())
	if errors.Is(err, bus.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var fold struct {
		Marks map[int]protocol.Mark `json:"marks"`
	}
	if err := bus.DecodeRecord(m.Data, &fold); err != nil {
		return false, err
	}
	mark, ok := fold.Marks[source]
	return ok && mark.Below(o.Split, o.N), nil
}
