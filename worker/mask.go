package worker

import (
	"cmp"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// mask writes ${secret:name} where a text has a secret's value. What a job says of itself is
// stored and shown: reasons, places and logs all go through it. Records do not: they are
// what the recipe makes of its secrets. The zero value hides nothing.
type mask struct {
	mu     sync.RWMutex
	forms  []maskForm // guarded by mu, the longest first; never changed in place
	pieces maskPieces // guarded by mu; never changed in place
}

// leastSecret is how many bytes a value must have: a shorter one stands in so many words that
// to hide it would tell it.
const leastSecret = 4

// maskForm is one way in which a message may show a value.
type maskForm struct{ text, name string }

// add makes the mask hide the value of a secret.
func (m *mask) add(name, value string) {
	if value == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.Contains(m.forms, maskForm{value, name}) {
		return
	}
	forms := slices.Clone(m.forms)
	for _, text := range slices.Concat(formsOf(value), codesOf(value)) {
		if len(text) >= leastSecret {
			forms = append(forms, maskForm{text, name})
		}
	}
	slices.SortStableFunc(forms, func(a, b maskForm) int {
		return cmp.Or(cmp.Compare(len(b.text), len(a.text)), cmp.Compare(a.text, b.text))
	})
	m.forms = slices.Compact(forms)
	m.pieces = piecesOf(m.forms)
}

// formsOf returns how messages show a value: as it is, as %q and JSON quote it, and as it
// stands in an address or a path.
func formsOf(v string) []string {
	quoted, ascii := strconv.Quote(v), strconv.QuoteToASCII(v)
	forms := []string{v, strings.TrimSpace(v), quoted[1 : len(quoted)-1], ascii[1 : len(ascii)-1], quoteInside(v),
		url.QueryEscape(v), url.PathEscape(v), (&url.URL{Path: v}).EscapedPath(), url.User(v).String()}
	if clean := filepath.Clean(v); len(clean) >= cutForm {
		forms = append(forms, clean)
	}
	return slices.Concat(forms, shownAddress("", v), shownAddress("http://h/", v))
}

// shownAddress returns what messages show of a value that follows an address: all of it, or
// what is left without the query and whoever logs in.
func shownAddress(before, v string) []string {
	u, err := url.Parse(before + v)
	if err != nil {
		return nil
	}
	all := u.String()
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	forms := []string{strings.TrimPrefix(all, before)}
	if bare := strings.TrimPrefix(u.String(), before); len(bare) >= cutForm {
		forms = append(forms, bare)
	}
	return forms
}

// cutForm is how many bytes of a value give it away where a message has not all of it.
const cutForm = 6

// empty reports that the mask hides nothing.
func (m *mask) empty() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.forms) == 0
}

// hide returns the text without the values.
func (m *mask) hide(s string) string {
	m.mu.RLock()
	forms, pieces := m.forms, m.pieces
	m.mu.RUnlock()
	if len(forms) == 0 {
		return s
	}
	var b strings.Builder
	for s != "" {
		n, name := shownAt(s, forms)
		if piece, of := pieces.shownAt(s); piece > n {
			n, name = piece, of
		}
		if n > 0 {
			b.WriteString("${secret:" + name + "}")
		} else {
			_, n = utf8.DecodeRuneInString(s)
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// shownAt returns how many bytes of a value s begins with, and whose it is: all of it, or,
// of a quotation that was cut short, as much as there is.
func shownAt(s string, forms []maskForm) (n int, name string) {
	for _, f := range forms {
		same := 0
		for same < len(s) && same < len(f.text) && s[same] == f.text[same] {
			same++
		}
		if all := same == len(f.text); same > n && (all || same >= cutForm && endsQuotation(s[same:])) {
			n, name = same, f.name
		}
	}
	return n, name
}

// endsQuotation reports that what a message quotes may end before rest.
func endsQuotation(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || strings.ContainsRune("…\"'`,;", r)
}
