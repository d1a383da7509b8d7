package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The bounds of the reference recipe when everything is a process of its own, in times the CPU of
// one process that does all.
const (
	mayApart  = 1.5
	mayThrice = 3.0
)

// jobWithin bounds a job of a cluster.
const jobWithin = 10 * time.Minute

// apart measures the reference recipe in one process, in processes over TCP, and with three servers
// that keep everything three times.
func (b *bench) apart() (*section, error) {
	n := pick(b, 1_000_000, 20_000)
	in, _, err := b.logFile(n)
	if err != nil {
		return nil, err
	}
	one, err := b.clusterOf(shape{servers: 1, workers: 1})
	if err != nil {
		return nil, err
	}
	defer one.close()
	three, err := b.clusterOf(shape{servers: 3, workers: 1})
	if err != nil {
		return nil, err
	}
	defer three.close()
	s := &section{title: "Processes of their own", prose: fmt.Sprintf(`The reference recipe with %s lines: `+"`sluice run`"+`, where everything is one process; a NATS server, a
coordinator and a worker that talk over TCP; and the same with three servers that keep every
message three times. Servers sync to disk as the embedded one does, by the default of NATS. CPU
of the others is what they took from the submission to the end of the job.`, count(n))}
	s.row("", "CPU µs a record", "servers", "coordinator", "worker", "times one process")
	perRecord := func(d time.Duration) float64 { return micros(d) / float64(n) }
	var whole []float64
	parts := map[*cluster]*[4][]float64{one: {}, three: {}}
	for range pick(b, 5, 1) {
		u, err := b.job(referenceRecipe(in), "")
		if err != nil {
			return nil, err
		}
		whole = append(whole, u.perRecord(n))
		want, got := filepath.Join(b.dir, "run.out"), filepath.Join(b.dir, "sluice.out")
		if err := os.Rename(got, want); err != nil {
			return nil, err
		}
		for _, c := range []*cluster{one, three} {
			ctx, cancel := context.WithTimeout(context.Background(), jobWithin)
			servers, coord, workers, err := c.run(ctx, referenceRecipe(in))
			cancel()
			if err != nil {
				return nil, err
			}
			if err := sameFiles(want, got); err != nil {
				b.wrong("the output of a cluster is not that of sluice run: " + err.Error())
			}
			sum := perRecord(servers + coord + workers)
			for i, v := range []float64{perRecord(servers), perRecord(coord), perRecord(workers), sum / u.perRecord(n)} {
				parts[c][i] = append(parts[c][i], v)
			}
		}
	}
	s.row("one process", f2(median(whole)), "", "", "", "1.00")
	for _, c := range []struct {
		name string
		of   *cluster
		may  float64
	}{{"one server", one, mayApart}, {"three servers", three, mayThrice}} {
		p := parts[c.of]
		sum := median(p[0]) + median(p[1]) + median(p[2])
		s.row(c.name, f2(sum), f2(median(p[0])), f2(median(p[1])), f2(median(p[2])), f2(median(p[3])))
		s.check(median(p[3]) <= c.may, "%s, coordinator and worker take %.2f times the CPU of one process; at most %.1f", c.name, median(p[3]), c.may)
	}
	return s, nil
}
