package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/coordinator"
)

type secretsCmd struct {
	List   secretsListCmd   `cmd:"" default:"withargs" help:"List the names of secrets."`
	Set    secretsSetCmd    `cmd:"" help:"Set a secret; its value is read from the terminal, or from the standard input."`
	Delete secretsDeleteCmd `cmd:"" help:"Delete a secret."`
	Show   secretsShowCmd   `cmd:"" hidden:"" aliases:"get"`
}

// secretsShowCmd is asked for by who has seen other stores of secrets.
type secretsShowCmd struct {
	Name string `arg:"" optional:""`
}

// Run says that there is nothing to show.
func (secretsShowCmd) Run() error {
	return usagef("the value of a secret is never shown, to nobody; sluice secrets list has the names, with when they were set and by whom")
}

type secretsListCmd struct {
	remoteFlags
	outputFlags
}

// Run lists secrets.
func (c secretsListCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	all, err := r.Secrets(ctx)
	if err != nil {
		return told(err)
	}
	return c.print(std.out, all, func(w io.Writer) {
		row(w, "NAME", "SET", "BY")
		for _, s := range all {
			row(w, s.Name, s.At.Local().Format(time.DateTime), s.By)
		}
	})
}

type secretsSetCmd struct {
	remoteFlags
	Name string `arg:"" help:"As a recipe has it behind secret: in a reference."`
}

// Help is shown by secrets set --help.
func (secretsSetCmd) Help() string {
	return fmt.Sprintf("A value has from %d to %d bytes of UTF-8, and is one line.", coordinator.MinSecret, coordinator.MaxSecret)
}

// Run sets a secret.
func (c secretsSetCmd) Run(ctx context.Context, std streams) error {
	if err := coordinator.CheckSecretName(c.Name); err != nil {
		return usagef("%w", err)
	}
	value, err := readHidden(std, c.Name)
	if err != nil {
		return err
	}
	if n := len(value); len(strings.TrimSpace(value)) < coordinator.MinSecret || n > coordinator.MaxSecret {
		return usagef("secret %s: the value has %d bytes; a secret has from %d to %d, white space around it aside", c.Name, n, coordinator.MinSecret, coordinator.MaxSecret)
	}
	r, err := c.open()
	if err != nil {
		return err
	}
	if _, err := r.SetSecret(ctx, c.Name, value); err != nil {
		return told(err)
	}
	fmt.Fprintf(std.err, "secret %s is set\n", c.Name)
	return nil
}

type secretsDeleteCmd struct {
	remoteFlags
	Name  string `arg:"" help:"The secret."`
	Force bool   `help:"Delete it although a job that has not ended, or the latest version of a saved recipe, names it."`
}

// Run deletes a secret.
func (c secretsDeleteCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	if err := r.DeleteSecret(ctx, c.Name, c.Force); err != nil {
		return told(err)
	}
	fmt.Fprintf(std.err, "secret %s is deleted\n", c.Name)
	return nil
}
