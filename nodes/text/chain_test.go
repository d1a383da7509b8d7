package text

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/nodes"
)

// patternGen makes patterns, most of a shape that has a faster way.
func patternGen() *rapid.Generator[string] {
	part := rapid.SampledFrom([]string{
		".*", ".*", ".+", `\S+`, `\S*`, `\s+`, `[0-9]+`, `[^,]*`, `[^\n]+`, `(?s:.*)`, `(?s:.+)`, "a+", "é*", `[^é]*`, `[a-z]*`,
		" from ", " port", "ab", "a", "b", "b", ",", "é", "\ufffd", `\n`, "from\n", "(?i:ab)", "a?", "a*?", ".*?", "^", "$", `\b`,
		`(?:ab|c)`, "a{2}", "",
	})
	group := rapid.Custom(func(t *rapid.T) string {
		s := part.Draw(t, "part")
		switch rapid.IntRange(0, 4).Draw(t, "group") {
		case 0:
			return "(" + s + ")"
		case 1:
			return "(" + s + part.Draw(t, "second") + ")"
		}
		return s
	})
	return rapid.Custom(func(t *rapid.T) string {
		var s string
		for _, p := range rapid.SliceOfN(group, 0, 6).Draw(t, "parts") {
			s += p
		}
		return s
	})
}

func textGen() *rapid.Generator[[]byte] {
	word := rapid.SampledFrom([]string{
		" from ", " port", "ab", "a", "b", "aaa", ",", "é", "\n", "\xff", "\xc3", "\xa9", "\ufffd", "12", " ", "from\n", "Ab", "c", "x",
	})
	return rapid.Custom(func(t *rapid.T) []byte {
		var b []byte
		for _, w := range rapid.SliceOfN(word, 0, 14).Draw(t, "words") {
			b = append(b, w...)
		}
		return b
	})
}

func TestFasterWaysAgreeWithRegexp(t *testing.T) {
	globs, chains, runs := 0, 0, 0
	patterns, texts := patternGen(), textGen()
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			g, c := agree(t, patterns.Draw(t, "pattern"), texts.Draw(t, "text"))
			runs++
			globs += g
			chains += c
		}
	})
	if globs == 0 || chains == 0 {
		t.Errorf("of %d patterns %d were globs and %d chains; want some of each", runs, globs, chains)
	}
}

// agree checks both kinds against the plain regexp package.
func agree(t interface {
	Fatalf(string, ...any)
	Helper()
}, src string, text []byte) (globs, chains int) {
	t.Helper()
	plain, err := regexp.Compile(src)
	if err != nil {
		return 0, 0
	}
	anchored, err := regexp.Compile(`^(?:` + src + `)$`)
	if err == nil {
		w, err := compileWhole(src)
		if err != nil {
			return 0, 0
		}
		got, err := w.match(text)
		if want := anchored.Match(text); err != nil || got != want {
			t.Fatalf("whole match of %q with %q: got %v, %v, want %v", text, src, got, err, want)
		}
		if w.glob != nil {
			globs++
		}
	}
	with := "<$1|$0>"
	goWith := "<${1}|${0}>"
	if plain.NumSubexp() == 0 {
		with, goWith = "<$0>", "<${0}>"
	}
	n, err := newRegexReplace(replaceConfig{Regex: src, Replacement: with}, &nodes.Env{})
	if err != nil {
		return 0, 0
	}
	r := n.(*regexReplace)
	got, err := r.replace(text)
	if want := plain.ReplaceAll(text, []byte(goWith)); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("replacing %q in %q: got %q, %v, want %q", src, text, got, err, want)
	}
	if r.chain != nil {
		chains++
	}
	return globs, chains
}

func FuzzRegex(f *testing.F) {
	f.Add(`.* from (\S+) port.*`, []byte("x from 1.2.3.4 port 2\ny from b port"))
	f.Add(`.*Failed password.*`, []byte("Failed password"))
	f.Add(`(\d+)[^,]*,`, []byte("12a,3\xff"))
	f.Add(`\Qa.b`, []byte("a.b"))
	f.Add(`a|b)(c`, []byte("c"))
	f.Fuzz(func(t *testing.T, src string, text []byte) {
		if len(src) > 1000 || len(text) > 10_000 {
			t.Skip()
		}
		agree(t, src, text)
	})
}

func TestShapesThatNeedNoMachine(t *testing.T) {
	for _, src := range []string{`.*Failed password.*`, `sshd.*`, `.*ssh2`, `abc`, `^abc$`, `(.*)a(.*)b`, `(?s).*a.*`} {
		w, err := compileWhole(src)
		if err != nil || w.glob == nil {
			t.Errorf("%s: got %v, want a glob", src, err)
		}
	}
	for _, src := range []string{`.* from (\S+) port.*`, `user=(\S+) `, `[0-9]+`, `.*=(.*)`, ` +`, `([^,]*),.*`} {
		p, err := compile(src, false)
		if err != nil || asChain(p.tree, p.re.NumSubexp()) == nil {
			t.Errorf("%s: got %v, want a chain", src, err)
		}
	}
}

func TestChainGivesUpOnSquareWork(t *testing.T) {
	text := bytes.Repeat([]byte("a"), 1<<20)
	n, err := newRegexReplace(replaceConfig{Regex: `a[^b]*b`, Replacement: "x"}, &nodes.Env{})
	if err != nil {
		t.Fatal(err)
	}
	r := n.(*regexReplace)
	r.required = nil // so that the first check does not answer
	if _, ok, _ := r.replaceByChain(text); ok {
		t.Error("the chain looked at a megabyte for each of a million starts")
	}
	if got, err := r.replace(text); err != nil || !bytes.Equal(got, text) {
		t.Errorf("got %d bytes, %v, want the text unchanged", len(got), err)
	}
}

func TestReplacementsAreBounded(t *testing.T) {
	for _, regex := range []string{".", "[a-z]+?"} { // by the chain or the machine
		n, err := newRegexReplace(replaceConfig{Regex: regex, Replacement: strings.Repeat("$0", 4096)}, &nodes.Env{})
		if err != nil {
			t.Fatal(err)
		}
		r := n.(*regexReplace)
		if got, err := r.replace([]byte("ab")); err != nil || len(got) != 8192 {
			t.Errorf("%s: got %d bytes, %v, want 8192", regex, len(got), err)
		}
		if _, err := r.replace(bytes.Repeat([]byte("a"), 8192)); !nodes.IsPermanent(err) || !strings.Contains(err.Error(), "a record may have") {
			t.Errorf("%s: got %v, want a permanent error", regex, err)
		}
		if _, err := r.replace(bytes.Repeat([]byte("a"), maxMatches+1)); !nodes.IsPermanent(err) {
			t.Errorf("%s: got %v for too many matches, want a permanent error", regex, err)
		}
	}
}
