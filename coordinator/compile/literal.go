package compile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// literal follows the text of a program from its beginning, and knows whether it ends
// inside of a string. A parameter that stands there is data: it is written so that the
// string holds its value, whatever that is. The zero value with a language is at the
// beginning of a text.
type literal struct {
	language string // jq or expr; any other has no strings
	quote    byte   // that ends the string; 0 outside of one
	escape   bool   // behind a backslash in a string
	comment  string // that ends the comment; "" outside of one
	last     byte   // the one before, where it matters outside of strings
	around   []int  // jq: the strings around \( ), by how many brackets are open in each
}

// write goes on with the text.
func (l *literal) write(text string) {
	if l.language != "jq" && l.language != "expr" {
		return
	}
	for i := range len(text) {
		switch b := text[i]; {
		case l.comment != "":
			l.inComment(b)
		case l.quote != 0:
			l.inString(b)
		default:
			l.inCode(b)
		}
	}
}

func (l *literal) inComment(b byte) {
	if l.language == "expr" {
		if l.comment == "\n" && b == '\n' || l.comment == "*/" && l.last == '*' && b == '/' {
			l.comment, b = "", 0
		}
		l.last = b
		return
	}
	// In jq a backslash takes itself or the line end behind it away.
	switch behind := l.last; {
	case behind == '\\' && (b == '\\' || b == '\n'), behind == '\r' && b == '\n':
		b = 0
	case behind == '\\' && b == '\r', b == '\\':
	case b == '\n' || b == '\r':
		l.comment, b = "", 0
	default:
		b = 0
	}
	l.last = b
}

func (l *literal) inString(b byte) {
	switch {
	case l.escape:
		if l.escape = false; b == '(' && l.language == "jq" {
			l.around = append(l.around, 0)
			l.quote, l.last = 0, 0
		}
	case b == '\\' && l.quote != '`':
		l.escape = true
	case b == l.quote:
		l.quote, l.last = 0, 0
	}
}

func (l *literal) inCode(b byte) {
	switch {
	case b == '"', l.language == "expr" && (b == '\'' || b == '`'):
		l.quote = b
	case l.language == "expr":
		if l.last == '/' && b == '/' {
			l.comment = "\n"
		} else if l.last == '/' && b == '*' {
			l.comment, b = "*/", 0
		}
	case b == '#':
		l.comment = "\n"
	case b == '(' && len(l.around) > 0:
		l.around[len(l.around)-1]++
	case b == ')' && len(l.around) > 0:
		if l.around[len(l.around)-1]--; l.around[len(l.around)-1] < 0 {
			l.around = l.around[:len(l.around)-1]
			l.quote = '"'
		}
	}
	l.last = b
}

// control is how a control character is written in a string; in expr also in bytes.
var control = map[string]string{"jq": `\u%04x`, "expr": `\x%02x`}

// put returns the text that stands for a value where the program has come to, and goes on
// with it: the value itself, or inside of a string what means it there.
func (l *literal) put(value string) (string, error) {
	switch {
	case l.quote == 0:
		l.write(value)
		return value, nil
	case l.escape:
		return "", errors.New("stands right behind a backslash in a string")
	case l.quote == '`':
		return strings.ReplaceAll(value, "`", "``"), nil
	}
	var b bytes.Buffer
	for i := range len(value) {
		switch c := value[i]; {
		case c == '\\' || c == l.quote:
			b.Write([]byte{'\\', c})
		case c < ' ':
			fmt.Fprintf(&b, control[l.language], c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}
