package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// wait bounds a call that is answered at once.
const wait = 30 * time.Second

// Submit asks for a job. With a key the same submission may be sent again, whatever became of
// the first one: there is one job.
func (c *Client) Submit(ctx context.Context, s coordinator.Submission, key string) (j coordinator.Job, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	h := http.Header{}
	if key != "" {
		h.Set("Idempotency-Key", key)
	}
	return j, c.do(ctx, call{method: http.MethodPost, path: "v1/jobs", header: h, in: s, out: &j})
}

// Job returns a job with its progress.
func (c *Client) Job(ctx context.Context, id recipe.JobID) (j coordinator.Job, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return j, c.do(ctx, call{method: http.MethodGet, path: "v1/jobs/" + url.PathEscape(string(id)), out: &j})
}

// Jobs returns a page of jobs, newest first.
func (c *Client) Jobs(ctx context.Context, f coordinator.Filter) (p coordinator.Page, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Add(name, value)
		}
	}
	for _, s := range f.States {
		set("state", string(s))
	}
	set("recipe", f.Recipe)
	set("owner", f.Owner)
	set("after", f.After)
	for k, v := range f.Labels {
		set("label", k+"="+v)
	}
	if !f.Since.IsZero() {
		set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	if !f.Until.IsZero() {
		set("until", f.Until.UTC().Format(time.RFC3339Nano))
	}
	if f.Limit > 0 {
		set("limit", strconv.Itoa(f.Limit))
	}
	return p, c.do(ctx, call{method: http.MethodGet, path: "v1/jobs", query: q, out: &p})
}

// The verbs of [Client.Order].
const (
	Pause  = "pause"
	Resume = "resume"
	Stop   = "stop"
	Drain  = "drain"
	Cancel = "cancel"
)

// Order says what is wanted of a job. It returns the job as it is then: what is wanted of it
// takes a moment.
func (c *Client) Order(ctx context.Context, id recipe.JobID, verb string) (j coordinator.Job, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return j, c.do(ctx, call{method: http.MethodPost, path: "v1/jobs/" + url.PathEscape(string(id)) + "/" + verb, out: &j})
}

// Delete deletes a job that has ended.
func (c *Client) Delete(ctx context.Context, id recipe.JobID) error {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return c.do(ctx, call{method: http.MethodDelete, path: "v1/jobs/" + url.PathEscape(string(id))})
}
