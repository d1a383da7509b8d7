package trial

import (
	"sync"
	"sync/atomic"
	"time"

	"sluice/nodes"
)

var toilKind = nodes.Define(nodes.Spec{
	Kind: "toil", Category: "flow", Summary: "Takes its time with each record", Role: nodes.Stateless,
	In:  []nodes.Port{{Name: "in", Type: "T", Doc: "anything"}},
	Out: []nodes.Port{{Name: "out", Type: "T", Doc: "the same"}},
}, func(c toilConfig, env *nodes.Env) (any, error) {
	done, _ := toiled.LoadOrStore(env.Job, new(atomic.Int64))
	return &toil{each: c.Each.Std(), done: done.(*atomic.Int64)}, nil
})

// toiled are the records that each job's toil has worked on in this process.
var toiled sync.Map

// Toiled is the number of records that a job's nodes of the kind toil have worked on in this
// process.
func Toiled(job string) int64 {
	n, ok := toiled.Load(job)
	if !ok {
		return 0
	}
	return n.(*atomic.Int64).Load()
}

type toilConfig struct {
	Each nodes.Duration `json:"each" doc:"how long" default:"1ms"`
}

type toil struct {
	each time.Duration
	done *atomic.Int64
}

// Process implements nodes.Processor.
func (n *toil) Process(c *nodes.Call, r nodes.Record) error {
	t := time.NewTimer(n.each)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.Context().Done():
		return c.Context().Err()
	}
	n.done.Add(1)
	c.Emit(r)
	return nil
}
