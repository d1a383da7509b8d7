// Package text holds the kinds that look at and change strings: regular expressions,
// upper and lower case, the text form.
//
// Patterns are those of Go's regexp package: matching takes time linear in the record.
// Because the factor is the size of the compiled pattern, both are bounded (see
// pattern.go), and the shapes that recipes use most are matched without the regexp
// machine (glob.go, chain.go), with the same answers. Start reading at [Kinds].
package text

import "sluice/nodes"

// Kinds is the table of this category.
var Kinds = []nodes.Kind{
	RegexMatch,
	RegexMatchBool,
	RegexReplace,
	ToLowercase,
	ToString,
	ToUppercase,
	Trim,
}
