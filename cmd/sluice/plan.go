package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"sluice/recipe"
)

type planCmd struct {
	File   string   `arg:"" help:"The recipe; - is the standard input."`
	Params []string `short:"p" name:"param" sep:"none" placeholder:"NAME=VALUE" help:"Give a parameter a value. Repeatable."`
	Format string   `short:"f" default:"text" enum:"text,json,mermaid,dot" help:"text, json, mermaid or dot."`
	Out    string   `short:"o" placeholder:"FILE" help:"Write to FILE instead of standard output."`
	Root   string   `placeholder:"DIR" default:"." help:"Folder that included recipes are confined in."`
	Seed   seed     `placeholder:"N" help:"Seed of the random kinds."`
	askFlags
}

// Run prints the plan. The same recipe always gives the same bytes.
func (c planCmd) Run(ctx context.Context, std streams) error {
	params, err := readParams(c.Params)
	if err != nil {
		return err
	}
	plan, err := c.compile(ctx, params, std)
	if err != nil {
		return err
	}
	text, err := planText(plan, c.Format)
	if err != nil {
		return err
	}
	if c.Out == "" {
		_, err := io.WriteString(std.out, text)
		return err
	}
	if err := os.WriteFile(c.Out, []byte(text), 0o644); err != nil {
		return usagef("writing %s: %w", c.Out, plain(err))
	}
	return nil
}

func (c *planCmd) compile(ctx context.Context, params map[string]string, std streams) (*recipe.Plan, error) {
	if !c.asks() {
		return compileFile(c.File, c.Root, params, compileFlags{seed: uint64(c.Seed), stdin: std.in})
	}
	if c.Seed != 0 {
		return nil, usagef("--seed: a cluster is asked for the plan, and gives a job its seed when it is submitted")
	}
	r, err := c.open()
	if err != nil {
		return nil, err
	}
	return planThere(ctx, r, c.File, params, std)
}

func planText(plan *recipe.Plan, format string) (string, error) {
	switch format {
	case "json":
		text, err := plan.JSON()
		return string(text), err
	case "mermaid":
		return plan.Mermaid(), nil
	case "dot":
		return plan.DOT(), nil
	case "text":
		return plan.Text(), nil
	}
	return "", fmt.Errorf("a plan has no form %q", format)
}
