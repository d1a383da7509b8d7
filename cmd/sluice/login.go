package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"sluice/client"
	"sluice/coordinator"
)

type loginCmd struct {
	Server string `arg:"" help:"Address of the coordinator: https://HOST:PORT."`
	Name   string `placeholder:"NAME" default:"default" help:"What to call the cluster."`
	CA     string `name:"ca" type:"path" placeholder:"FILE" help:"Certificates by which the server's is checked."`

	InsecureHTTP bool `name:"insecure-http" env:"SLUICE_INSECURE_HTTP" help:"Send the key without TLS to another machine, where others can read it on its way."`
}

// Help is shown by login --help.
func (loginCmd) Help() string {
	return "The key is read from the terminal, or from the standard input: it is no argument, which others could see."
}

// Run checks a key and keeps it, as the current context.
func (c loginCmd) Run(ctx context.Context, std streams) error {
	if exposes(c.Server) && !c.InsecureHTTP {
		return usagef("%s: the key would be sent there without TLS, and could be read on its way; name the server as https://, or allow it with --insecure-http", c.Server)
	}
	key, err := readHidden(std, "key")
	if err != nil {
		return err
	}
	key = strings.TrimSpace(key)
	api, err := client.New(client.Config{URL: c.Server, Key: key, CA: c.CA})
	if err != nil {
		return usagef("%w", err)
	}
	switch _, err := api.Jobs(ctx, coordinator.Filter{Limit: 1}); coordinator.FamilyOf(err) {
	case "":
		if err != nil {
			return told(err)
		}
	case coordinator.Forbidden: // it is known, and may have been made for something else
		fmt.Fprintf(std.err, "the key may not list jobs: %v\n", err)
	default:
		return told(err)
	}
	err = changeContexts(func(all *contexts) error {
		all.Contexts[c.Name] = cluster{Server: c.Server, Key: key, CA: c.CA}
		all.Current = c.Name
		return nil
	})
	if err == nil {
		tellCurrent(std, c.Name, c.Server)
	}
	return err
}

func tellCurrent(std streams, name, server string) {
	fmt.Fprintf(std.err, "context %s is %s, and the current one\n", name, server)
}

// readHidden reads a line that nobody may see: a key, or a secret.
func readHidden(std streams, what string) (string, error) {
	var key string
	if f, ok := std.in.(interface{ Fd() uintptr }); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(std.err, "%s: ", what)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(std.err)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", what, err)
		}
		key = string(b)
	} else {
		line, err := bufio.NewReader(io.LimitReader(std.in, 128<<10)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", fmt.Errorf("read %s: %w", what, err)
		}
		key = line
	}
	if key = strings.TrimRight(key, "\r\n"); strings.TrimSpace(key) == "" {
		return "", usagef("%s: nothing was given", what)
	}
	return key, nil
}

type contextCmd struct {
	Use    contextUseCmd    `cmd:"" default:"withargs" help:"List the clusters that are known, or pick one."`
	Remove contextRemoveCmd `cmd:"" help:"Forget a cluster, with its key."`
}

type contextUseCmd struct {
	Name string `arg:"" optional:"" help:"The one to use from now on; without it all are listed."`
	outputFlags
}

// Run lists the contexts, or picks one.
func (c contextUseCmd) Run(std streams) error {
	if c.Name != "" {
		var known cluster
		err := changeContexts(func(all *contexts) (err error) {
			_, known, err = all.use(c.Name)
			all.Current = c.Name
			return err
		})
		if err == nil {
			tellCurrent(std, c.Name, known.Server)
		}
		return err
	}
	all, err := readContexts()
	if err != nil {
		return err
	}
	current := first(os.Getenv("SLUICE_CONTEXT"), all.Current)
	if server := os.Getenv("SLUICE_SERVER"); server != "" {
		current = ""
		fmt.Fprintf(std.err, "SLUICE_SERVER is set: %s is asked, whatever the contexts say\n", server)
	}
	type known struct {
		Name    string `json:"name"`
		Server  string `json:"server"`
		Current bool   `json:"current"`
	}
	list := []known{}
	for _, name := range all.names() {
		list = append(list, known{name, all.Contexts[name].Server, name == current})
	}
	return c.print(std.out, list, func(w io.Writer) {
		row(w, "", "NAME", "SERVER")
		for _, k := range list {
			mark := ""
			if k.Current {
				mark = "*"
			}
			row(w, mark, k.Name, k.Server)
		}
	})
}

type contextRemoveCmd struct {
	Name string `arg:"" help:"The context to forget; its key stays good in the cluster: sluice keys revoke ends that."`
}

// Run forgets a context. Where it was the current one, none is until one is picked.
func (c contextRemoveCmd) Run(std streams) error {
	return changeContexts(func(all *contexts) error {
		if _, _, err := all.use(c.Name); err != nil {
			return err
		}
		delete(all.Contexts, c.Name)
		if all.Current == c.Name {
			all.Current = ""
		}
		fmt.Fprintf(std.err, "context %s is forgotten\n", c.Name)
		if all.Current == "" && len(all.Contexts) > 0 {
			fmt.Fprintf(std.err, "no context is the current one: sluice context NAME picks one of %s\n", strings.Join(all.names(), ", "))
		}
		return nil
	})
}
