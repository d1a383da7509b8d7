// Program bench measures what Sluice costs: against plain Go that does the same work,
// against raw JetStream that carries the same frames, and against itself as recipes,
// records and inputs grow. It writes docs/benchmarks.md and prints the same.
//
// Everything that is measured runs in a process of its own, whose CPU time the system
// counts (user and system, all threads, the broker included); ratios are taken of runs of
// the same round. Wall-clock times are shown where they are the point: latency, start-up.
//
//	go run ./internal/bench                      the whole, some minutes
//	go run ./internal/bench -quick               small inputs, to see that it works
//	go run ./internal/bench -parts edges,sizes   some parts; printed, not written
//	go run ./internal/bench -parts reference -profile DIR
//
// It is started in the module's folder. Start reading at [parts].
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// part is a section of the report.
type part struct {
	name string
	run  func(*bench) (*section, error)
}

// parts in the order of the report.
var parts = []part{
	{"reference", (*bench).reference},
	{"records", (*bench).records},
	{"edges", (*bench).edges},
	{"sizes", (*bench).sizes},
	{"workers", (*bench).workers},
	{"latency", (*bench).latency},
	{"startup", (*bench).startup},
	{"cluster", (*bench).apart},
	{"spread", (*bench).spread},
	{"crowd", (*bench).crowd},
	{"paused", (*bench).paused},
}

// bench is a run of the program.
type bench struct {
	dir     string // for everything: inputs, outputs, stores
	self    string // this program
	sluice  string // the product
	server  string // the NATS server, once a cluster needs it
	quick   bool
	profile string
	err     error // answers that were wrong and bounds that were missed
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == childFlag {
		if err := child(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	b := &bench{}
	var only, out string
	flag.BoolVar(&b.quick, "quick", false, "small inputs and few runs; printed, not written")
	flag.StringVar(&only, "parts", "", "parts to run, separated by commas; printed, not written")
	flag.StringVar(&out, "out", "docs/benchmarks.md", "file for the report of a whole run")
	flag.StringVar(&b.profile, "profile", "", "folder for CPU and memory profiles of the jobs of the parts reference, edges and latency")
	flag.Parse()
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "sluice-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	go func() {
		<-interrupted
		os.RemoveAll(b.dir)
		os.Exit(130)
	}()
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	b.sluice = filepath.Join(b.dir, "sluice")
	if err := b.build(); err != nil {
		return err
	}
	r := &report{}
	fmt.Print(r.head())
	for _, p := range chosen {
		s, err := p.run(b)
		if err != nil {
			return fmt.Errorf("part %s: %w", p.name, err)
		}
		r.sections = append(r.sections, s)
		fmt.Print(s.text())
		for _, text := range s.missed() {
			if !b.quick { // small inputs measure start-up
				b.wrong("missed: " + text)
			}
		}
	}
	if only == "" && !b.quick {
		if err := os.WriteFile(out, []byte(r.text()), 0o644); err != nil {
			return err
		}
	}
	return b.err
}

// choose returns the parts that are named, or all.
func choose(only string) ([]part, error) {
	if only == "" {
		return parts, nil
	}
	var chosen []part
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no part %q", name)
		}
		chosen = append(chosen, parts[i])
	}
	return chosen, nil
}

// wrong notes an answer that is not what it must be, or a bound that was missed: the
// program then ends with an error, behind the report.
func (b *bench) wrong(text string) { b.err = errors.Join(b.err, errors.New(text)) }

// pick returns what a whole run uses, or a quick one.
func pick[T any](b *bench, whole, quick T) T {
	if b.quick {
		return quick
	}
	return whole
}
