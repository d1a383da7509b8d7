package worker

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestMask(t *testing.T) {
	var m mask
	if got := m.hide("as it is"); got != "as it is" {
		t.Errorf("got %q from a mask that hides nothing", got)
	}
	const odd = "pa\"ss\\wö rd/?\n<x>"
	m.add("short", "ab")
	m.add("long", "abcdefgh")
	m.add("odd", odd)
	m.add("none", "")
	m.add("tiny", "§\"?")
	m.add("hook", "https://me:pw@h.org/T0 K?x=1#y")
	m.add("path", "./keys//of/mine/")
	m.add("long", "abcdefgh")
	for _, c := range []struct{ text, want string }{
		{"abcdefgh and ab", "${secret:long} and ${secret:short}"},
		{"abcdefghabc", "${secret:long}${secret:short}c"},
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
