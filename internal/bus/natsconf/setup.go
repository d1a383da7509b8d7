package natsconf

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"
)

// The files that [Setup] writes into its folder. Those of a project lie in a folder of its name.
const (
	ServerFile   = "nats.conf"     // of the server; written once, then the operator's
	AccountsFile = "accounts.conf" // included by it; written anew each time
	SizesFile    = "sizes.conf"    // the same: what the accounts may store together
	SystemSeed   = "system.nk"     // the seed of who may ask servers about themselves
	LimitsFile   = "limits.json"   // of a project's account
)

// SeedOf is the name of the file, in a project's folder, with the seed of a role.
func SeedOf(r Role) string { return string(r) + ".nk" }

// ControlAccount is the name of the account with the control plane of a project.
func ControlAccount(project string) string { return project + controlSuffix }

const (
	controlSuffix = "-control"
	systemAccount = "SYS"
)

// ControlLimits are those of a project's control plane: its records, its history and its events.
var ControlLimits = Limits{Store: 1 << 30, Memory: 16 << 20, Streams: 32, Consumers: 512}

// DefaultLimits are those of a project's account where nothing else is said.
var DefaultLimits = Limits{Store: 10 << 30, Memory: 64 << 20, Streams: 20_000, Consumers: 100_000}

// Change is what [Setup] is asked for.
type Change struct {
	Projects []string // to add, or whose limits to set
	Limits   Limits   // of these projects; 0 leaves what exists alone, and is that of DefaultLimits for new ones
	Server   Server   // for nats.conf, where there is none
}

// Done says what Setup has done.
type Done struct {
	Added  []string // projects that are new
	Kept   []string // projects whose keys are as they were
	Server bool     // nats.conf was written
}

// Setup writes into a folder what a NATS server needs to know of the projects there and those to
// be added, and a seed for each of their roles. The folder and those in it have mode 0700, files
// 0600. A key that exists is kept. It may be called again after it failed half way.
func Setup(dir string, c Change) (*Done, error) {
	for _, p := range c.Projects {
		if err := checkProject(p); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	done := &Done{}
	there, err := Projects(dir)
	if err != nil {
		return nil, err
	}
	for _, p := range c.Projects {
		isNew := !slices.Contains(there, p)
		if err := prepare(filepath.Join(dir, p), c.Limits); err != nil {
			return nil, fmt.Errorf("project %s: %w", p, err)
		}
		if isNew {
			there, done.Added = append(there, p), append(done.Added, p)
		}
	}
	slices.Sort(there)
	for _, p := range there {
		if !slices.Contains(done.Added, p) {
			done.Kept = append(done.Kept, p)
		}
	}
	accounts, err := accountsOf(dir, there)
	if err != nil {
		return nil, err
	}
	text, err := Render(accounts)
	if err != nil {
		return nil, err
	}
	head := "# Written by sluice nats setup, which writes it anew: change nothing here.\n\n"
	if err := replace(filepath.Join(dir, AccountsFile), []byte(head+text)); err != nil {
		return nil, err
	}
	if err := replace(filepath.Join(dir, SizesFile), []byte(head+sizes(accounts))); err != nil {
		return nil, err
	}
	done.Server, err = writeServer(dir, c.Server)
	return done, err
}

// writeServer writes nats.conf unless there is one, and reports whether it did.
func writeServer(dir string, s Server) (bool, error) {
	var err error
	if s.StoreDir == "" {
		if s.StoreDir, err = filepath.Abs(filepath.Join(dir, "data")); err != nil {
			return false, err
		}
	}
	if s.Cluster.Name != "" {
		if s.Cluster.password, err = RoutePassword(dir); err != nil {
			return false, err
		}
	}
	text, err := s.text()
	if err != nil {
		return false, err
	}
	return create(filepath.Join(dir, ServerFile), []byte(text))
}

func checkProject(p string) error {
	switch {
	case !IsName(p) || len(p)+len(controlSuffix) > maxName:
		return fmt.Errorf("project %q: want letters, digits, - and _, at most %d", p, maxName-len(controlSuffix))
	case strings.HasSuffix(p, controlSuffix), strings.EqualFold(p, systemAccount), p[0] == '-':
		return fmt.Errorf("project %q: this name has a meaning of its own", p)
	}
	return nil
}

// Projects returns the projects that a folder holds, sorted.
func Projects(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if !e.IsDir() || checkProject(e.Name()) != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, e.Name(), LimitsFile)); err == nil {
			all = append(all, e.Name())
		}
	}
	return all, nil
}

// prepare makes a project's folder with its seeds, and its limits last: they make it a project.
func prepare(dir string, change Limits) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, r := range []Role{Worker, Coordinator, Control} {
		if _, err := keyOf(filepath.Join(dir, SeedOf(r))); err != nil {
			return err
		}
	}
	limits, err := limitsOf(dir)
	if errors.Is(err, fs.ErrNotExist) {
		limits, err = DefaultLimits, nil
	}
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(limits.with(change), "", "  ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(dir, LimitsFile), append(text, '\n'))
}

// keyOf returns the public part of the key whose seed a file holds, and makes one where there
// is none.
func keyOf(file string) (string, error) {
	seed, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		made, err := nkeys.CreateUser()
		if err != nil {
			return "", err
		}
		defer made.Wipe()
		if seed, err = made.Seed(); err != nil {
			return "", err
		}
		if err := replace(file, append(seed, '\n')); err != nil {
			return "", err
		}
		return made.PublicKey()
	}
	if err != nil {
		return "", err
	}
	key, err := nkeys.ParseDecoratedUserNKey(seed)
	if err != nil {
		return "", fmt.Errorf("NKey seed file %s: %w", file, err)
	}
	defer key.Wipe()
	return key.PublicKey()
}

// accountsOf are the accounts of projects, and the system's.
func accountsOf(dir string, projects []string) ([]Account, error) {
	key, err := keyOf(filepath.Join(dir, SystemSeed))
	if err != nil {
		return nil, err
	}
	all := []Account{{Name: systemAccount, System: true, Users: []User{{NKey: key}}}}
	for _, p := range projects {
		data, control := Account{Name: p}, Account{Name: ControlAccount(p), Limits: ControlLimits}
		if data.Limits, err = limitsOf(filepath.Join(dir, p)); err != nil {
			return nil, err
		}
		for _, to := range []struct {
			role    Role
			account *Account
		}{{Coordinator, &data}, {Worker, &data}, {Control, &control}} {
			key, err := keyOf(filepath.Join(dir, p, SeedOf(to.role)))
			if err != nil {
				return nil, err
			}
			to.account.Users = append(to.account.Users, User{NKey: key, Role: to.role})
		}
		all = append(all, data, control)
	}
	return all, nil
}

// limitsOf are those that a project's folder holds.
func limitsOf(dir string) (l Limits, err error) {
	file := filepath.Join(dir, LimitsFile)
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("limits file %s: %w", file, err)
	}
	return l, err
}

// with changes those limits that are not 0.
func (l Limits) with(change Limits) Limits {
	return Limits{Store: cmp.Or(change.Store, l.Store), Memory: cmp.Or(change.Memory, l.Memory),
		Streams: cmp.Or(change.Streams, l.Streams), Consumers: cmp.Or(change.Consumers, l.Consumers)}
}

// sizes are variables of a configuration with what the accounts may store together: a server
// that has less does not start, because it reserves what each may have.
func sizes(accounts []Account) string {
	var store, memory int64
	for _, a := range accounts {
		if a.System {
			continue
		}
		store += cmp.Or(a.Limits.Store, unboundedStore)
		memory += cmp.Or(a.Limits.Memory, unboundedMemory)
	}
	return fmt.Sprintf("SLUICE_STORE: %d\nSLUICE_MEMORY: %d\n", store, memory)
}

// What a server gets for an account without a bound.
const (
	unboundedStore  = 50 << 30
	unboundedMemory = 256 << 20
)

// create writes a file unless there is one, and reports whether it did.
func create(file string, data []byte) (bool, error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(file) // half a seed is worse than none
	}
	return err == nil, err
}

// replace writes a file whole or not at all.
func replace(file string, data []byte) error {
	tmp := file + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := create(tmp, data); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}
