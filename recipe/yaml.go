package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parseYAML returns the root of the only document in text, nil when there is none.
func parseYAML(text []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(yamlDirective(text)))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	var more yaml.Node
	if err := dec.Decode(&more); err == nil {
		return nil, fmt.Errorf("yaml: line %d: a file holds one document, and a second one starts here", more.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if doc.Kind == yaml.DocumentNode {
		return doc.Content[0], nil
	}
	return &doc, nil
}

var versionLine = regexp.MustCompile(`^(?:[ \t]*(?:#[^\n]*)?\r?\n)*%YAML[ \t]+1\.[0-9]+[ \t\r]*\n`)

// yamlDirective makes a comment of the line %YAML 1.x, of which the library knows 1.1 alone.
func yamlDirective(text []byte) []byte {
	head := versionLine.Find(text)
	if head == nil {
		return text
	}
	text = bytes.Clone(text)
	text[bytes.LastIndexByte(head, '%')] = '#'
	return text
}

// checkUTF8 returns the place of the first byte that is not part of UTF-8.
func checkUTF8(text []byte) (Place, bool) {
	if utf8.Valid(text) {
		return Place{}, true
	}
	c := cursor{text: text}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return c.place(i), false
		}
		i += size
	}
	return Place{1, 1}, false
}

// checkCharacters returns the place of the first character that YAML does not allow.
func checkCharacters(text []byte) (rune, Place, bool) {
	for i, r := range string(text) {
		switch {
		case r == '\t', r == '\n', r == '\r', r == 0x85, r >= 0x20 && r < 0x7f, r >= 0xa0 && r != 0xfeff && r != 0xfffe && r != 0xffff:
		default:
			c := cursor{text: text}
			return r, c.place(i), false
		}
	}
	return 0, Place{}, true
}

var (
	yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+)(?:, column \d+)?: )?`)
	// What the library's parser reports, other than its scanner, has a line too low by one.
	yamlParser = regexp.MustCompile(`did not find expected (key|node content|'-' indicator|',' or|<)`)
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
	// A list with something right behind it was to be a text, such as [a-z]+.
	afterList = regexp.MustCompile(`\][^\s,\]}:#"']`)
)

// yamlFault takes the YAML library's error apart into a sentence, a place and a hint.
func yamlFault(err error, text []byte) (why string, at Place, hint string) {
	why = err.Error()
	m := yamlLine.FindStringSubmatch(why)
	line, _ := strconv.Atoi(m[1])
	why = strings.ReplaceAll(strings.TrimPrefix(why, m[0]), "\n", " ")
	if a := yamlAnchor.FindStringSubmatch(why); a != nil {
		why = "the alias *" + a[1] + " has no anchor"
		if i := bytes.Index(text, []byte("*"+a[1])); i >= 0 {
			c := cursor{text: text}
			return "the text is not YAML: " + why, c.place(i), quoteText
		}
	}
	parser := yamlParser.MatchString(why)
	if m[1] != "" && parser {
		line++
	}
	lines := strings.Split(string(text), "\n")
	at = Place{min(max(line, 1), len(lines)), 1}
	switch {
	case parser:
		why, at, hint = misfit(why, at, lines)
	case strings.Contains(why, "cannot start any token"):
		at, hint = badStart(at, lines)
	case strings.Contains(why, "did not find expected alphabetic or numeric character"):
		at, hint = badName(at, lines)
	case strings.Contains(why, "unknown escape character"):
		hint = "write the text in single quotes, where \\ stands for itself"
	case strings.Contains(why, "mapping values are not allowed"):
		hint = "put a text that has a colon and a blank in it in quotes"
	}
	return "the text is not YAML: " + why, at, hint
}

// badStart finds the character of a line that the library could not take.
func badStart(at Place, lines []string) (Place, string) {
	line := lines[at.Line-1]
	body := strings.TrimLeft(line, " ")
	if strings.HasPrefix(body, "\t") {
		return Place{at.Line, len(line) - len(body) + 1}, "indent with spaces, not tabs"
	}
	for _, lead := range []string{": ", "- ", "[", "{", ", "} {
		for _, bad := range []string{"@", "`", "%"} {
			if i := strings.Index(line, lead+bad); i >= 0 {
				return Place{at.Line, utf8.RuneCountInString(line[:i+len(lead)]) + 1}, quoteText
			}
		}
	}
	return at, ""
}

// badName finds the text of a line that was taken for an alias, or for an anchor.
func badName(at Place, lines []string) (Place, string) {
	line := lines[at.Line-1]
	if m := aliasText.FindStringSubmatchIndex(maskQuoted(line)); m != nil {
		return Place{at.Line, utf8.RuneCountInString(line[:m[2]]) + 1}, quoteText
	}
	return at, ""
}

// misfit finds, from a line on, what made the library miss a key: a list that was to be
// a text, a text that reads as two keys, or a line whose indent fits none above. The library names the line where the
// map begins.
func misfit(why string, at Place, lines []string) (string, Place, string) {
	var l levels
	flow := strings.Contains(why, "',' or")
	for i, line := range lines {
		above := l.flow
		indent, fits := l.add(line)
		if i+1 < at.Line {
			continue
		}
		if col := bareReference(line, above); col > 0 {
			return why, Place{i + 1, col}, "quote ${…}"
		}
		if m := afterList.FindStringIndex(line); m != nil && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return why, Place{i + 1, utf8.RuneCountInString(line[:m[0]]) + 2}, quoteText
		}
		if m := twoKeys.FindStringSubmatchIndex(maskQuoted(line)); m != nil && flow && above+brackets(line[:m[2]]) > 0 {
			return why, Place{i + 1, utf8.RuneCountInString(line[:m[2]]) + 1}, "a comma is missing, or a text that has a colon and a blank in it needs quotes"
		}
		if !fits {
			return fmt.Sprintf("the line is indented by %d, which fits no line above", indent), Place{i + 1, indent + 1}, "indent with spaces, not tabs, as its neighbours are"
		}
	}
	return why, at, ""
}

var (
	quoted    = regexp.MustCompile(`'[^']*'|"(?:[^"\\]|\\.)*"`)
	reference = regexp.MustCompile(`\$\{`)
	aliasText = regexp.MustCompile(`(?:[:,-][ \t]+|[\[{,][ \t]*)([*&][\w-]*[^\s\w,\]}-])`)
	twoKeys   = regexp.MustCompile(`:[ \t]+([^\s,\[\]{}#][^,\[\]{}]*:[ \t])`)
)

const quoteText = "quote the text"

// maskQuoted blanks what stands in quotes, a byte for each.
func maskQuoted(line string) string {
	return quoted.ReplaceAllStringFunc(line, func(q string) string { return strings.Repeat("_", len(q)) })
}

// bareReference returns the column of a ${ without quotes inside of brackets, where its { opens
// a map; 0 when there is none. open counts the brackets that earlier lines left open.
func bareReference(line string, open int) int {
	masked := maskQuoted(line)
	for _, m := range reference.FindAllStringIndex(masked, -1) {
		if open+brackets(masked[:m[0]]) > 0 && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return utf8.RuneCountInString(line[:m[0]]) + 1
		}
	}
	return 0
}

// levels follows the indents of a text line by line, roughly: enough to find the place
// of a fault that is known to be there.
type levels struct {
	open   []int // indents of the levels
	opener bool  // the last line lets a deeper one follow
	block  int   // indent of a line that opened a block of text, plus one; 0 outside
	flow   int   // brackets that are open
}

var (
	blockText = regexp.MustCompile(`[:-][ \t]+(?:[|>][-+0-9]*)[ \t]*(?:#.*)?$`)
	levelOpen = regexp.MustCompile(`(?:^|:|-)[ \t]*(?:[&!]\S+[ \t]*)?(?:#.*)?$`)
	entry     = regexp.MustCompile(`^-[ \t]|:(?:[ \t]|$)`)
	itemMarks = regexp.MustCompile(`^(?:-[ \t]+)+`)
)

// add takes a line, and returns its indent and whether it fits a level.
func (l *levels) add(line string) (int, bool) {
	line = strings.TrimRight(line, "\r")
	body := strings.TrimLeft(line, " ")
	indent := len(line) - len(body)
	switch {
	case body == "" || body[0] == '#':
		return indent, true
	case l.block > 0 && indent >= l.block:
		return indent, true
	case l.flow > 0:
		l.flow = max(0, l.flow+brackets(body))
		return indent, true
	}
	l.block = 0
	of := indent // of the line; indent goes on to that of its last item
	for len(l.open) > 0 && l.open[len(l.open)-1] > indent {
		l.open = l.open[:len(l.open)-1]
		l.opener = false
	}
	fits := true
	if len(l.open) == 0 || l.open[len(l.open)-1] < indent {
		fits = l.opener || len(l.open) == 0 && indent == 0 || !entry.MatchString(body) // a text goes on
		l.open = append(l.open, indent)
	}
	for marks := itemMarks.FindString(body); marks != ""; {
		at := strings.IndexByte(marks, '-') + 1
		at += len(marks[at:]) - len(strings.TrimLeft(marks[at:], " \t"))
		indent, marks = indent+at, marks[at:]
		l.open = append(l.open, indent)
	}
	if blockText.MatchString(body) {
		l.block = of + 1
	}
	l.opener = levelOpen.MatchString(body)
	l.flow = max(0, brackets(body))
	return of, fits
}

// brackets counts how many more brackets a line opens than it closes, outside of quotes.
func brackets(line string) int {
	n, quote := 0, byte(0)
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0:
			if c == quote && (quote == '\'' || line[i-1] != '\\') {
				quote = 0
			}
		case c == '"' || c == '\'':
			if i == 0 || strings.IndexByte(" [{,:", line[i-1]) >= 0 {
				quote = c
			}
		case c == '[' || c == '{':
			n++
		case c == ']' || c == '}':
			n--
		}
	}
	return n
}
