package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/coordinator/auth"
	"sluice/recipe"
)

// contexts are the clusters that a user knows, as they are kept in a file of their own: with
// keys, so that only the user may read it.
type contexts struct {
	Current  string             `yaml:"current"`
	Contexts map[string]cluster `yaml:"contexts"`
	// Servers are the jobs that were submitted last to coordinators that no context names, or with
	// another key than the context's, by their address and the key's prefix.
	Servers map[string]recipe.JobID `yaml:"servers,omitempty"`

	file string
}

// cluster is one of them.
type cluster struct {
	Server string       `yaml:"server"`
	Key    string       `yaml:"key,omitempty"`
	CA     string       `yaml:"ca,omitempty"`
	Last   recipe.JobID `yaml:"last,omitempty"` // the job that was submitted last with that key: @last
}

// contextsFile is where contexts are kept: SLUICE_CONTEXTS, or sluice/contexts.yaml in the user's
// folder for configuration.
func contextsFile() (string, error) {
	if file := os.Getenv("SLUICE_CONTEXTS"); file != "" {
		return file, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("contexts: no folder for configuration (%w); SLUICE_CONTEXTS names a file", err)
	}
	return filepath.Join(dir, "sluice", "contexts.yaml"), nil
}

// readContexts reads the contexts; there are none before the first login.
func readContexts() (*contexts, error) {
	file, err := contextsFile()
	if err != nil {
		return nil, err
	}
	c := &contexts{Contexts: map[string]cluster{}, file: file}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = yaml.Unmarshal(data, c)
	}
	if err != nil {
		return nil, fmt.Errorf("contexts: %s: %w", file, err)
	}
	if c.Contexts == nil {
		c.Contexts = map[string]cluster{}
	}
	return c, nil
}

// write replaces the file at once: a reader finds the old contexts or the new ones.
func (c *contexts) write() error {
	data, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(c.file), ".contexts-*") // 0600
	if err != nil {
		return fmt.Errorf("contexts: %w", err)
	}
	_, err = tmp.Write(data)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), c.file)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("contexts: %w", err)
	}
	return nil
}

// use returns the context of a name, "" for the current one.
func (c *contexts) use(name string) (string, cluster, error) {
	if name == "" {
		name = c.Current
	}
	if name == "" && len(c.Contexts) > 0 {
		return "", cluster{}, usagef("no context is the current one: sluice context NAME picks one of %s", strings.Join(c.names(), ", "))
	}
	if name == "" {
		return "", cluster{}, usagef("no cluster is known: sluice login keeps one, and sluice up starts one")
	}
	k, found := c.Contexts[name]
	if !found {
		near := recipe.DidYouMean(name, c.names())
		if near == "" {
			near = "there are: " + strings.Join(c.names(), ", ")
		}
		return "", k, usagef("no context %s; %s", name, near)
	}
	return name, k, nil
}

func (c *contexts) names() (names []string) {
	for name := range c.Contexts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Another process may be changing the contexts; it is done in a moment, unless it hangs.
const (
	contextsWait = 5 * time.Second
	contextsLook = 10 * time.Millisecond
)

// changeContexts reads the contexts, changes them and writes them, while no other process does.
// An error of f leaves them as they are.
func changeContexts(f func(*contexts) error) error {
	file, err := contextsFile()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("contexts: %w", err)
	}
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_RDWR, 0o600) // the file itself is replaced
	if err != nil {
		return fmt.Errorf("contexts: %w", err)
	}
	defer lock.Close() // which lets go of it
	for until := time.Now().Add(contextsWait); ; time.Sleep(contextsLook) {
		free, err := tryLock(lock)
		if err != nil {
			return fmt.Errorf("contexts: lock %s: %w", lock.Name(), err)
		}
		if free {
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("contexts: another process has had %s for %v", lock.Name(), contextsWait)
		}
	}
	c, err := readContexts()
	if err != nil {
		return err
	}
	if err := f(c); err != nil {
		return err
	}
	return c.write()
}

// maxServers bounds the addresses whose last job is kept.
const maxServers = 100

// lastPlace is where the job is kept that was submitted last to a coordinator with a key: another
// key may be one of another project, which does not have the job. Tokens of an identity provider
// change, and have no prefix.
func lastPlace(server, key string) string {
	server = strings.TrimRight(server, "/")
	if prefix := auth.PrefixOf(key); prefix != "" {
		return server + " " + prefix
	}
	return server
}

// keepLast keeps the job that was submitted last to a coordinator that was named by its address.
func (c *contexts) keepLast(server string, id recipe.JobID) {
	if c.Servers == nil || len(c.Servers) >= maxServers && c.Servers[server] == "" {
		c.Servers = map[string]recipe.JobID{}
	}
	c.Servers[server] = id
}
