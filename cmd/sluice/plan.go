package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"sluice/internal/draw"
	"sluice/recipe"
)

type planCmd struct {
	File   string   `arg:"" help:"The recipe."`
	Params []string `short:"p" name:"param" sep:"none" placeholder:"NAME=VALUE" help:"Give a parameter a value. Repeatable."`
	Format string   `short:"f" default:"text" enum:"text,json,mermaid,dot" help:"text, json, mermaid or dot."`
	Out    string   `short:"o" placeholder:"FILE" help:"Write to FILE instead of standard output."`
	Root   string   `placeholder:"DIR" default:"." help:"Folder that included recipes are confined in."`
	Seed   uint64   `help:"Seed of the random kinds."`
}

// Run prints the plan. The same recipe always gives the same bytes.
func (c planCmd) Run(std streams) error {
	params, err := readParams(c.Params)
	if err != nil {
		return err
	}
	plan, err := compileFile(c.File, c.Root, params, compileFlags{seed: c.Seed})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := writePlan(&b, plan, c.Format); err != nil {
		return err
	}
	if c.Out == "" {
		_, err := std.out.Write(b.Bytes())
		return err
	}
	if err := os.WriteFile(c.Out, b.Bytes(), 0o644); err != nil {
		return usagef("writing %s: %w", c.Out, plain(err))
	}
	return nil
}

func writePlan(b *bytes.Buffer, plan *recipe.Plan, format string) error {
	switch format {
	case "json":
		enc := json.NewEncoder(b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(plan)
	case "mermaid":
		return draw.Mermaid(b, plan)
	case "dot":
		return draw.DOT(b, plan)
	case "text":
		return draw.Text(b, plan)
	}
	return fmt.Errorf("a plan has no form %q", format)
}
