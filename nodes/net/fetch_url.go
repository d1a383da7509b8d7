package net

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sluice/nodes"
	"sluice/recipe"
)

// FetchURL downloads a text and emits its lines.
var FetchURL = nodes.Define(nodes.Spec{
	Kind:     "fetch_url",
	Category: "net",
	Summary:  "Fetches a URL and emits its body line by line",
	Doc: "http and https. Lines end at \\n or \\r\\n; a last line without an end counts. A body packed for the way (gzip) is unpacked, and `max_bytes` bounds what " +
		"comes out. Redirects are followed `redirects` times, never from https to http. A status other than 2xx is an error; 408, 425, 429 and 5xx are tried again. " +
		"Addresses that are not public (loopback, link-local, private and the like) are refused, after names were resolved and for every redirect, " +
		"unless the operator allowed them with `--allow-net`.",
	Role:      nodes.Origin,
	Out:       []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the lines"}},
	Guarantee: "Can't be read again: what was read is kept in the job's input log. An interrupted download starts over and leaves out the lines that were kept, so the body should not change meanwhile.",
	Examples: []nodes.Example{
		{
			Config: "url: http://feeds.example.com/bad-hosts.txt",
			Serve:  map[string]string{"http://feeds.example.com/bad-hosts.txt": "one.example\r\n\ntwo.example"},
			Out:    []any{"one.example", "", "two.example"},
		},
		{
			Doc:    "an empty body has no lines",
			Config: "url: http://feeds.example.com/empty\ntimeout: 10s\nmax_bytes: 1000",
			Serve:  map[string]string{"http://feeds.example.com/empty": ""},
		},
	},
}, newFetchURL)

type fetchConfig struct {
	URL       string         `json:"url" doc:"what to fetch" format:"url" max:"8192"`
	Timeout   nodes.Duration `json:"timeout" doc:"for all of it" default:"10m"`
	MaxBytes  int64          `json:"max_bytes" doc:"bytes of the body, at most" default:"1073741824" min:"1"`
	Redirects int            `json:"redirects" doc:"redirects to follow, at most" default:"5" min:"0" max:"20"`
}

type fetchURL struct {
	cfg    fetchConfig
	client *http.Client
}

func newFetchURL(cfg fetchConfig, env *nodes.Env) (any, error) {
	if !nodes.HasSecret(cfg.URL) {
		u, err := url.Parse(cfg.URL)
		if err != nil {
			return nil, errors.New("url is not a URL")
		}
		if u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("url has the scheme %q; http and https can be fetched", u.Scheme)
		}
		if u.Hostname() == "" {
			return nil, errors.New("url has no host")
		}
	}
	if cfg.Timeout <= 0 {
		return nil, errors.New("timeout must be more than nothing")
	}
	f := &fetchURL{cfg: cfg}
	f.client = &http.Client{
		CheckRedirect: f.redirect,
		Transport: &http.Transport{
			// No proxy of the environment: the guard has to see where a connection goes.
			DialContext:            env.Dial,
			TLSHandshakeTimeout:    dialTimeout,
			ResponseHeaderTimeout:  time.Minute,
			MaxResponseHeaderBytes: 1 << 20,
			DisableKeepAlives:      true,
			ForceAttemptHTTP2:      true,
		},
	}
	if env.Dial == nil && !env.Checking {
		return nil, errors.New("this worker was given no network")
	}
	return f, nil
}

func (f *fetchURL) redirect(to *http.Request, via []*http.Request) error {
	if len(via) > f.cfg.Redirects {
		return nodes.Permanentf("it redirects more than %d times", f.cfg.Redirects)
	}
	if to.URL.Scheme != "https" && to.URL.Scheme != "http" {
		return nodes.Permanentf("it redirects to the scheme %q", to.URL.Scheme)
	}
	if via[len(via)-1].URL.Scheme == "https" && to.URL.Scheme != "https" {
		return nodes.Permanentf("it redirects from https to http")
	}
	return nil
}

// Feed implements nodes.Feed.
func (f *fetchURL) Feed(ctx context.Context, skip int64, emit func(nodes.Record) error, lose func(error) error) error {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout.Std())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.cfg.URL, nil)
	if err != nil {
		return nodes.Permanentf("url is not a URL")
	}
	// What goes wrong is told without the query, which may hold a secret.
	name := request.URL.Scheme + "://" + request.URL.Host + request.URL.EscapedPath()
	request.Header.Set("User-Agent", "sluice")
	response, err := f.client.Do(request)
	if err != nil {
		var told *url.Error
		if errors.As(err, &told) {
			err = told.Err
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	defer response.Body.Close()
	if err := statusError(response); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	body := &bounded{from: response.Body, left: f.cfg.MaxBytes, most: f.cfg.MaxBytes}
	if err := feedLines(body, skip, name, emit, lose); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// statusError says what a status other than success means.
func statusError(r *http.Response) error {
	if r.StatusCode/100 == 2 {
		return nil
	}
	err := fmt.Errorf("the server answered %d %s", r.StatusCode, http.StatusText(r.StatusCode))
	switch {
	case r.StatusCode == http.StatusRequestTimeout, r.StatusCode == http.StatusTooEarly,
		r.StatusCode == http.StatusTooManyRequests, r.StatusCode/100 == 5:
		if seconds, bad := strconv.Atoi(r.Header.Get("Retry-After")); bad == nil && seconds >= 0 && seconds <= 3600 {
			return nodes.RetryAfter(time.Duration(seconds)*time.Second, err)
		}
		return err
	}
	return nodes.Permanent(err)
}

// bounded reads up to a bound and refuses what is beyond.
type bounded struct {
	from       io.Reader
	left, most int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.from.Read(p)
	if int64(n) > b.left {
		n = int(b.left)
		b.left = 0
		return n, nodes.Permanentf("the body has more than the %d bytes of max_bytes", b.most)
	}
	b.left -= int64(n)
	return n, err
}
