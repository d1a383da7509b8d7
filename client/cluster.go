package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"sluice/coordinator"
)

// Workers returns the workers that are here, by name.
func (c *Client) Workers(ctx context.Context) ([]coordinator.Worker, error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return pages(func(after url.Values) ([]coordinator.Worker, string, error) {
		var out struct {
			Workers []coordinator.Worker `json:"workers"`
			Next    string               `json:"next"`
		}
		err := c.do(ctx, call{method: http.MethodGet, path: "v1/workers", query: after, out: &out})
		return out.Workers, out.Next, err
	})
}

// pages returns what all pages of a list have. Each is asked for with what the one before says.
func pages[T any](ask func(after url.Values) ([]T, string, error)) (all []T, err error) {
	for after := (url.Values)(nil); ; {
		part, next, err := ask(after)
		if err != nil {
			return nil, err
		}
		if all = append(all, part...); next == "" {
			return all, nil
		}
		after = url.Values{"after": {next}}
	}
}

// Worker returns the worker of that name, with its kinds; coordinator.Unknown when none is here.
func (c *Client) Worker(ctx context.Context, name string) (w coordinator.Worker, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return w, c.do(ctx, call{method: http.MethodGet, path: "v1/workers/" + url.PathEscape(name), out: &w})
}

// Self is who asks, as the coordinator knows it.
type Self struct {
	Name    string              `json:"name"`
	Project string              `json:"project"`
	Role    coordinator.Role    `json:"role"`
	Scopes  []coordinator.Scope `json:"scopes,omitempty"` // of the key; without any it may all that its role may
	Key     string              `json:"key,omitempty"`
	Expires time.Time           `json:"expires,omitzero"`
	Version string              `json:"version"` // of the coordinator
}

// Self returns who asks.
func (c *Client) Self(ctx context.Context) (s Self, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return s, c.do(ctx, call{method: http.MethodGet, path: "v1/self", out: &s})
}

// Keys returns the API keys of the project, the newest first.
func (c *Client) Keys(ctx context.Context) ([]coordinator.Key, error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return pages(func(after url.Values) ([]coordinator.Key, string, error) {
		var out struct {
			Keys []coordinator.Key `json:"keys"`
			Next string            `json:"next"`
		}
		err := c.do(ctx, call{method: http.MethodGet, path: "v1/keys", query: after, out: &out})
		return out.Keys, out.Next, err
	})
}

// CreateKey makes an API key and returns it with its token, which is shown this once. With scopes it
// may do nothing but those; an empty list that is no nil one is refused.
func (c *Client) CreateKey(ctx context.Context, name string, role coordinator.Role, expires time.Time, scopes ...coordinator.Scope) (k coordinator.Key, token string, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	in := map[string]any{"name": name, "role": role}
	if !expires.IsZero() {
		in["expires"] = expires
	}
	if scopes != nil {
		in["scopes"] = scopes
	}
	var out struct {
		coordinator.Key
		Token string `json:"token"`
	}
	err = c.do(ctx, call{method: http.MethodPost, path: "v1/keys", in: in, out: &out})
	return out.Key, out.Token, err
}

// RevokeKey revokes an API key by its prefix.
func (c *Client) RevokeKey(ctx context.Context, prefix string) (k coordinator.Key, err error) {
	ctx, cancel := within(ctx, wait)
	defer cancel()
	return k, c.do(ctx, call{method: http.MethodDelete, path: "v1/keys/" + url.PathEscape(prefix), out: &k})
}
