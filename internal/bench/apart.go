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
message three times; frames are then twice as large (512 records or 64 KiB). Servers sync to disk as the embedded one does, by the default of NATS. CPU
of the others is what they took from the submission to the end of the job.`, count(n))}
	var all [3]costs // one process, one server, three
	for range pick(b, 5, 1) {
		u, err := b.job(referenceRecipe(in), "")
		if err != nil {
			return nil, err
		}
		all[0].add(0, 0, u.CPU, u.CPU, n)
		got, want := filepath.Join(b.dir, "sluice.out"), filepath.Join(b.dir, "run.out")
		if err := os.Rename(got, want); err != nil {
			return nil, err
		}
		for i, c := range []*cluster{one, three} {
			ctx, cancel := context.WithTimeout(context.Background(), jobWithin)
			servers, coord, workers, err := c.run(ctx, referenceRecipe(in))
			cancel()
			if err != nil {
				return nil, err
			}
			if err := sameFiles(want, got); err != nil {
				b.wrong("the output of a cluster is not that of sluice run: " + err.Error())
			}
			all[i+1].add(servers, coord, workers, u.CPU, n)
		}
	}
	s.row("", "CPU µs a record", "servers", "coordinator", "worker", "times one process")
	s.row("one process", f2(median(all[0].sum)), "", "", "", "1.00")
	for i, name := range []string{"one server", "three servers"} {
		k, may := &all[i+1], []float64{mayApart, mayThrice}[i]
		s.row(name, f2(median(k.sum)), f2(median(k.servers)), f2(median(k.coord)), f2(median(k.workers)), f2(median(k.times)))
		s.check(median(k.times) <= may, "%s, coordinator and worker take %.2f times the CPU of one process; at most %.1f", name, median(k.times), may)
	}
	return s, nil
}

// costs are those of runs of one kind, in µs of CPU a record, and times what one process took in
// the same round.
type costs struct{ servers, coord, workers, sum, times []float64 }

func (k *costs) add(servers, coord, workers, whole time.Duration, records int) {
	each := func(d time.Duration) float64 { return micros(d) / float64(records) }
	k.servers, k.coord, k.workers = append(k.servers, each(servers)), append(k.coord, each(coord)), append(k.workers, each(workers))
	sum := servers + coord + workers
	k.sum, k.times = append(k.sum, each(sum)), append(k.times, sum.Seconds()/whole.Seconds())
}
