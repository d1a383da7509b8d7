package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// startup measures recipes with nothing to do, from exec to exit.
func (b *bench) startup() (*section, error) {
	in, _, err := b.logFile(1)
	if err != nil {
		return nil, err
	}
	recipes := []struct{ name, text string }{
		{"reference recipe, one record", referenceRecipe(in)},
		{"chain of 16 edges, one record", chainRecipe(in, 16)},
	}
	s := &section{title: "Start-up", prose: "From exec to exit: the process, the embedded server, the job's streams and consumers, a record,\n" +
		"and the end, with all of it deleted again."}
	s.row("", "wall ms", "CPU ms", "peak memory")
	var version runs
	for range pick(b, 15, 3) {
		u, err := process("", exec.Command(b.sluice, "version"))
		if err != nil {
			return nil, err
		}
		version = append(version, u)
	}
	s.row("`sluice version`", f2(version.wall()/1e3), f2(version.cpu()/1e3), size(version.rss()))
	file := filepath.Join(b.dir, "start.yaml")
	for _, r := range recipes {
		var all runs
		if err := os.WriteFile(file, []byte(r.text), 0o644); err != nil {
			return nil, err
		}
		for range pick(b, 15, 3) {
			cmd := exec.Command(b.sluice, "run", "start.yaml", "--quiet")
			cmd.Dir = b.dir
			u, err := process("", cmd)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			all = append(all, u)
		}
		s.row(r.name, f2(all.wall()/1e3), f2(all.cpu()/1e3), size(all.rss()))
	}
	return s, nil
}
