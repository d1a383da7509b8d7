package coordinator

import (
	"slices"
	"time"
)

// Role says what a principal may do. Each may do all that those before it may.
type Role string

// The roles, the least first.
const (
	Viewer   Role = "viewer"   // sees jobs, events, results and recipes
	Operator Role = "operator" // runs saved recipes, stops, resumes and retries jobs, replays dead letters
	Author   Role = "author"   // submits recipes of their own and saves them, uploads files, sets secrets
	Admin    Role = "admin"    // keys, audit, deletion of what others own
)

// Roles are all roles, the least first.
var Roles = []Role{Viewer, Operator, Author, Admin}

// Covers reports whether a role may do what another may. A word that is no role covers nothing,
// and nothing covers it.
func (r Role) Covers(other Role) bool {
	have, want := slices.Index(Roles, r), slices.Index(Roles, other)
	return have >= 0 && want >= 0 && have >= want
}

// Scope is a part of what there is to do, as jobs:read. A key that has some may do nothing else,
// whatever its role would allow; none widens a role.
type Scope string

// Principal is who asks: the holder of a key, or of a token of an identity provider.
type Principal struct {
	Name    string    // as the audit log has it; never a secret
	Project string    // the one project that it is of
	Role    Role      // there
	Scopes  []Scope   // those alone, by name; none: all that the role may
	Key     string    // the prefix of its key, "" for a token
	Expires time.Time // zero for never
}
