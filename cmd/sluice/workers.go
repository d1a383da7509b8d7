package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/dead"
	"sluice/internal/progress"
)

type workersCmd struct {
	remoteFlags
	outputFlags
	Name string `arg:"" optional:"" help:"Show this worker, with its kinds."`
}

// Run lists the workers, or shows one.
func (c workersCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	if c.Name != "" {
		one, err := r.Worker(ctx, c.Name)
		if err != nil {
			return told(err)
		}
		return c.print(std.out, one, func(w io.Writer) { aboutWorker(w, &one) })
	}
	all, err := r.Workers(ctx)
	if err != nil {
		return told(err)
	}
	return c.print(std.out, all, func(w io.Writer) {
		row(w, "NAME", "HOST", "POOL", "KINDS", "JOBS", "VERSION", "UP", "HEARD")
		for _, k := range all {
			name := k.Name
			switch {
			case k.Lost:
				name += " (lost)"
			case k.Draining:
				name += " (leaves)"
			}
			row(w, name, k.Host, k.Pool, len(usable(k.Kinds)), k.Jobs, k.Version, progress.Human(time.Since(k.Started).Round(time.Second)), ago(k.Seen))
		}
	})
}

// ago is how long something is past by the clock of this machine, which may be behind.
func ago(t time.Time) string {
	return progress.Human(max(0, time.Since(t)).Round(time.Second)) + " ago"
}

// aboutWorker prints a worker.
func aboutWorker(w io.Writer, k *coordinator.Worker) {
	row(w, "name", k.Name)
	if k.Lost {
		row(w, "", "is lost: it was not heard in its time")
	} else if k.Draining {
		row(w, "", "brings what it has to rest, and leaves")
	}
	row(w, "host", k.Host)
	row(w, "process", k.PID)
	row(w, "version", k.Version)
	row(w, "up", progress.Human(time.Since(k.Started).Round(time.Second)))
	row(w, "heard", ago(k.Seen)+"; one that is not heard for 15s is taken for lost")
	if k.Pool != "" {
		row(w, "pool", k.Pool)
	}
	row(w, "at once", fmt.Sprintf("computes %d frames, now %d", k.Concurrency, k.Busy))
	folder := "its root, and artifacts"
	if k.NoRoot {
		folder = "artifacts alone (it was started without --root)"
	}
	row(w, "files", folder)
	row(w, "jobs", k.Jobs)
	for _, r := range k.Refused {
		row(w, "refused", fmt.Sprintf("%s: %s", r.Job, visible(r.Why)))
	}
	row(w, "plans", versionsOf(k.Plans))
	row(w, "frames", versionsOf(k.Frames))
	if k.Gates {
		row(w, "gates", "yes")
	}
	label := "kinds"
	for _, kind := range usable(k.Kinds) {
		row(w, label, fmt.Sprintf("%s@%d", kind.Kind, kind.Version))
		label = ""
	}
}

// usable are the kinds that recipes can name: a worker also has the one that gives replays their letters.
func usable(all []coordinator.KindVersion) []coordinator.KindVersion {
	return slices.DeleteFunc(slices.Clone(all), func(k coordinator.KindVersion) bool { return k.Kind == dead.SourceKind })
}

// versionsOf are the versions of a format that a worker takes.
func versionsOf(all []int) string {
	var texts []string
	for _, v := range all {
		texts = append(texts, fmt.Sprint(v))
	}
	return "version " + strings.Join(texts, ", ")
}
