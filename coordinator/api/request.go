package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/internal/telemetry"
)

// idHeader carries a request's id: the caller's, where it is a sensible one, or a new one.
const idHeader = "X-Request-Id"

type contextKey int

const (
	keyRequest contextKey = iota
	keyPrincipal
	keyAbout
)

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(keyRequest).(string)
	return id
}

// who is who asks; the zero value where a route is open to all.
func who(ctx context.Context) coordinator.Principal {
	p, _ := ctx.Value(keyPrincipal).(coordinator.Principal)
	return p
}

// identified gives each request an id.
func (s *server) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(idHeader)
		if !plain(id) {
			id = strings.ToLower(rand.Text()[:16])
		}
		w.Header().Set(idHeader, id)
		r = r.WithContext(context.WithValue(r.Context(), keyRequest, id))
		impatient(w, r)
		next.ServeHTTP(w, r)
	})
}

// plain reports whether a caller's id may be written to a log.
func plain(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	return strings.IndexFunc(id, func(c rune) bool {
		return c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}) < 0
}

// guarded turns a panic of a handler into an answer, or cuts one off that has begun, and keeps
// browsers from making more of an answer than it is.
func (s *server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, sent := w.Header(), &sent{ResponseWriter: w}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p != http.ErrAbortHandler {
				s.log.Error("a request met a panic", "request", requestID(r.Context()), "path", r.URL.Path, "err", p)
			}
			if p == http.ErrAbortHandler || sent.begun {
				panic(http.ErrAbortHandler) // the server cuts the connection: a part is not taken for the whole
			}
			s.writeProblem(w, r, &Problem{Status: http.StatusInternalServerError, Code: "internal", Detail: "something went wrong"})
		}()
		next.ServeHTTP(sent, r)
	})
}

// sent knows whether an answer has begun.
type sent struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader implements http.ResponseWriter.
func (s *sent) WriteHeader(status int) {
	s.begun = s.begun || status >= http.StatusOK
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *sent) Write(b []byte) (int, error) {
	s.begun = true
	return s.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (s *sent) Flush() {
	s.begun = true
	_ = http.NewResponseController(s.ResponseWriter).Flush()
}

// Unwrap serves http.ResponseController.
func (s *sent) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *server) writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	p.Title, p.RequestID = http.StatusText(p.Status), requestID(r.Context())
	p.later(w.Header().Set)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller is gone
}

// authenticate lets through who may do the operation, and bounds its time.
func (s *server) authenticate(h huma.Context, next func(huma.Context)) {
	telemetry.Operation(h.Context(), h.Operation().OperationID)
	ctx, cancel := s.bounded(h.Context(), h.Operation())
	defer cancel()
	if open, _ := h.Operation().Metadata[metaOpen].(bool); !open {
		p, err := s.principal(ctx, h)
		if err != nil {
			s.refuse(h, err)
			s.note(h, p, coordinator.Denied, err.Error())
			return
		}
		if err := asItIs(h); err != nil {
			h.SetHeader("Accept-Encoding", "identity")
			s.refuse(h, err)
			s.note(h, p, coordinator.Faulty, err.Error())
			return
		}
		a := &about{}
		if _, long := h.Operation().Metadata[metaWait]; long {
			leave, err := s.shares.enter(p, h.Operation().OperationID, shareOf(h.Operation()))
			if err != nil {
				s.refuse(h, err)
				s.note(h, p, coordinator.Denied, err.Error())
				return
			}
			defer leave()
			defer s.whileGood(h, p, a, cancel)()
		}
		ctx = context.WithValue(context.WithValue(ctx, keyPrincipal, p), keyAbout, a)
		h := huma.WithContext(h, ctx)
		next(h)
		s.done(h, p)
		return
	}
	next(huma.WithContext(h, ctx))
}

// asItIs refuses a body that is compressed: what is read of it is bounded as it is sent.
func asItIs(h huma.Context) error {
	coding := h.Header("Content-Encoding")
	if h.Operation().RequestBody == nil || coding == "" || strings.EqualFold(coding, "identity") {
		return nil
	}
	return &Problem{Status: http.StatusUnsupportedMediaType, Code: coordinator.Invalid, Detail: "the body of the request is compressed, which is not read here",
		Hint: "send it as it is, without Content-Encoding"}
}

// done writes down how a request of somebody who may has ended.
func (s *server) done(h huma.Context, p coordinator.Principal) {
	status := h.Status()
	if past := aboutOf(h.Context()).status; past != 0 {
		status = past
	}
	switch {
	case status == http.StatusNotFound && reads(h.Operation()): // nobody was kept from anything
	case status == http.StatusForbidden:
		s.note(h, p, coordinator.Denied, "")
	case status >= http.StatusBadRequest:
		s.note(h, p, coordinator.Faulty, http.StatusText(status))
	default:
		s.note(h, p, coordinator.Allowed, "")
	}
}

// first is the project in whose log stands what was refused to who belongs to none.
func (s *server) first() *Project {
	var names []string
	for name := range s.cfg.Projects {
		names = append(names, name)
	}
	return s.cfg.Projects[slices.Min(names)]
}

func (s *server) principal(ctx context.Context, h huma.Context) (coordinator.Principal, error) {
	scheme, token, _ := strings.Cut(h.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		f := coordinator.Faultf(coordinator.Unnamed, "the request has no key")
		f.Hint = "send Authorization: Bearer KEY; sluice login keeps one"
		return coordinator.Principal{}, f
	}
	p, err := s.cfg.Auth.Check(ctx, strings.TrimSpace(token))
	if err != nil {
		return p, err
	}
	if s.cfg.Projects[p.Project] == nil {
		return p, coordinator.Faultf(coordinator.Forbidden, "project %s is not served here", p.Project)
	}
	if s.cfg.PerUser != nil {
		if ok, after := s.cfg.PerUser.Allow(auth.ByPrincipal(p)); !ok {
			h.SetHeader("Retry-After", retryAfter(after))
			return p, tooOften(p.Name, after)
		}
	}
	return p, auth.MayOwn(p, h.Operation().OperationID)
}

func (s *server) refuse(h huma.Context, err error) {
	p := s.problemOf(h.Context(), err)
	if p.Status == http.StatusUnauthorized {
		h.SetHeader("WWW-Authenticate", "Bearer")
	}
	p.later(h.SetHeader)
	h.SetHeader("Content-Type", "application/problem+json")
	h.SetStatus(p.Status)
	_ = json.NewEncoder(h.BodyWriter()).Encode(p)
}

// route registers an operation. Faults of f become problems.
func route[I, O any](s *server, o huma.Operation, f func(ctx context.Context, p *Project, in *I) (*O, error)) {
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = s.cfg.MaxBody
	}
	o.MaxBodyBytes++ // the framework refuses a body of just so many
	o.BodyReadTimeout = s.cfg.BodyWait
	if o.Metadata = maps.Clone(o.Metadata); o.Metadata == nil {
		o.Metadata = map[string]any{}
	}
	o.Metadata[metaSchemas] = s.huma.OpenAPI().Components.Schemas
	huma.Register(s.huma, o, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, s.cfg.Projects[who(ctx).Project], in)
		if err != nil {
			p, h := s.problemOf(ctx, err), http.Header{}
			if p.later(h.Set); len(h) > 0 {
				return nil, huma.ErrorWithHeaders(p, h)
			}
			return nil, p
		}
		return out, nil
	})
}
