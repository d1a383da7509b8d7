// Package extract holds the kinds that find addresses in text (IP addresses, URLs,
// domains, e-mail addresses) and make them harmless and whole again.
//
// The finders go through a text once, from left to right; what counts as a find is
// stated in each kind's documentation. Start reading at [Kinds].
package extract

import (
	"sluice/nodes"
	"sluice/recipe"
)

// Kinds is the table of this category.
var Kinds = []nodes.Kind{
	Defang,
	ExtractDomains,
	ExtractEmails,
	ExtractIPs,
	ExtractURLs,
	Refang,
}

// span is the place of a find in a text.
type span struct{ start, end int }

// finder appends the finds of a text in their order; they do not overlap.
type finder func(spans []span, text []byte) []span

// extractor is the behaviour of the kinds that emit one record for each find.
type extractor struct {
	find  finder
	spans []span
}

func newExtractor(find finder) func(struct{}, *nodes.Env) (any, error) {
	return func(struct{}, *nodes.Env) (any, error) { return &extractor{find: find}, nil }
}

// Process implements nodes.Processor.
func (e *extractor) Process(c *nodes.Call, r nodes.Record) error {
	text := r.Bytes()
	e.spans = e.find(e.spans[:0], text)
	for _, s := range e.spans {
		c.Emit(nodes.StringRecord(text[s.start:s.end]))
		if c.Err() != nil {
			break
		}
	}
	if len(e.spans) > recipe.FrameRecords*16 {
		e.spans = nil
	}
	return nil
}

// class is a set of bytes.
type class [256]bool

func classOf(members string) *class {
	var c class
	for i := range len(members) {
		c[members[i]] = true
	}
	return &c
}

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

var (
	alnum    = classOf(letters + digits)
	wordByte = classOf(letters + digits + "_")
)
