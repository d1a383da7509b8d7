package settings

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/coordinator"
)

// Network is ADDRESS/LENGTH, or an address alone.
type Network netip.Prefix

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Network) UnmarshalText(text []byte) error {
	if p, err := netip.ParsePrefix(string(text)); err == nil {
		*n = Network(p)
		return nil
	}
	if a, err := netip.ParseAddr(string(text)); err == nil {
		*n = Network(netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	return fmt.Errorf("%q is no network; one is written like 10.0.0.0/8", text)
}

// String returns the form that UnmarshalText reads.
func (n Network) String() string { return netip.Prefix(n).String() }

// Size is a number of bytes.
type Size int64

// units of sizes, the largest first.
var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}, {"", 1}}

// UnmarshalText implements encoding.TextUnmarshaler: a whole number and a unit.
func (s *Size) UnmarshalText(text []byte) error {
	digits := strings.TrimRight(string(text), "GMKiB")
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	for _, u := range units {
		if string(text) == digits+u.name && err == nil && n >= 0 && n <= 1<<62/u.bytes {
			*s = Size(n * u.bytes)
			return nil
		}
	}
	return fmt.Errorf("%q is no size; one is written like 8MiB", text)
}

// String returns the form that UnmarshalText reads, in the largest unit that divides it.
func (s Size) String() string {
	for _, u := range units[:3] {
		if s != 0 && int64(s)%u.bytes == 0 {
			return fmt.Sprintf("%d%s", int64(s)/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}

// Sync says when a server forces to disk what it has acknowledged: always before it says so, or
// at intervals.
type Sync struct {
	Always bool
	Every  time.Duration // where not always; from 1 s to an hour
}

const syncAlways = "always"

// UnmarshalText implements encoding.TextUnmarshaler: always, or a time.
func (s *Sync) UnmarshalText(text []byte) error {
	if string(text) == syncAlways {
		*s = Sync{Always: true}
		return nil
	}
	every, err := time.ParseDuration(string(text))
	if err != nil || every < time.Second || every > time.Hour {
		return fmt.Errorf("%q is neither always nor a time from 1s to 1h, such as 2m", text)
	}
	*s = Sync{Every: every}
	return nil
}

// String returns the form that UnmarshalText reads.
func (s Sync) String() string {
	if s.Always {
		return syncAlways
	}
	return s.Every.String()
}

// Project is the name of a project and the file with the coordinator's credentials there.
type Project struct{ Name, Creds string }

var projectName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// UnmarshalText implements encoding.TextUnmarshaler: NAME=FILE.
func (p *Project) UnmarshalText(text []byte) error {
	name, file, ok := strings.Cut(string(text), "=")
	if !ok || file == "" || !projectName.MatchString(name) {
		return fmt.Errorf("%q is no project; one is written like name=FILE, and its name has small letters, digits, - and _", text)
	}
	p.Name, p.Creds = name, file
	return nil
}

// String returns the form that UnmarshalText reads.
func (p Project) String() string { return p.Name + "=" + p.Creds }

// RoleWord is a word of an identity provider, and the role that it stands for.
type RoleWord struct {
	Word string
	Role coordinator.Role
}

// UnmarshalText implements encoding.TextUnmarshaler: WORD=ROLE. The word may hold a = itself.
func (r *RoleWord) UnmarshalText(text []byte) error {
	at := strings.LastIndex(string(text), "=")
	if at < 1 || !slices.Contains(coordinator.Roles, coordinator.Role(text[at+1:])) {
		return fmt.Errorf("%q maps no word to a role; one is written like soc-staff=operator, and the roles are viewer, operator, author and admin", text)
	}
	r.Word, r.Role = string(text[:at]), coordinator.Role(text[at+1:])
	return nil
}

// String returns the form that UnmarshalText reads.
func (r RoleWord) String() string { return r.Word + "=" + string(r.Role) }
