package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"

	"sluice/coordinator/compile"
	"sluice/internal/solo"
	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/recipe"
)

// childFlag makes this program do one task and print its answer as JSON.
const childFlag = "-child"

// task is what a process of this program is asked to do.
type task struct {
	Do      string
	Recipe  string `json:",omitempty"` // file
	In, Out string `json:",omitempty"` // files
	Dir     string `json:",omitempty"` // the recipe's root
	Store   string `json:",omitempty"` // the broker's folder
	Profile string `json:",omitempty"` // files to write profiles to, without the ending
	Workers int    `json:",omitempty"`
	Sizes   []int  `json:",omitempty"` // of the frames on each edge
	Frames  int    `json:",omitempty"`
	Records int    `json:",omitempty"`
	Rate    int    `json:",omitempty"` // records a second
}

// The tasks.
const (
	doPlain   = "plain"
	doNodes   = "nodes"
	doFrames  = "frames"
	doRaw     = "raw"
	doJob     = "job"
	doLatency = "latency"
)

func child(arg string) error {
	var t task
	if err := json.Unmarshal([]byte(arg), &t); err != nil {
		return err
	}
	do := map[string]func(*task) (any, error){
		doPlain: plain, doNodes: plainNodes, doFrames: frames, doRaw: raw, doJob: job, doLatency: latency,
	}[t.Do]
	if do == nil {
		return fmt.Errorf("there is no task %q", t.Do)
	}
	answer, err := do(&t)
	if err != nil {
		return fmt.Errorf("%s: %w", t.Do, err)
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

// job runs a recipe with some worker instances, and under the profiler if asked for.
func job(t *task) (any, error) {
	text, err := os.ReadFile(t.Recipe)
	if err != nil {
		return nil, err
	}
	stop, err := profiled(t.Profile)
	if err != nil {
		return nil, err
	}
	err = runJob(t, text, all.Catalogue())
	return nil, stop(err)
}

func runJob(t *task, text []byte, catalogue *nodes.Catalogue) error {
	plan, faults := compile.Compile("recipe.yaml", text, compile.Options{Catalogue: catalogue})
	if plan == nil {
		return faults
	}
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	p, err := solo.Run(context.Background(), solo.Config{Plan: plan, Catalogue: catalogue, Dir: t.Store, Root: root, Workers: t.Workers})
	if err == nil && p.State != recipe.JobSucceeded {
		err = fmt.Errorf("the job %s: %s", p.State, p.Reason)
	}
	return err
}

// profiled starts the CPU profile; stop writes it and that of all allocations.
func profiled(path string) (stop func(error) error, err error) {
	if path == "" {
		return func(err error) error { return err }, nil
	}
	f, err := os.Create(path + ".cpu")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func(err error) error {
		pprof.StopCPUProfile()
		f.Close()
		if err != nil {
			return err
		}
		runtime.GC()
		m, err := os.Create(path + ".mem")
		if err != nil {
			return err
		}
		defer m.Close()
		return pprof.Lookup("allocs").WriteTo(m, 0)
	}, nil
}
