package api

import (
	"fmt"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/hashicorp/go-hclog"
	"github.com/klauspost/compress/gzhttp"

	"sluice/coordinator"
	"sluice/coordinator/audit"
	"sluice/coordinator/auth"
	"sluice/coordinator/dead"
	"sluice/coordinator/events"
	"sluice/coordinator/files"
	"sluice/coordinator/fleet"
	"sluice/coordinator/library"
	"sluice/coordinator/secret"
	"sluice/coordinator/store"
	"sluice/coordinator/tap"
	"sluice/internal/telemetry"
)

// Bounds that hold for every request, unless a route says otherwise.
const (
	// MaxBody is the largest body that is read, in bytes.
	MaxBody = 4 << 20
	// MaxWait is how long an answer may take; streams and transfers have bounds of their own.
	MaxWait = 20 * time.Second
	// BodyWait is how long a body may take to arrive, files aside.
	BodyWait    = 15 * time.Second
	defaultPage = 50
	largestPage = 500
)

// Config says what an API serves. Projects and Auth must be set.
type Config struct {
	Version  string
	Projects map[string]*Project // by name
	Auth     *auth.Auth
	Live     http.Handler  // opens the sockets of /v1/events; nil for none
	Metrics  http.Handler  // of the process; nil for none
	MaxBody  int64         // bytes of a body; 0 is MaxBody
	BodyWait time.Duration // 0 is BodyWait
	// PerAddress limits the requests of an address, before it is known who asks, and PerUser
	// those of a user; nil does not.
	PerAddress, PerUser *auth.Limiter
	Log                 hclog.Logger
}

// Project is the rooms of one project. All must be set.
type Project struct {
	Jobs    *store.Jobs
	Library *library.Library
	Events  *events.Log
	Fleet   *fleet.Fleet
	Files   *files.Store
	Keys    *auth.Keys
	Audit   *audit.Log
	Dead    *dead.Box
	Taps    *tap.Taps
	Secrets *secret.Secrets
	// Away returns for how long the store could not be reached, 0 while it can; nil: it always can.
	Away func() time.Duration
}

// server is an API at work.
type server struct {
	cfg  Config
	log  hclog.Logger
	mux  *http.ServeMux
	huma huma.API

	shares    shares
	constants sync.Map // path to *constant
}

// problems makes the framework tell of its own errors as Sluice does. It is the framework's one
// hook for that, and a variable of its package.
var problems = sync.OnceFunc(func() {
	huma.NewError = func(status int, text string, errs ...error) huma.StatusError { return framed(nil, status, text, errs) }
	huma.NewErrorWithContext = func(h huma.Context, status int, text string, errs ...error) huma.StatusError {
		if h == nil {
			return framed(nil, status, text, errs)
		}
		p := framed(h.Operation(), status, text, errs)
		p.RequestID = requestID(h.Context())
		return p
	}
})

// New returns the API as a handler.
func New(c Config) http.Handler {
	problems()
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	if c.MaxBody == 0 {
		c.MaxBody = MaxBody
	}
	if c.BodyWait == 0 {
		c.BodyWait = BodyWait
	}
	s := &server{cfg: c, log: c.Log, mux: http.NewServeMux()}
	s.huma = humago.New(s.mux, humaConfig(c.Version))
	s.huma.UseMiddleware(s.authenticate)
	s.kinds()
	s.edges()
	s.recipes()
	s.saved()
	s.jobs()
	s.events()
	s.workers()
	s.keys()
	s.secrets()
	s.audit()
	s.files()
	s.dead()
	s.results()
	s.taps()
	s.metrics()
	s.describe()
	return s.handler()
}

func humaConfig(version string) huma.Config {
	h := huma.DefaultConfig("Sluice", version)
	h.Info.Description = "Runs information-security recipes on a NATS JetStream cluster."
	h.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	h.OpenAPIPath, h.DocsPath, h.SchemasPath = descriptionPath, "", ""
	h.CreateHooks = nil // no $schema in bodies
	h.RejectUnknownQueryParameters = true
	h.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", Description: "An API key, or a token of the identity provider."},
	}
	h.Security = []map[string][]string{{"key": {}}}
	return h
}

// handler puts what holds for every request around the routes.
func (s *server) handler() http.Handler {
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.SuffixETag(packedTag), gzhttp.ExceptContentTypes([]string{"application/octet-stream"}))
	if err != nil {
		panic(err) // its options are constants
	}
	return s.identified(s.guarded(s.limited(s.alive(compress(http.HandlerFunc(s.route))))))
}

// alive lets sockets past what is for requests alone.
func (s *server) alive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cfg.Live != nil && r.URL.Path == socketPath {
			telemetry.Operation(r.Context(), "open-events")
			s.cfg.Live.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limited refuses an address that asks too often.
func (s *server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cfg.PerAddress != nil {
			if ok, after := s.cfg.PerAddress.Allow(auth.ByAddress(r.RemoteAddr)); !ok {
				w.Header().Set("Retry-After", retryAfter(after))
				err := tooOften("this address", after)
				s.writeProblem(w, r, s.problemOf(r.Context(), err))
				s.turnedAway(r, err.Error())
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// retryAfter is a wait as the header has it: whole seconds.
func retryAfter(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

func tooOften(who string, after time.Duration) error {
	f := coordinator.Faultf(coordinator.OverLimit, "%s asks too often", who)
	f.Hint = "ask again after " + retryAfter(after) + " s"
	return f
}

// route serves a request, and tells of unknown paths and wrong methods as of all errors.
func (s *server) route(w http.ResponseWriter, r *http.Request) {
	h, pattern := s.mux.Handler(r)
	if pattern != "" && clean(r) {
		if strings.HasPrefix(r.URL.Path, descriptionPath) {
			s.constant(w, r)
			return
		}
		s.mux.ServeHTTP(w, r)
		return
	}
	probe := &probe{header: http.Header{}}
	h.ServeHTTP(probe, r)
	p := &Problem{Status: http.StatusNotFound, Code: coordinator.Unknown, Detail: fmt.Sprintf("no such path: %.200s", r.URL.Path), Hint: "GET /v1/openapi.json lists all"}
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		p = &Problem{Status: probe.status, Code: coordinator.Invalid, Detail: r.Method + " is not for this path", Hint: "allowed: " + probe.header.Get("Allow")}
	}
	s.writeProblem(w, r, p)
}

// clean reports whether a path is written as routes are: the router would send who asks for
// another, such as one with //, elsewhere.
func clean(r *http.Request) bool {
	at := r.URL.EscapedPath()
	return path.Clean(at) == at
}

// probe learns what the router would answer.
type probe struct {
	header http.Header
	status int
}

// Header implements http.ResponseWriter.
func (p *probe) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *probe) WriteHeader(status int) { p.status = status }

// Write implements http.ResponseWriter.
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
