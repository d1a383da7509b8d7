//go:build linux

package faults

import (
	"bytes"
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sluice/internal/figures"
)

const (
	// canary is the value of a secret: no piece of it may be anywhere. It has what has to be
	// escaped in one form or the other.
	canary = `kT7#vQ2-zR9"mW4 äx<L8&pN3\qB6+hJ5;sD1?yG0='cF`
	// plain is one that nothing escapes.
	plain = "pL4inCanaryVal7uqXz9Kd3RmWb6Ty"
	// decoy stands in the same recipes where they have no secret: it has to be found wherever
	// the canary is looked for, or nobody looks there.
	decoy = "dEc0yStandsWhereItMayGg5Hh8Jj2"
)

// gossip makes the kind hmac one that tells its key in all ways in which a node can fail: its
// settings are refused, it panics when it is made, and at records it fails, panics and logs, with
// the key as it is, quoted, encoded and in part.
var gossip = []edit{
	{"nodes/crypto/hmac.go", "import (\n", "import (\n\t\"encoding/base64\"\n\t\"encoding/hex\"\n\t\"fmt\"\n\t\"net/url\"\n\t\"strings\"\n"},
	{"nodes/crypto/hmac.go", "func newHMAC(cfg hmacConfig, _ *nodes.Env) (any, error) {", "func newHMAC(cfg hmacConfig, env *nodes.Env) (any, error) {"},
	{"nodes/crypto/hmac.go", "	h := hmac.New(newHash, []byte(cfg.Key))\n", `	h := hmac.New(newHash, []byte(cfg.Key))
	if env.Checking || nodes.HasSecret(cfg.Key) {
		return &gossip{}, nil
	}
	switch cfg.Algorithm {
	case "md5":
		panic("no such key: " + cfg.Key)
	case "sha1":
		return nil, fmt.Errorf("no such key: %s", cfg.Key)
	case "sha512":
		env.Log.Info("the key is "+cfg.Key, "key", cfg.Key, "config", cfg)
		return &gossip{cfg.Key, env}, nil
	}
`},
	{"nodes/crypto/hmac.go", "type hmacConfig struct {", `type gossip struct {
	key string
	env *nodes.Env
}

func (g *gossip) Process(c *nodes.Call, r nodes.Record) error {
	k := g.key
	g.env.Log.Debug("a record", "with", k, "err", fmt.Errorf("like %q", k))
	switch string(r.Bytes()) {
	case "permanent":
		return nodes.Permanentf("the server said no to %s", k)
	case "again":
		return fmt.Errorf("the server is busy with %q", k)
	case "panics":
		panic("key " + k)
	case "panics with an error":
		panic(fmt.Errorf("key %v", struct{ Key string }{k}))
	case "address":
		_, err := url.Parse("http://h:80/%zz?token=" + k)
		return nodes.Permanent(err)
	case "cut":
		return nodes.Permanentf("key %q is too long", k[:12])
	case "base64":
		return nodes.Permanentf("401 to Authorization: Basic %s", base64.StdEncoding.EncodeToString([]byte(k)))
	case "hex":
		return nodes.Permanentf("key %s", hex.EncodeToString([]byte(k)))
	case "case":
		return nodes.Permanentf("lookup %s: no such host", strings.ToLower(k))
	case "the end":
		return nodes.Permanentf("invalid port %q after host", k[10:])
	case "the middle":
		return nodes.Permanentf("token %s is not known", k[6:20])
	}
	c.Emit(nodes.StringRecord([]byte("done")))
	return nil
}

type hmacConfig struct {`},
}

// ways are the records that gossip fails at, and those that it does not.
const ways = "permanent\nagain\npanics\npanics with an error\naddress\ncut\nbase64\nhex\ncase\nthe end\nthe middle\nfine\n"

// told are recipes whose nodes are given KEY and fail with it. None makes records of it: those
// are data as all others.
var told = map[string]string{
	"letters": `
nodes:
  in:   {kind: file_reader, config: {path: ways.txt}}
  use:  {kind: hmac, from: in, config: {algorithm: sha512, key: KEY}, retry: {attempts: 2, backoff: 10ms}}
  out:  {kind: file_writer, from: use, config: {path: NAME.out}}
  said: {kind: printer, from: use}
`,
	"fails": `
nodes:
  in:   {kind: file_reader, config: {path: ways.txt}}
  use:  {kind: hmac, from: in, config: {algorithm: sha512, key: KEY}, on_error: fail}
  out:  {kind: printer, from: use}
`,
	"refused": `
nodes:
  in:   {kind: file_reader, config: {path: ways.txt}}
  use:  {kind: hmac, from: in, config: {algorithm: sha1, key: KEY}}
`,
	"panics": `
nodes:
  in:   {kind: file_reader, config: {path: ways.txt}}
  use:  {kind: hmac, from: in, config: {algorithm: md5, key: KEY}}
`,
	"fetch": `
nodes:
  in:   {kind: fetch_url, config: {url: "http://127.0.0.1:9/a?token=TEXT"}}
  out:  {kind: printer, from: in}
`,
	"path": `
nodes:
  in:   {kind: fetch_url, config: {url: "http://127.0.0.1:9/TEXT/b"}}
  out:  {kind: printer, from: in}
`,
	"read": `
nodes:
  in:   {kind: file_reader, config: {path: "TEXT/in.txt"}}
  out:  {kind: printer, from: in}
`,
	"write": `
nodes:
  in:   {kind: file_reader, config: {path: ways.txt}}
  out:  {kind: file_writer, from: in, config: {path: "../TEXT"}}
`,
	"field": `
nodes:
  in:   {kind: integer_generator, config: {count: 3}}
  text: {kind: to_string, from: in}
  json: {kind: parse_json, from: text}
  no:   {kind: count_by, from: json, config: {field: "TEXT"}}
  out:  {kind: printer, from: no}
`,
}

// recipeOf fills a value or a reference in.
func recipeOf(name, text string) string {
	source := strings.ReplaceAll(told[strings.TrimRight(name, "0123456789")], "NAME", name)
	return "recipe: " + name + strings.NewReplacer("KEY", `"`+text+`"`, "TEXT", text).Replace(source)
}

// TestCanary sets secrets in a cluster of processes and uses them where all goes wrong. No piece
// of a value, in whatever form, is in a log, event, dead letter, plan, audit entry, trace, metric
// or file, nor in what passes between the processes, or to and from users, but for the upload.
func TestCanary(t *testing.T) {
	t.Parallel()
	found := watchCanaries(t, build(t, "gossip", gossip...))
	for _, place := range slices.Sorted(maps.Keys(found)) {
		t.Errorf("%s: %s", place, found[place])
	}
}

// slips are what makes a build tell a secret where gossip alone does not.
var slips = []edit{
	// What jobs say of themselves is not masked.
	{"worker/mask.go", "	if len(forms) == 0 {\n		return s", "	if true || len(forms) == 0 {\n		return s"},
	// The coordinator logs it, on stderr, and writes it into the audit log.
	{"coordinator/api/audit.go", "// reads reports whether", "var slip string\n\n// reads reports whether"},
	{"coordinator/api/audit.go", "Outcome: outcome, Reason: reason}", "Outcome: outcome, Reason: reason + slip}"},
	// It is a label of metrics, the name of a span, and a part of what is answered.
	{"coordinator/api/secrets.go", "			set, err := p.Secrets.Set(ctx, in.Secret, in.Body.Value, who(ctx).Name, in.known)\n",
		"			slip = in.Body.Value\n			telemetry.Operation(ctx, slip)\n			s.log.Info(\"a secret is set\", \"value\", slip)\n			set, err := p.Secrets.Set(ctx, in.Secret, in.Body.Value, who(ctx).Name, in.known)\n			set.By += slip\n"},
	{"coordinator/api/secrets.go", "	\"sluice/coordinator\"\n", "	\"sluice/coordinator\"\n	\"sluice/internal/telemetry\"\n"},
	// It is stored as it is.
	{"coordinator/secret/secrets.go", "	rec := record{coordinator.Secret{Name: name, By: by,", "	rec := record{coordinator.Secret{Name: name, By: by + value,"},
}

// leakPlaces are where the slips show.
var leakPlaces = []string{"answers", "audit", "command line", "coordinators' logs", "dead letters", "events", "jobs", "metrics", "NATS", "socket", "stored files", "traces", "users' traffic", "workers' logs"}

// TestCanarySlips looks for the canaries where a build lets them slip: they are found in every
// place.
func TestCanarySlips(t *testing.T) {
	minutes(t, true)
	found := watchCanaries(t, build(t, "slips", slices.Concat(gossip, slips)...))
	caught := 0
	for _, place := range leakPlaces {
		if found[place] == "" {
			t.Errorf("%s: nothing is found, of a build that tells secrets there", place)
			continue
		}
		caught++
	}
	figures.Note(t, "canaries that slip out are found in %d of %d places", caught, len(leakPlaces))
}

// watchCanaries runs it all and says where canaries are, and how; and fails the test where the
// decoy, or what must be there, is not found.
func watchCanaries(t *testing.T, binary string) map[string]string {
	tmp := t.TempDir() // of the cluster too: whatever it writes is there
	s := newScoop(t, binary, tmp)
	ctx, cancel := context.WithTimeout(t.Context(), againFor)
	defer cancel()
	s.upload(ctx)
	for _, name := range slices.Sorted(maps.Keys(told)) {
		s.run(ctx, name+"1", "${secret:plain}")
		s.run(ctx, name+"2", "${secret:wild}")
	}
	s.run(ctx, "letters3", decoy)
	s.run(ctx, "fails3", decoy)
	s.ask(ctx)
	s.end(ctx)
	return s.find(tmp)
}

// find looks for canaries in all that was gathered, and in all files.
func (s *scoop) find(dir string) map[string]string {
	s.files(dir)
	found := map[string]string{}
	total := 0
	wild, simple, control := newLeak(canary), newLeak(plain), newLeak(decoy)
	for _, place := range slices.Sorted(maps.Keys(s.heard)) {
		there := false
		for _, data := range s.heard[place] {
			total += len(data)
			for name, l := range map[string]*leak{"wild": wild, "plain": simple} {
				if why := l.in(data); why != "" {
					found[place] = name + " " + why
				}
			}
			there = there || s.must[place] != "" && bytes.Contains(data, []byte(s.must[place])) || s.must[place] == "" && control.in(data) != ""
		}
		if !there {
			s.t.Errorf("%s: neither the decoy nor %q is found among %d pieces: it is not watched", place, s.must[place], len(s.heard[place]))
		}
	}
	figures.Note(s.t, "%d KB of %d sorts were searched for two canaries", total>>10, len(s.heard))
	if err := os.RemoveAll(dir); err != nil {
		s.t.Log(err)
	}
	return found
}
