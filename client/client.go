package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// largestAnswer bounds an answer that is read whole, in bytes.
const largestAnswer = 64 << 20

// Config says where an API is and with which key to ask.
type Config struct {
	URL   string // http://127.0.0.1:8420
	Key   string // an API key, or a token of the identity provider
	CA    string // file with certificates that the server's is checked by; "" is the system's
	Agent string // what the client calls itself, "" for sluice
	// Silence is how long nothing may come of the coordinator while an answer, or more of one, is
	// waited for; 0 is DefaultSilence. Streams of events are then asked for again.
	Silence time.Duration
	// Patience is how long a stream of events is asked for again while nobody answers, in all; 0 is
	// DefaultPatience.
	Patience time.Duration
	// Tell is told, in words for people, while a stream of events waits for the coordinator, and
	// when it goes on. Nil is not.
	Tell func(text string)
}

// Client asks one coordinator. Its methods may be called from any goroutine.
type Client struct {
	base  *url.URL
	key   string
	agent string
	http  *http.Client

	silence  time.Duration
	patience time.Duration
	tell     func(text string)
}

// New returns a client; nothing is asked yet.
func New(c Config) (*Client, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("server %q: want http://HOST:PORT or https://HOST:PORT", c.URL)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("certificates of the server: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificates of the server: %s holds none", c.CA)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	if c.Agent == "" {
		c.Agent = "sluice"
	}
	if c.Silence == 0 {
		c.Silence = DefaultSilence
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	if c.Tell == nil {
		c.Tell = func(string) {}
	}
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: c.Silence / 3, PingTimeout: c.Silence / 3} // or a hung connection would be used again
	return &Client{base: base, key: c.Key, agent: c.Agent, http: &http.Client{Transport: transport}, silence: c.Silence, patience: c.Patience, tell: c.Tell}, nil
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	in, out      any
	body         io.Reader // instead of in
}

// do asks and reads the answer into out.
func (c *Client) do(ctx context.Context, k call) error {
	resp, err := c.ask(ctx, k)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer))
	if err != nil {
		return coordinator.Faultf(coordinator.Unavailable, "coordinator at %s: the answer broke off: %w", c.base.Host, err)
	}
	if k.out != nil {
		err = json.Unmarshal(data, k.out)
	}
	if err != nil {
		return fmt.Errorf("%s %s: answer: %w", k.method, k.path, err)
	}
	return nil
}

// ask asks, again where the coordinator says when, and returns an answer that is no error. The
// caller closes its body.
func (c *Client) ask(ctx context.Context, k call) (*http.Response, error) {
	fault := wholePath(k.path)
	if fault != nil {
		return nil, fault
	}
	for left := againFor; ; {
		resp, err := c.once(ctx, k)
		if err != nil && fault != nil && ctx.Err() != nil {
			return nil, fault // what was said before tells more than that the time is over
		}
		if err != nil || resp.StatusCode < 400 {
			return resp, err
		}
		wait, again := later(resp, &k)
		fault = faultOf(resp)
		resp.Body.Close()
		if left -= wait; !again || left < 0 || !pause(ctx, wait) {
			return nil, fault
		}
	}
}

// wholePath refuses a path in which a name is missing, or is one that would leave it out: that asks
// for something else.
func wholePath(path string) error {
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "":
			return coordinator.Faultf(coordinator.Invalid, "%s: the id, or the name, is empty", path)
		case ".", "..":
			return coordinator.Faultf(coordinator.Invalid, "%s: %s is no name", path, part)
		}
	}
	return nil
}

// once asks one time.
func (c *Client) once(ctx context.Context, k call) (*http.Response, error) {
	body := k.body
	if k.in != nil {
		data, err := json.Marshal(k.in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	u := c.base.JoinPath(k.path)
	u.RawQuery = k.query.Encode()
	wait := c.silence
	if k.body != nil {
		wait *= sentWait
	}
	s := listen(ctx, wait)
	if k.body != nil {
		body = &sending{k.body, s}
	}
	req, err := http.NewRequestWithContext(s.ctx, k.method, u.String(), body)
	if err != nil {
		s.end()
		return nil, err
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.agent)
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	switch {
	case k.in != nil:
		req.Header.Set("Content-Type", "application/json")
	case k.body != nil:
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := s.send(c.http, req)
	if err != nil {
		f := coordinator.Faultf(coordinator.Unavailable, "coordinator at %s: %w", c.base.Host, err)
		f.Hint = "is it running, and is the address right? sluice up starts one"
		switch text := err.Error(); {
		case strings.Contains(text, "HTTP response to HTTPS client"):
			f.Hint = "it speaks plain HTTP: its address begins with http://"
		case (strings.Contains(text, "malformed HTTP") || strings.Contains(text, "readLoopPeekFailLocked")) && c.isNATS(ctx): // it spoke before it was asked, or knows another language
			f = coordinator.Faultf(coordinator.Unavailable, "at %s is a NATS server, and no coordinator", c.base.Host)
			f.Hint = "the address wants the port of the coordinator's API, which is 8420 by default"
		}
		return nil, f
	}
	return resp, nil
}

// greetWithin bounds the question who answers where no coordinator does.
const greetWithin = time.Second

// isNATS reports whether a NATS server is at the address: it greets who connects.
func (c *Client) isNATS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, greetWithin)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.base.Host)
	if err != nil {
		return false
	}
	defer conn.Close()
	greeting := make([]byte, len("INFO {"))
	_ = conn.SetReadDeadline(time.Now().Add(greetWithin))
	_, err = io.ReadFull(conn, greeting)
	return err == nil && string(greeting) == "INFO {"
}

// announced is a detail that says no more than the errors behind it.
const announced = "validation failed"

// faultOf reads the problem in an answer.
func faultOf(resp *http.Response) error {
	var p struct {
		Code        coordinator.Family `json:"code"`
		Detail      string             `json:"detail"`
		Hint        string             `json:"hint"`
		Request     string             `json:"request_id"`
		Diagnostics recipe.Diagnostics `json:"diagnostics"`
		Errors      []struct {
			Message  string `json:"message"`
			Location string `json:"location"`
		} `json:"errors"`
	}
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if strings.Contains(string(data), "HTTP request to an HTTPS server") {
		return &coordinator.Fault{Family: coordinator.Unavailable, Text: "the server speaks HTTPS alone", Hint: "its address begins with https://"}
	}
	if json.Unmarshal(data, &p) != nil || p.Detail == "" {
		return coordinator.Faultf(coordinator.Unavailable, "the server answers %s, which is no answer of a coordinator", resp.Status)
	}
	all := []string{p.Detail}
	if len(p.Errors) > 0 && p.Detail == announced {
		all = nil
	}
	for _, e := range p.Errors {
		text := e.Message
		if _, field, nested := strings.Cut(e.Location, "."); nested { // behind body, path or query
			text = field + ": " + text
		}
		all = append(all, text)
	}
	text := strings.Join(all, "; ")
	if resp.StatusCode >= 500 && p.Request != "" {
		text += " (request " + p.Request + ")"
	}
	return &coordinator.Fault{Family: p.Code, Text: text, Hint: p.Hint, Found: p.Diagnostics}
}

// within bounds a call whose context has no bound of its own.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}
