package nodes

import (
	"context"
	"math/rand/v2"

	"sluice/recipe"
)

// Call is what a node is handed beside a record: where it came in, where answers go,
// and what is allowed in place of a clock and of chance. A Call belongs to one frame
// at one time and must not be kept.
type Call struct {
	// Port is the index of the input port that the record came in at.
	Port int

	ctx  context.Context
	out  []Batch
	size int // bytes emitted
	made int // records
	max  int
	rng  *rand.Rand
	seed [2]uint64
	err  error

	outer *Call // of a column operation: whose random sequence goes on here
}

// NewCall returns a Call whose output ports carry the given types. It is for the
// engine and for tests.
func NewCall(outputs []recipe.PortType) *Call {
	c := &Call{ctx: context.Background(), out: make([]Batch, len(outputs)), max: recipe.MaxOutput}
	for i, p := range outputs {
		c.out[i].Type = p.Type
	}
	return c
}

// Begin makes the call ready for a frame: empty outputs, and a random sequence that
// is a function of seed alone.
func (c *Call) Begin(ctx context.Context, seed [2]uint64) {
	c.ctx, c.seed, c.rng, c.size, c.made, c.err = ctx, seed, nil, 0, 0, nil
	for i := range c.out {
		c.out[i].Reset()
	}
}

// Within sets the context of what is called next. It is for the engine.
func (c *Call) Within(ctx context.Context) { c.ctx = ctx }

// Context is cancelled when the record has taken too long (5 minutes, unless the kind Waits), or the
// worker stops. What waits must return then.
func (c *Call) Context() context.Context { return c.ctx }

// Emit sends a record out of the first output port; it is copied.
func (c *Call) Emit(r Record) { c.EmitTo(0, r) }

// EmitTo sends a record out of the output port with that index; it is copied.
func (c *Call) EmitTo(port int, r Record) {
	b := &c.out[port]
	if c.err != nil {
		return
	}
	if r.typ != b.Type && (b.Type != recipe.Number || !b.Type.Accepts(r.typ)) {
		c.err = Permanentf("the kind emitted a record of type %s where its port has %s", r.typ, b.Type)
		return
	}
	if len(r.raw) > recipe.MaxRecord {
		c.err = Permanentf("a record of %d bytes was made; a record may have %d", len(r.raw), recipe.MaxRecord)
		return
	}
	c.size += r.Size()
	if c.made++; c.size > c.max || c.made > recipe.MaxMade {
		c.err = ErrOutgrown
		return
	}
	b.Append(r)
}

// Rand returns a random sequence that is a function of the job's seed, the step and
// the frame: the same frame always sees the same numbers.
func (c *Call) Rand() *rand.Rand {
	if c.outer != nil {
		return c.outer.Rand()
	}
	if c.rng == nil {
		c.rng = rand.New(rand.NewPCG(c.seed[0], c.seed[1]))
	}
	return c.rng
}

// Err returns the first fault of an Emit since the last mark, if there was one. The
// engine looks after every record.
func (c *Call) Err() error { return c.err }

// Out returns the batch that was emitted at an output port.
func (c *Call) Out(port int) *Batch { return &c.out[port] }

// Mark is a place that a Call can be taken back to.
type Mark struct {
	size int
	made int
	n    [4]int
	buf  [4]int
}

// MaxPorts is the number of output ports that a kind may have.
const MaxPorts = 4

// Mark returns the current place.
func (c *Call) Mark() Mark {
	m := Mark{size: c.size, made: c.made}
	for i := range c.out {
		m.n[i], m.buf[i] = c.out[i].n, len(c.out[i].buf)
	}
	return m
}

// Rollback takes back everything emitted since m, and clears Err.
func (c *Call) Rollback(m Mark) {
	c.size, c.made, c.err = m.size, m.made, nil
	for i := range c.out {
		c.out[i].Truncate(m.n[i], m.buf[i])
	}
}
