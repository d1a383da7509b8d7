package text

import (
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"sluice/nodes"
	"sluice/recipe"
)

// ToUppercase turns strings into upper case.
var ToUppercase = nodes.Define(nodes.Spec{
	Kind:     "to_uppercase",
	Category: "text",
	Summary:  "Turns a string into upper case, the same on every machine",
	Doc:      "The mapping is Unicode's, without rules of any language: ß becomes SS, i becomes I. Bytes that are not UTF-8 have no case: such a record is a dead letter.",
	In:       []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{In: []any{"abc Def 1", ""}, Out: []any{"ABC DEF 1", ""}},
		{Doc: "beyond ASCII", In: []any{"straße", "ça", "title"}, Out: []any{"STRASSE", "ÇA", "TITLE"}},
		{In: []any{"ok", "a\xffb"}, Out: []any{"OK"}, Dead: []string{"0xff at offset 1"}},
	},
}, func(struct{}, *nodes.Env) (any, error) {
	return &changeCase{from: 'a', to: 'z', caser: cases.Upper(language.Und)}, nil
})

// changeCase maps ASCII by itself and leaves the rest to Unicode's tables.
type changeCase struct {
	from, to byte // the ASCII letters that change, by 32
	caser    cases.Caser
	buf      []byte
}

// Process implements nodes.Processor.
func (n *changeCase) Process(c *nodes.Call, r nodes.Record) error {
	text := r.Bytes()
	n.buf = n.buf[:0]
	for _, b := range text {
		if b >= 0x80 {
			if err := validOrDead(text); err != nil {
				return err
			}
			c.Emit(nodes.StringRecord(n.caser.Bytes(text)))
			return nil
		}
		if n.from <= b && b <= n.to {
			b ^= 'a' - 'A'
		}
		n.buf = append(n.buf, b)
	}
	c.Emit(nodes.StringRecord(n.buf))
	return nil
}

// validOrDead refuses bytes that are not characters, for kinds that need them.
func validOrDead(text []byte) error {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return nodes.Permanentf("the byte 0x%02x at offset %d is not UTF-8", text[i], i)
		}
		i += n
	}
	return nil
}
