package audit

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/coordinator"
)

// maxField bounds each text of an entry, in bytes.
const maxField = 256

// tokens are what looks like one: a key's or a ticket's (their beginning may stay), a JWT, and
// whatever stands behind Bearer. Nobody should hand one over; an address or a path that was
// typed wrongly may have one in it.
var tokens = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`slu_([a-z2-7]{12})_[A-Za-z0-9_-]*`), "slu_${1}_…"},
	{regexp.MustCompile(`slt_[A-Za-z0-9_.-]*`), "slt_…"},
	{regexp.MustCompile(`eyJ[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*)*`), "eyJ…"},
	{regexp.MustCompile(`(?i)bearer\s+\S+`), "Bearer …"},
}

// word is what may stand in a subject.
var word = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// clean bounds an entry's texts and takes out of them what looks like a token.
func clean(e *coordinator.AuditEntry) {
	for _, s := range []*string{&e.Who, (*string)(&e.Role), &e.Key, &e.Address, &e.Origin, &e.Request, &e.Object, &e.Reason} {
		*s = cleaned(*s)
	}
	if !word.MatchString(e.Operation) {
		e.Operation = "unknown"
	}
	if !slices.Contains(coordinator.Outcomes, e.Outcome) {
		e.Outcome = coordinator.Faulty
	}
}

func cleaned(s string) string {
	const look = 4 * maxField // as much of it is looked at; a token is not cut in two by that which would be seen
	if len(s) > look {
		s = s[:look]
	}
	for _, t := range tokens {
		s = t.re.ReplaceAllString(s, t.by)
	}
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= maxField {
		return s
	}
	end := maxField - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
