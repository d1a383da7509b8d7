package worker

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"sluice/recipe"
)

func TestMask(t *testing.T) {
	var m mask
	if got := m.hide("as it is"); got != "as it is" {
		t.Errorf("got %q from a mask that hides nothing", got)
	}
	const odd = "pa\"ss\\wö rd/?\n<x>"
	m.add("short", "abcd")
	m.add("letter", "i")
	m.add("long", "abcdefgh")
	m.add("odd", odd)
	m.add("none", "")
	m.add("tiny", "§\"?")
	m.add("hook", "https://me:pw@h.org/T0 K?x=1#y")
	m.add("path", "./keys//of/mine/")
	m.add("long", "abcdefgh")
	for _, c := range []struct{ text, want string }{
		{"abcdefgh and abcd", "${secret:long} and ${secret:short}"},
		{"abcdefghabcdc", "${secret:long}${secret:short}c"},
		{fmt.Sprintf("%q is no int", "1"+odd), `"1${secret:odd}" is no int`},
		{fmt.Sprintf("%+q", odd), `"${secret:odd}"`},
		{`{"path":"` + quoteInside(odd) + `"}`, `{"path":"${secret:odd}"}`},
		{"http://h/" + url.PathEscape(odd), "http://h/${secret:odd}"},
		{"http://h/?q=" + url.QueryEscape(odd), "http://h/?q=${secret:odd}"},
		{strings.TrimSpace(odd), "${secret:odd}"},
		{`"abcdefg…" is no int`, `"${secret:long}…" is no int`},
		{"https://h.org/T0%20K: refused", "${secret:hook}: refused"},
		{`"https://me:pw@h.org/T0%20K?x=1#y"`, `"${secret:hook}"`},
		{"https: secret", "https: secret"},
		{"keys/of/mine: no such file", "${secret:path}: no such file"},
	} {
		if got := m.hide(c.text); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// TestMaskPieces hides what is in other words, and what is cut out of the midst of a value, and
// leaves alone what only looks a bit like it.
func TestMaskPieces(t *testing.T) {
	var m mask
	const v = "q7Wk/2nVx+8Zp4TbR"
	m.add("k", v)
	m.add("hook", "https://hooks.example.org/T0/B1")
	m.add("tiny", "abcd")
	basic := base64.StdEncoding.EncodeToString([]byte("me:" + v + ":x"))
	for _, c := range []struct{ text, want string }{
		{"port " + v[9:], "port ${secret:k}"},
		{"token " + v[2:12] + " is not known", "token ${secret:k} is not known"},
		{v[:8] + v[2:10], "${secret:k}${secret:k}"},
		{"lookup " + strings.ToLower(v) + ": no such host", "lookup ${secret:k}: no such host"},
		{hex.EncodeToString([]byte(v)), "${secret:k}"},
		{fmt.Sprintf("%X", v), "${secret:k}"},
		{fmt.Sprint([]byte(v)), "[${secret:k}]"},
		{base64.StdEncoding.EncodeToString([]byte(v)), "${secret:k}"},
		{"Basic " + basic, "Basic bWU6${secret:k}6eA=="},
		{"port " + v[10:], "port " + v[10:]},
		{"https://other.net", "https://other.net"},
		{"POST https://hooks.example.org: 403", "POST https:/${secret:hook}: 403"},
		{"YWJj YWJjZA 61626364", "YWJj YWJjZA 61626364"}, // of tiny
	} {
		if got := m.hide(c.text); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// TestShortSecret: to hide a letter would tell it, so it is refused, unsaid.
func TestShortSecret(t *testing.T) {
	for value, refused := range map[string]bool{"i": true, "abc": true, " \tx\n": true, "": false, "abcd": false} {
		r := &jobRun{plan: &recipe.Plan{}, w: &Worker{cfg: Config{Secret: func(context.Context, recipe.JobID, string, string) (string, error) { return value, nil }}}}
		_, err := r.secrets([]byte(`{"key":"${secret:p}"}`))
		if refused != (err != nil) || refused && !strings.HasPrefix(err.Error(), "secret p: its value has fewer than 4 bytes") {
			t.Errorf("%q: got %v", value, err)
		}
	}
}

// TestMaskedLogIsIdle: a line that is not written, or that has nothing to hide, is not looked at.
func TestMaskedLogIsIdle(t *testing.T) {
	seen := 0
	looked := looker(func() { seen++ })
	var m mask
	l := &maskedLog{hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: io.Discard, JSONFormat: true}), &m}
	l.Warn("nothing to hide", "v", looked)
	written := seen // by the logger itself
	m.add("k", "hunter")
	for _, say := range []func(string, ...any){l.Trace, l.Debug, l.Info} {
		say("not written", "v", looked)
	}
	if seen != written {
		t.Errorf("lines that are not written were looked at %d times", seen-written)
	}
	if got := (&mask{}).values([]any{looked}); seen != written || len(got) != 1 {
		t.Errorf("a mask that hides nothing looked %d times", seen-written)
	}
	if l.Warn("written", "v", looked); seen == written {
		t.Error("a line that is written was not looked at")
	}
}

// looker tells when its text is asked for.
type looker func()

func (l looker) String() string { l(); return "text" }

func TestMaskedLog(t *testing.T) {
	var m mask
	m.add("k", "hunter")
	var out bytes.Buffer
	var l hclog.Logger = &maskedLog{hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &out}), &m}
	for _, one := range []hclog.Logger{l, l.With("with", "hunter"), l.Named("n"), l.ResetNamed("n")} {
		for _, say := range []func(string, ...any){one.Trace, one.Debug, one.Info, one.Warn, one.Error} {
			say("a hunter", "text", "hunter", "err", errors.New("no hunter"), "panic", any([]string{"hunter"}), "n", 7)
		}
		one.StandardLogger(nil).Print("a hunter")
	}
	if got := out.String(); strings.Contains(got, "hunter") || strings.Count(got, "n=7") != 20 || strings.Count(got, "a ${secret:k}") != 24 {
		t.Errorf("got\n%s", got)
	}
}
