package recipe

import "strings"

// Type is the type of the records on an edge or of a port, in its text form:
// a concrete type (bool, int, float, string, bytes, json, list<T>), a constraint
// (number, any) or the name of a type variable (one upper-case letter).
type Type string

// The concrete types and the constraints.
const (
	Bool   Type = "bool"
	Int    Type = "int"
	Float  Type = "float"
	String Type = "string"
	Bytes  Type = "bytes"
	JSON   Type = "json"
	Number Type = "number" // int or float
	Any    Type = "any"
)

// List returns the type of lists whose elements have type elem.
func List(elem Type) Type { return "list<" + elem + ">" }

// Elem returns the element type of a list and whether t is a list.
func (t Type) Elem() (Type, bool) {
	s := string(t)
	if strings.HasPrefix(s, "list<") && strings.HasSuffix(s, ">") {
		return Type(s[len("list<") : len(s)-1]), true
	}
	return "", false
}

// IsVariable reports whether t names a type variable: a single upper-case letter.
func (t Type) IsVariable() bool { return len(t) == 1 && t[0] >= 'A' && t[0] <= 'Z' }

// IsConstraint reports whether t stands for several concrete types.
func (t Type) IsConstraint() bool { return t == Number || t == Any }

// IsConcrete reports whether records can have type t on an edge.
func (t Type) IsConcrete() bool {
	switch t {
	case Bool, Int, Float, String, Bytes, JSON:
		return true
	}
	elem, ok := t.Elem()
	return ok && elem.IsConcrete()
}

// Accepts reports whether an inlet of type t takes records of the concrete type
// from: the one assignability rule. It does not resolve type variables.
func (t Type) Accepts(from Type) bool {
	switch t {
	case Any:
		return from.IsConcrete()
	case Number:
		return from == Int || from == Float
	}
	te, tl := t.Elem()
	fe, fl := from.Elem()
	if tl && fl {
		return te.Accepts(fe)
	}
	return t == from
}
