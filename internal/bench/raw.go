package main

import (
	"context"

	"sluice/internal/bus"
	"sluice/internal/bus/busbench"
)

// rawAnswer is what raw JetStream took; the server's start is left out.
type rawAnswer struct {
	CPU float64 // µs in all
}

// raw publishes, consumes and acknowledges frames along a chain of edges, with a server
// of this process as Sluice has one.
func raw(t *task) (any, error) {
	s, err := bus.StartServer(bus.ServerConfig{Dir: t.Store})
	if err != nil {
		return nil, err
	}
	defer s.Shutdown()
	c, err := s.Connect("raw")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	k := busbench.Config{Frames: t.Frames, Edges: len(t.Sizes), Window: 256, NoMsgID: true}
	lines := newLogLines()
	for _, size := range t.Sizes {
		var payload []byte
		for len(payload) < size {
			payload = append(payload, lines.next()...)
		}
		k.Payloads = append(k.Payloads, payload[:size])
	}
	r, err := busbench.Chain(context.Background(), c, k)
	return rawAnswer{CPU: micros(r.CPU)}, err
}
