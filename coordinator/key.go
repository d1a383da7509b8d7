package coordinator

import (
	"regexp"
	"slices"
	"time"
)

// Key is an API key as it is shown: all but its secret, of which only a digest is stored.
type Key struct {
	Prefix    string    `json:"prefix"` // names it; the token begins with slu_PREFIX_
	Name      string    `json:"name"`   // of who holds it: the owner of what is done with it
	Role      Role      `json:"role"`
	Scopes    []Scope   `json:"scopes,omitempty"` // which narrow the role, by name; without any it has all of it
	Project   string    `json:"project"`
	Expires   time.Time `json:"expires,omitzero"` // zero for never
	Created   time.Time `json:"created"`
	By        string    `json:"by"`               // who made it
	Used      time.Time `json:"used,omitzero"`    // last; up to a minute or so old
	Revoked   time.Time `json:"revoked,omitzero"` // when it was; it is listed for 30 days more
	RevokedBy string    `json:"revoked_by,omitempty"`
}

// Live reports whether a key is good at a time.
func (k *Key) Live(now time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires))
}

// keyName is what a key may be called. There is no colon in it, so that nobody with a key is
// taken for somebody whom an identity provider has named.
var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,63}$`)

// Check says what is in the way of making such a key now.
func (k *Key) Check(now time.Time) error {
	switch {
	case !keyName.MatchString(k.Name):
		return Faultf(Invalid, "name %q: 1 to 64 letters, digits, spaces and . _ @ + -, a letter or digit first", k.Name)
	case !slices.Contains(Roles, k.Role):
		return Faultf(Invalid, "role %q: viewer, operator, author or admin", k.Role)
	case !k.Expires.IsZero() && !k.Expires.After(now):
		return Faultf(Invalid, "expires: %s is over", k.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}
