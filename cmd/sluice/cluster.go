package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/coordinator"
)

type keysCmd struct {
	List   keysListCmd   `cmd:"" default:"withargs" help:"List API keys."`
	Create keysCreateCmd `cmd:"" help:"Make an API key and print it, this once."`
	Revoke keysRevokeCmd `cmd:"" help:"Revoke an API key, everywhere within 5 s."`
	Check  keysCheckCmd  `cmd:"" help:"Show who one's own key says one is."`
}

type keysListCmd struct {
	remoteFlags
	outputFlags
}

// Run lists the keys.
func (c keysListCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	all, err := r.Keys(ctx)
	if err != nil {
		return told(err)
	}
	date := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Local().Format(time.DateTime)
	}
	return c.print(std.out, all, func(w io.Writer) {
		row(w, "KEY", "NAME", "ROLE", "SCOPES", "CREATED", "EXPIRES", "USED", "STATE")
		for _, k := range all {
			state := "good"
			if !k.Expires.IsZero() && !k.Expires.After(time.Now()) {
				state = "expired"
			}
			if !k.Revoked.IsZero() {
				state = "revoked"
			}
			row(w, k.Prefix, k.Name, k.Role, scoped(k.Scopes), date(k.Created), date(k.Expires), date(k.Used), state)
		}
	})
}

// scoped is how scopes are shown.
func scoped(scopes []coordinator.Scope) string {
	if len(scopes) == 0 {
		return "all"
	}
	return strings.Trim(fmt.Sprint(scopes), "[]")
}

type keysCreateCmd struct {
	remoteFlags
	outputFlags
	Name    string              `arg:"" help:"Of who will hold it."`
	Role    coordinator.Role    `required:"" enum:"viewer,operator,author,admin" help:"What it may do: viewer, operator, author or admin."`
	Scope   []coordinator.Scope `placeholder:"SCOPE" help:"Do nothing else of what the role may, as jobs:read; repeatable. Without any it may all of that."`
	Expires time.Duration       `placeholder:"DURATION" help:"After which it is no good any more, as 30d or 12h; without it never."`
}

// Run makes a key.
func (c keysCreateCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	var expires time.Time
	if c.Expires > 0 {
		expires = time.Now().Add(c.Expires).UTC()
	}
	k, token, err := r.CreateKey(ctx, c.Name, c.Role, expires, c.Scope...)
	if err != nil {
		return told(err)
	}
	made := struct {
		coordinator.Key
		Token string `json:"token"`
	}{k, token}
	if err := c.print(std.out, made, func(w io.Writer) { row(w, token) }); err != nil {
		return err
	}
	fmt.Fprintf(std.err, "key %s of %s, %s, scopes %s; it is not shown again\n", k.Prefix, k.Name, k.Role, scoped(k.Scopes))
	return nil
}

type keysRevokeCmd struct {
	remoteFlags
	Key string `arg:"" help:"The key's prefix, as the list shows it."`
}

// Run revokes a key.
func (c keysRevokeCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	k, err := r.RevokeKey(ctx, c.Key)
	if err != nil {
		return told(err)
	}
	fmt.Fprintf(std.err, "key %s of %s is revoked\n", k.Prefix, k.Name)
	return nil
}

type keysCheckCmd struct {
	remoteFlags
	outputFlags
}

// Run shows who asks.
func (c keysCheckCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	s, err := r.Self(ctx)
	if err != nil {
		return told(err)
	}
	return c.print(std.out, s, func(w io.Writer) {
		row(w, "name", s.Name)
		row(w, "project", s.Project)
		row(w, "role", s.Role)
		row(w, "scopes", scoped(s.Scopes))
		if s.Key != "" {
			row(w, "key", s.Key)
		}
		row(w, "coordinator", s.Version)
	})
}
