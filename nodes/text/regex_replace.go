package text

import (
	"bytes"

	"sluice/nodes"
	"sluice/recipe"
)

// RegexReplace replaces the parts of strings that match a pattern.
var RegexReplace = nodes.Define(nodes.Spec{
	Kind:     "regex_replace",
	Category: "text",
	Summary:  "Replaces every part of a string that matches a regular expression",
	Doc: "In the replacement `$` and digits stands for a group (`$0` for the whole match), so `$1x` is group 1 and then x; " +
		"further digits count as long as the pattern has such a group. `$$` is a dollar sign. Braces and names of groups are not known here: `${1}` and `$name` stand for themselves. Text without a match passes " +
		"unchanged. Patterns are bounded as for `regex_match`.",
	In:      []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:     []nodes.Port{{Name: "out", Type: recipe.String}},
	Expands: true,
	Examples: []nodes.Example{
		{
			Doc:    "a pattern for the whole line leaves the group alone",
			Config: "regex: '.* from (\\S+) port.*'\nreplacement: '$1'",
			In:     []any{"Failed password for root from 10.0.0.1 port 22 ssh2", "no address", ""},
			Out:    []any{"10.0.0.1", "no address", ""},
		},
		{
			Doc:    "group 1, then the letter x",
			Config: "regex: '([0-9]+)'\nreplacement: '<$1x>'",
			In:     []any{"a1b22", "none"},
			Out:    []any{"a<1x>b<22x>", "none"},
		},
		{
			Doc:    "an empty replacement deletes",
			Config: "regex: '\\s+'\nreplacement: ''",
			In:     []any{" a b\tc "},
			Out:    []any{"abc"},
		},
		{
			Doc:    "an empty match is a match",
			Config: "regex: 'x*'\nreplacement: '-'",
			In:     []any{"abc"},
			Out:    []any{"-a-b-c-"},
		},
	},
}, newRegexReplace)

// maxMatches bounds the places that are remembered when a short text could become a
// very long one.
const maxMatches = 1 << 18

type replaceConfig struct {
	Regex       string `json:"regex" doc:"regular expression of the parts to replace" format:"regex" max:"65536"`
	Replacement string `json:"replacement" doc:"what stands instead; $1 is the first group" default:"" max:"65536"`
}

type regexReplace struct {
	*pattern
	with   template
	expand []byte // with, as the regexp package writes it
	chain  *chain // nil when only the regexp machine will do
	at     []int
	out    []byte
}

func newRegexReplace(cfg replaceConfig, _ *nodes.Env) (any, error) {
	p, err := compile(cfg.Regex, false)
	if err != nil {
		return nil, err
	}
	groups := p.re.NumSubexp()
	with, err := parseTemplate(cfg.Replacement, groups)
	if err != nil {
		return nil, err
	}
	return &regexReplace{
		pattern: p, with: with, expand: with.expand(),
		chain: asChain(p.tree, groups), at: make([]int, 2*(groups+1)),
	}, nil
}

// Process implements nodes.Processor.
func (n *regexReplace) Process(c *nodes.Call, r nodes.Record) error {
	out, err := n.replace(r.Bytes())
	if err != nil {
		return err
	}
	c.Emit(nodes.StringRecord(out))
	return nil
}

// replace returns text with its matches replaced. The answer is valid until the next call.
func (n *regexReplace) replace(text []byte) ([]byte, error) {
	if n.required != nil && !bytes.Contains(text, n.required) {
		return text, nil
	}
	if n.chain != nil {
		if out, ok, err := n.replaceByChain(text); ok {
			return out, err
		}
	}
	if err := n.allow(len(text)); err != nil {
		return nil, err
	}
	if n.with.most(len(text)) <= 2*recipe.MaxRecord {
		out := n.re.ReplaceAll(text, n.expand)
		return out, fits(len(out))
	}
	// Here the answer may be much larger than the text, so the matches come first.
	matches := n.re.FindAllSubmatchIndex(text, maxMatches+1)
	if len(matches) > maxMatches {
		return nil, nodes.Permanentf("the record of %d bytes has more than %d matches, too many for a replacement this long", len(text), maxMatches)
	}
	out, last := n.out[:0], 0
	for _, at := range matches {
		out = append(out, text[last:at[0]]...)
		out = n.with.appendTo(out, text, at)
		last = at[1]
		if err := fits(len(out)); err != nil {
			return nil, err
		}
	}
	return n.keep(append(out, text[last:]...)), nil
}

// replaceByChain is replace without the machine; ok is false when the text needs it.
func (n *regexReplace) replaceByChain(text []byte) (_ []byte, ok bool, err error) {
	steps := 16*len(text) + 1024
	out, last := n.out[:0], 0
	for n.chain.find(text, last, n.at, &steps) {
		out = append(out, text[last:n.at[0]]...)
		out = n.with.appendTo(out, text, n.at)
		last = n.at[1]
		if err := fits(len(out)); err != nil {
			return nil, true, err
		}
	}
	if steps < 0 {
		return nil, false, nil
	}
	return n.keep(append(out, text[last:]...)), true, nil
}

// keep remembers the buffer for the next record, unless it is large.
func (n *regexReplace) keep(out []byte) []byte {
	if cap(out) <= recipe.InlineBytes {
		n.out = out
	}
	return out
}

func fits(size int) error {
	if size > recipe.MaxRecord {
		return nodes.Permanentf("the replacements make more than %d bytes; a record may have %d", recipe.MaxRecord, recipe.MaxRecord)
	}
	return nil
}
