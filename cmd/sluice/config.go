package main

import (
	"cmp"
	"fmt"
	"io"
	"os"

	"sluice/cmd/sluice/settings"
)

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Show what a service would run with, and where each value comes from."`
}

type configCheckCmd struct {
	outputFlags
	File   string `arg:"" optional:"" help:"The settings file; without it, the one that SLUICE_CONFIG names."`
	Config string `placeholder:"FILE" help:"The same: the flag that services have for it."`
	For    string `required:"" enum:"coordinator,worker,up" placeholder:"coordinator|worker|up" help:"The service: coordinator, worker or up."`
}

// Help is shown by config check --help.
func (configCheckCmd) Help() string {
	return `A value comes from a variable of the environment, else from the file, else it is the default.
When something is wrong all of it is printed, and the exit code is 3.`
}

// Run prints the settings, a line each, and warns of variables that look like one.
func (c configCheckCmd) Run(std streams) error {
	if c.File != "" && c.Config != "" && c.File != c.Config {
		return usagef("%s and --config %s are given; one of them is meant", c.File, c.Config)
	}
	rows, err := settings.Check(c.For, cmp.Or(c.File, c.Config), kindNames(), os.LookupEnv)
	if err != nil {
		return exitError{codeUsage, err}
	}
	err = c.print(std.out, rows, func(w io.Writer) {
		row(w, "SETTING", "VALUE", "FROM")
		for _, r := range rows {
			row(w, r.Name, r.Value, r.From)
		}
	})
	if err != nil {
		return err
	}
	for _, warning := range settings.Strays(c.For, os.Environ()) {
		fmt.Fprintln(std.err, "sluice:", warning)
	}
	return nil
}
