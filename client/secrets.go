package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"sluice/coordinator"
	"sluice/recipe"
)

// Secrets returns the secrets of the project; nobody gets a value back.
func (c *Client) Secrets(ctx context.Context) ([]coordinator.Secret, error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return pages(func(after url.Values) ([]coordinator.Secret, string, error) {
		var out struct {
			Secrets []coordinator.Secret `json:"secrets"`
			Next    string               `json:"next"`
		}
		err := c.do(ctx, call{method: http.MethodGet, path: "v1/secrets", query: after, out: &out})
		return out.Secrets, out.Next, err
	})
}

// SetSecret sets a secret.
func (c *Client) SetSecret(ctx context.Context, name, value string) (s coordinator.Secret, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return s, c.do(ctx, call{method: http.MethodPut, path: "v1/secrets/" + url.PathEscape(name), in: map[string]string{"value": value}, out: &s})
}

// DeleteSecret deletes a secret; force does although a job that has not ended, or the latest version
// of a saved recipe, names it, which else is the fault coordinator.Conflict.
func (c *Client) DeleteSecret(ctx context.Context, name string, force bool) error {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	q := url.Values{}
	if force {
		q.Set("force", "true")
	}
	return c.do(ctx, call{method: http.MethodDelete, path: "v1/secrets/" + url.PathEscape(name), query: q})
}

func letters(id recipe.JobID) string { return "v1/jobs/" + url.PathEscape(string(id)) + "/dead" }

// Letters returns a page of a job's dead letters; node is "" for all.
func (c *Client) Letters(ctx context.Context, id recipe.JobID, node, after string) (p coordinator.DeadLetterPage, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	q := url.Values{"limit": {strconv.Itoa(1000)}}
	if node != "" {
		q.Set("node", node)
	}
	if after != "" {
		q.Set("after", after)
	}
	return p, c.do(ctx, call{method: http.MethodGet, path: letters(id), query: q, out: &p})
}

// Letter returns a dead letter with its record.
func (c *Client) Letter(ctx context.Context, id recipe.JobID, letter string) (l coordinator.DeadLetterWhole, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return l, c.do(ctx, call{method: http.MethodGet, path: letters(id) + "/" + url.PathEscape(letter), out: &l})
}

// Replayed is what came of a replay.
type Replayed struct {
	Jobs    []coordinator.Job `json:"jobs"`              // one for each node that had given letters up
	Letters int               `json:"letters"`           // that they have
	Sources int               `json:"sources,omitempty"` // left out: given up before they were records
	Later   []string          `json:"later,omitempty"`   // nodes left out: their replay writes what another one does, that has to end before
}

// Replaying says which dead letters of a job are replayed.
type Replaying struct {
	IDs   []string // without any, all that no replay has
	Node  string   // only those of one node; "" for all
	Force bool     // although an ordered step is below, which sees the records late
	Key   string   // with one the same request may be sent again, whatever became of the first; "" for none
}

// Replay runs dead letters once more.
func (c *Client) Replay(ctx context.Context, id recipe.JobID, which Replaying) (r Replayed, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	in := map[string]any{"force": which.Force}
	if len(which.IDs) > 0 {
		in["ids"] = which.IDs
	}
	if which.Node != "" {
		in["node"] = which.Node
	}
	h := http.Header{}
	if which.Key != "" {
		h.Set("Idempotency-Key", which.Key)
	}
	return r, c.do(ctx, call{method: http.MethodPost, path: letters(id) + "/replay", header: h, in: in, out: &r})
}

// PurgeLetters deletes dead letters for good, all without ids, and returns how many.
func (c *Client) PurgeLetters(ctx context.Context, id recipe.JobID, ids []string) (int, error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	in := map[string]any{}
	if len(ids) > 0 {
		in["ids"] = ids
	}
	var out struct {
		Purged int `json:"purged"`
	}
	err := c.do(ctx, call{method: http.MethodPost, path: letters(id) + "/purge", in: in, out: &out})
	return out.Purged, err
}

// Retry runs a job once more that failed or was cancelled. With a key it may be asked again.
func (c *Client) Retry(ctx context.Context, id recipe.JobID, key string) (j coordinator.Job, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	h := http.Header{}
	if key != "" {
		h.Set("Idempotency-Key", key)
	}
	return j, c.do(ctx, call{method: http.MethodPost, path: "v1/jobs/" + url.PathEscape(string(id)) + "/retry", header: h, out: &j})
}
