package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/coder/websocket"

	"sluice/coordinator"
)

// request is what a client says.
type request struct {
	Type   string                  `json:"type"` // subscribe, unsubscribe, ping
	ID     string                  `json:"id"`   // the client's word for a subscription
	Filter coordinator.EventFilter `json:"filter"`
	Since  *uint64                 `json:"since"`
	Last   *int                    `json:"last"`
}

// frame is what the server says, but for events.
type frame struct {
	Type string `json:"type"` // hello, subscribed, unsubscribed, dropped, pong, error
	ID   string `json:"id,omitempty"`

	// of an error
	Code  string `json:"code,omitempty"`
	Text  string `json:"text,omitempty"`
	Retry int64  `json:"retry_ms,omitempty"`

	// of dropped: what to subscribe since
	Since *uint64 `json:"since,omitempty"`

	// of hello
	User             string `json:"user,omitempty"`
	Project          string `json:"project,omitempty"`
	PingMS           int64  `json:"ping_ms,omitempty"` // after so long without any frame the server is dead
	MaxMessage       int64  `json:"max_message,omitempty"`
	MaxSubscriptions int    `json:"max_subscriptions,omitempty"`
}

// Codes of error frames that are no family of faults.
const (
	errMalformed = "malformed"    // no JSON object of this protocol
	errUnknown   = "unknown_type" // a type that the server does not know
	errRate      = "rate"         // too many messages: again after retry_ms
)

// maxName bounds a client's word for a subscription.
const maxName = 64

func (s *session) hello() {
	c := &s.h.cfg
	s.send(frame{Type: "hello", User: s.p.Name, Project: s.p.Project, PingMS: (c.PingEvery + c.PongWait).Milliseconds(),
		MaxMessage: c.MaxMessage, MaxSubscriptions: c.MaxSubscriptions})
}

func (s *session) send(f frame) bool {
	data, err := json.Marshal(f)
	return err == nil && s.write(data)
}

// take does what a message asks for. Whatever is wrong with it is told by an error frame.
func (s *session) take(typ websocket.MessageType, data []byte) {
	if ok, after := s.h.cfg.Messages.Allow(userOf(&s.p)); !ok {
		s.refused++
		s.turnDown("too many messages", 0)
		if s.refused > maxRefused {
			s.leave(websocket.StatusPolicyViolation, "too many messages")
			return
		}
		s.send(frame{Type: "error", Code: errRate, Text: "too many messages", Retry: max(1, after.Milliseconds())})
		return
	}
	s.refused = 0
	req, err := parse(typ, data)
	if err != nil {
		s.turnDown("a malformed message", 0)
		s.send(frame{Type: "error", ID: req.ID, Code: errMalformed, Text: err.Error()})
		return
	}
	switch req.Type {
	case "subscribe":
		err = s.subscribe(req)
	case "unsubscribe":
		err = s.unsubscribe(req)
	case "ping":
		s.send(frame{Type: "pong", ID: req.ID})
	default:
		s.turnDown("a message of an unknown type", 0)
		s.send(frame{Type: "error", ID: req.ID, Code: errUnknown, Text: fmt.Sprintf("no such type: %.40q; there are subscribe, unsubscribe and ping", req.Type)})
	}
	if err != nil {
		s.turnDown("a "+req.Type+" that can't be", 0)
		s.send(frame{Type: "error", ID: req.ID, Code: codeOf(err), Text: textOf(err)})
	}
}

// parse reads a message. The request has the client's word for it where that could be read.
func parse(typ websocket.MessageType, data []byte) (request, error) {
	var req request
	if typ != websocket.MessageText || !utf8.Valid(data) {
		return req, errors.New("a message is text in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(&req)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("behind its end")
		}
	}
	if len(req.ID) > maxName || !plainWord(req.ID) {
		req.ID = ""
		if err == nil {
			err = errors.New("an id")
		}
	}
	if err != nil {
		return req, errors.New("a message is one JSON object: type, id of up to 64 letters, digits, - and _, filter, since or last")
	}
	return req, nil
}

func plainWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// codeOf is what a program makes of an error, textOf what people do.
func codeOf(err error) string {
	if f := coordinator.FamilyOf(err); f != "" {
		return string(f)
	}
	return string(coordinator.Unavailable)
}

func textOf(err error) string {
	switch coordinator.FamilyOf(err) {
	case "", coordinator.Unavailable: // what is inside is for the log
		return "not now: the store of events does not answer"
	}
	return err.Error()
}
