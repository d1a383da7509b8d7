package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sluice/internal/layout"
	"sluice/recipe"
)

type fmtCmd struct {
	Files []string `arg:"" help:"Recipes; - is the standard input."`
	Write bool     `short:"w" xor:"how" help:"Write the result back to the file."`
	Diff  bool     `short:"d" xor:"how" help:"Print what would change, as a diff."`
	Check bool     `xor:"how" help:"Name the files that would change and exit 1 if there are any."`
}

// Run lays out each file; without a flag it prints the result.
func (c fmtCmd) Run(std streams) error {
	var faults []error
	changed := false
	for _, file := range c.Files {
		if c.Write && file == fromStdin {
			return usagef("the standard input can't be written back to")
		}
		text, err := readRecipe(file, std.in)
		if err != nil {
			return err
		}
		if _, wrong := recipe.ParseValue(file, text); len(wrong) > 0 {
			faults = append(faults, wrong)
			continue
		}
		out, err := layout.Format(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", file, err))
			continue
		}
		differs := !bytes.Equal(text, out)
		changed = changed || differs
		switch {
		case !c.Write && !c.Diff && !c.Check:
			_, err = std.out.Write(out)
		case !differs:
		case c.Write:
			err = replaceFile(file, out)
		case c.Diff:
			_, err = fmt.Fprint(std.out, layout.Diff(file, file, text, out))
		case c.Check:
			_, err = fmt.Fprintln(std.out, file)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case len(faults) > 0:
		return exitError{codeRefused, errors.Join(faults...)}
	case c.Check && changed:
		return exitError{code: codeFailed}
	}
	return nil
}

// replaceFile writes text beside the file and puts it in the file's place, so that the
// file is whole at every moment. It follows a symbolic link rather than replacing it.
func replaceFile(file string, text []byte) error {
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*.sluice-tmp")
	if err != nil {
		return fmt.Errorf("writing %s: its folder takes no new file: %w", file, plain(err))
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", file, plain(err))
	}
	return nil
}
