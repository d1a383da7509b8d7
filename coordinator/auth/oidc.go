package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
)

// OIDC says which tokens of an identity provider are good, and what they allow. The token is a
// JWT that the provider has signed: an access token or an ID token whose audience is Sluice.
type OIDC struct {
	Issuer   string // as the tokens have it: an https URL; http on loopback alone
	Audience string // that a token must name

	Algorithms []string      // that may sign; nil is RS256 and ES256. Only signatures by a public key
	Leeway     time.Duration // by which clocks may differ; 0 is 1 minute, at most 5 minutes

	NameClaim    string // who it is; "" is sub. Not one that users can set themselves
	RoleClaim    string // a claim with a word or a list of words, with dots into objects; "" is roles
	Roles        map[string]coordinator.Role
	ProjectClaim string // the claim that names the project; "" for none: then it is Project
	Project      string

	Transport http.RoundTripper // nil is the default one; for a certificate authority of one's own
}

// Bounds of an identity provider's tokens.
const (
	defaultLeeway = time.Minute
	maxLeeway     = 5 * time.Minute
	maxClaim      = 200 // bytes of a name
	// maxLife bounds the time for which somebody may go on whom the provider has locked out:
	// a token can't be revoked.
	maxLife = 24 * time.Hour
)

// publicAlgorithms are those that need no shared secret.
var publicAlgorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// verifier checks tokens of one provider.
type verifier struct {
	cfg  OIDC
	now  func() time.Time
	keys *keySet
	lib  oidc.Config
}

// asked is a set of keys that remembers what it answered: the library passes on the words of
// an error, and not the error.
type asked struct {
	keys *keySet
	err  error
}

// VerifySignature implements oidc.KeySet.
func (a *asked) VerifySignature(ctx context.Context, token string) (body []byte, err error) {
	body, a.err = a.keys.verify(ctx, token)
	return body, a.err
}

func newVerifier(c OIDC, now func() time.Time, log hclog.Logger) (*verifier, error) {
	if c.Leeway == 0 {
		c.Leeway = defaultLeeway
	}
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{oidc.RS256, oidc.ES256}
	}
	if c.NameClaim == "" {
		c.NameClaim = "sub"
	}
	if c.RoleClaim == "" {
		c.RoleClaim = "roles"
	}
	switch {
	case c.Issuer == "" || c.Audience == "":
		return nil, fmt.Errorf("oidc: an issuer and an audience are needed")
	case !Trusted(c.Issuer):
		return nil, fmt.Errorf("oidc: issuer %s: an https URL is needed, or http to loopback", c.Issuer)
	case c.Leeway < 0 || c.Leeway > maxLeeway:
		return nil, fmt.Errorf("oidc: leeway %v: at most %v", c.Leeway, maxLeeway)
	case len(c.Roles) == 0:
		return nil, fmt.Errorf("oidc: no word of claim %s is mapped to a role, so nobody could do anything", c.RoleClaim)
	case c.ProjectClaim == "" && c.Project == "":
		return nil, fmt.Errorf("oidc: a project is needed, or a claim that names it")
	}
	for _, alg := range c.Algorithms {
		if !slices.Contains(publicAlgorithms, alg) {
			return nil, fmt.Errorf("oidc: algorithm %s: one of %s", alg, strings.Join(publicAlgorithms, " "))
		}
	}
	for word, role := range c.Roles {
		if !slices.Contains(coordinator.Roles, role) {
			return nil, fmt.Errorf("oidc: %s is mapped to %q, which is no role", word, role)
		}
	}
	return &verifier{cfg: c, now: now, keys: newKeySet(c, now, log), lib: oidc.Config{
		ClientID: c.Audience, SupportedSigningAlgs: c.Algorithms, SkipExpiryCheck: true, // which has no leeway; see times
	}}, nil
}

// looksSigned reports whether a token has the three parts of a JWT.
func looksSigned(token string) bool { return strings.Count(token, ".") == 2 }

// check tells whose token it is.
func (v *verifier) check(ctx context.Context, token string) (p coordinator.Principal, err error) {
	keys := &asked{keys: v.keys}
	t, err := oidc.NewVerifier(v.cfg.Issuer, keys, &v.lib).Verify(ctx, token)
	if err != nil {
		if coordinator.FamilyOf(keys.err) == coordinator.Unavailable {
			return p, keys.err
		}
		// What the library says may quote the token's claims.
		return p, coordinator.Faultf(coordinator.Unnamed, "the token is not one that %s has signed for %s", v.cfg.Issuer, v.cfg.Audience)
	}
	var claims map[string]any
	if err := t.Claims(&claims); err != nil {
		return p, coordinator.Faultf(coordinator.Unnamed, "the token's claims can't be read")
	}
	if err := v.times(t, claims); err != nil {
		return p, err
	}
	p = coordinator.Principal{Role: v.role(claims), Project: v.cfg.Project, Expires: t.Expiry.Add(v.cfg.Leeway)}
	name, _ := claims[v.cfg.NameClaim].(string)
	if !named(name) {
		return p, coordinator.Faultf(coordinator.Unnamed, "the token's claim %s is no name", v.cfg.NameClaim)
	}
	p.Name = "oidc:" + name
	if v.cfg.ProjectClaim != "" {
		if p.Project, _ = lookup(claims, v.cfg.ProjectClaim).(string); !named(p.Project) {
			return p, coordinator.Faultf(coordinator.Unnamed, "the token's claim %s names no project", v.cfg.ProjectClaim)
		}
	}
	if p.Role == "" {
		return p, coordinator.Faultf(coordinator.Forbidden, "%s has no role here: no word of claim %s is mapped to one", p.Name, v.cfg.RoleClaim)
	}
	return p, nil
}

// times checks when the token is good. Its times are the provider's.
func (v *verifier) times(t *oidc.IDToken, claims map[string]any) error {
	now, leeway := v.now(), v.cfg.Leeway
	var before time.Time
	if s, ok := claims["nbf"].(float64); ok {
		before = time.Unix(int64(s), 0)
	}
	switch {
	case t.Expiry.Unix() <= 0:
		return coordinator.Faultf(coordinator.Unnamed, "the token has no time at which it expires")
	case !now.Before(t.Expiry.Add(leeway)):
		return coordinator.Faultf(coordinator.Unnamed, "the token expired at %s", t.Expiry.UTC().Format(time.RFC3339))
	case now.Add(leeway).Before(before) || now.Add(leeway).Before(t.IssuedAt):
		return coordinator.Faultf(coordinator.Unnamed, "the token is not good yet: are the clocks right?")
	case t.Expiry.Sub(now) > maxLife+leeway:
		return coordinator.Faultf(coordinator.Unnamed, "the token is good for more than %v: take one that ends earlier, since it can't be revoked", maxLife)
	}
	return nil
}

// role is the highest one that the token's words are mapped to, "" for none.
func (v *verifier) role(claims map[string]any) (role coordinator.Role) {
	words, ok := lookup(claims, v.cfg.RoleClaim).([]any)
	if !ok {
		words = []any{lookup(claims, v.cfg.RoleClaim)}
	}
	for _, w := range words {
		word, _ := w.(string)
		if r, ok := v.cfg.Roles[word]; ok && (role == "" || r.Covers(role)) {
			role = r
		}
	}
	return role
}

// lookup finds a claim; a name with dots that is none itself leads into objects.
func lookup(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	first, rest, _ := strings.Cut(name, ".")
	inner, ok := claims[first].(map[string]any)
	if !ok || rest == "" {
		return nil
	}
	return lookup(inner, rest)
}

// named reports whether a claim can be shown and written down as a name.
func named(s string) bool {
	return s != "" && len(s) <= maxClaim && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// subset of the discovery document, which OpenID Connect Discovery 1.0 describes.
type discovery struct {
	Issuer string `json:"issuer"`
	Keys   string `json:"jwks_uri"`
}

func parseDiscovery(body []byte, issuer string) (keys string, err error) {
	var d discovery
	if err := json.Unmarshal(body, &d); err != nil {
		return "", fmt.Errorf("discovery document: %w", err)
	}
	switch {
	case d.Issuer != issuer:
		return "", fmt.Errorf("discovery document: it is of issuer %.200q", d.Issuer)
	case !Trusted(d.Keys):
		return "", fmt.Errorf("discovery document: jwks_uri %.200q: an https URL is needed", d.Keys)
	}
	return d.Keys, nil
}
