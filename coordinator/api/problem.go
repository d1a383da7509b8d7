package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/recipe"
)

// Problem is the body of every answer that is an error: RFC 9457 with what Sluice adds.
type Problem struct {
	Title       string              `json:"title" doc:"The status in words."`
	Status      int                 `json:"status" doc:"The HTTP status."`
	Code        coordinator.Family  `json:"code" doc:"What sort of thing went wrong; stable."`
	Detail      string              `json:"detail" doc:"What went wrong, for people."`
	Hint        string              `json:"hint,omitempty" doc:"What would mend it, where that is obvious."`
	RequestID   string              `json:"request_id,omitempty" doc:"Of the request, as the log of the coordinator has it."`
	Diagnostics recipe.Diagnostics  `json:"diagnostics,omitempty" doc:"The faults of a refused recipe, as the command line shows them."`
	Errors      []*huma.ErrorDetail `json:"errors,omitempty" doc:"The faults of a request's fields."`

	tag   string // of the answer that is the same, where the status is 304
	after string // of a 503: seconds, where not retrySoon
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(ct string) string {
	return strings.Replace(ct, "application/json", "application/problem+json", 1)
}

// retrySoon is after how many seconds to ask again where something is not to be had just now.
const retrySoon = "2"

// later adds to an answer when to ask again, where it says nothing of that yet, and to one that
// is known its ETag.
func (p *Problem) later(set func(name, value string)) {
	if p.tag != "" {
		set("ETag", p.tag)
	}
	if p.Status == http.StatusServiceUnavailable {
		set("Retry-After", cmp.Or(p.after, retrySoon))
	}
}

// statuses is the one table from the family of a fault to the status of the answer.
var statuses = map[coordinator.Family]int{
	coordinator.Invalid:     http.StatusUnprocessableEntity,
	coordinator.Refused:     http.StatusUnprocessableEntity,
	coordinator.Unknown:     http.StatusNotFound,
	coordinator.Conflict:    http.StatusConflict,
	coordinator.Changed:     http.StatusPreconditionFailed,
	coordinator.TooLarge:    http.StatusRequestEntityTooLarge,
	coordinator.OverLimit:   http.StatusTooManyRequests,
	coordinator.Unnamed:     http.StatusUnauthorized,
	coordinator.Forbidden:   http.StatusForbidden,
	coordinator.Unavailable: http.StatusServiceUnavailable,
}

// Statuses returns the table: the status of the answer for each family of faults.
func Statuses() map[coordinator.Family]int { return maps.Clone(statuses) }

// families says, of the statuses that the framework itself answers with, what they mean.
var families = map[int]coordinator.Family{
	http.StatusUnauthorized:          coordinator.Unnamed,
	http.StatusForbidden:             coordinator.Forbidden,
	http.StatusNotFound:              coordinator.Unknown,
	http.StatusConflict:              coordinator.Conflict,
	http.StatusRequestEntityTooLarge: coordinator.TooLarge,
	http.StatusTooManyRequests:       coordinator.OverLimit,
	http.StatusServiceUnavailable:    coordinator.Unavailable,
}

// problemOf is the problem that tells of an error. What is no fault is told as little of as can
// be: the log has it.
func (s *server) problemOf(ctx context.Context, err error) *Problem {
	var p *Problem
	var f *coordinator.Fault
	if cut := waited(ctx, err); cut != nil {
		err = cut
	}
	switch {
	case errors.As(err, &p):
	case errors.As(err, &f):
		p = &Problem{Status: statuses[f.Family], Code: f.Family, Detail: f.Text, Hint: f.Hint, Diagnostics: firstOf(f.Found)}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p = &Problem{Status: http.StatusServiceUnavailable, Code: coordinator.Unavailable, Detail: "the request took too long"}
	}
	if p == nil || p.Status == 0 {
		s.log.Error("a request met an error", "request", requestID(ctx), "err", err)
		p = &Problem{Status: http.StatusInternalServerError, Code: "internal", Detail: "something went wrong; the coordinator's log has it under this request's id"}
	}
	p.Title, p.RequestID = http.StatusText(p.Status), requestID(ctx)
	if p.Status == http.StatusServiceUnavailable && s.away() >= awayFor {
		p.after, p.Hint = retryAway, cmp.Or(p.Hint, awayHint)
	}
	return p
}

// bodyUnread is what the framework says, as of an error of its own, where a body breaks off.
const bodyUnread = "cannot read request body"

// bodyTooLarge is what it says of a body over the bound.
const bodyTooLarge = "request body is too large limit=%d bytes"

// forPeople says of a time that is none how one is written, and not how Go has it.
func forPeople(message string) string {
	if strings.HasPrefix(message, "invalid date/time for format ") || strings.Contains(message, "RFC 3339 date-time") {
		return "expected a time of RFC 3339, as 2026-01-31T08:00:00Z"
	}
	return message
}

// framed is how the framework's own errors are told. What was sent is not sent back: it may be a
// secret. Where it is known which operation was asked for, numbers are told with their bounds.
func framed(o *huma.Operation, status int, text string, errs []error) *Problem {
	if status == http.StatusInternalServerError && text == bodyUnread {
		status, text, errs = http.StatusBadRequest, "the body of the request can't be read: it ends too early, or its chunks are none", nil
	}
	var most int64
	if _, err := fmt.Sscanf(text, bodyTooLarge, &most); err == nil {
		text = fmt.Sprintf("the body of the request is too large: %d bytes are the most", most-1) // see route
	}
	p := &Problem{Title: http.StatusText(status), Status: status, Code: families[status], Detail: text}
	if p.Code == "" {
		p.Code = coordinator.Invalid
	}
	if status >= 500 && status != http.StatusServiceUnavailable {
		p.Code = "internal"
	}
	for _, err := range errs {
		var d huma.ErrorDetailer
		if errors.As(err, &d) {
			is := d.ErrorDetail()
			told := &huma.ErrorDetail{Message: forPeople(is.Message), Location: is.Location}
			if o != nil {
				told.Message = cmp.Or(outside(o, is), told.Message)
			}
			p.Errors = append(p.Errors, told)
		} else if err != nil {
			p.Errors = append(p.Errors, &huma.ErrorDetail{Message: err.Error()})
		}
	}
	return p
}
