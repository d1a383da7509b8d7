package nodes

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"sluice/recipe"
)

// Column makes a scalar kind work inside json records: it is given the value of field
// (see [ParseField]), and its answer is written into the field into, or field itself
// when into is "". A record whose field is missing or has another type than in is a
// Permanent error that names the field. No answer drops the record, several answers
// make several records. A kind that passes its value unchanged (a filter) passes the
// record. in and out are the types that p takes and emits: concrete, or number, where
// each value says what it is: one with neither fraction nor exponent is an int, others
// are floats.
func Column(p Processor, field, into string, in, out recipe.Type) (Processor, error) {
	c := &column{inner: p, in: in, call: NewCall([]recipe.PortType{{Name: "out", Type: out}})}
	var err error
	if c.field, err = ParseField(field); err != nil {
		return nil, err
	}
	c.into = c.field
	if into != "" {
		if c.into, err = ParseField(into); err != nil {
			return nil, err
		}
		c.beside = true
	}
	if s, ok := p.(Stateful); ok {
		return &orderedColumn{c, s}, nil
	}
	return c, nil
}

type column struct {
	inner       Processor
	field, into Field
	beside      bool
	in          recipe.Type
	call        *Call
	text        []byte
	value, doc  []byte
}

// orderedColumn keeps the state of the kind inside in view.
type orderedColumn struct {
	*column
	Stateful
}

// Process implements Processor.
func (c *orderedColumn) Process(call *Call, r Record) error { return c.column.Process(call, r) }

// Process implements Processor.
func (c *column) Process(call *Call, r Record) error {
	raw := c.field.Value(r.Bytes())
	if raw == nil {
		return Permanentf("the record has no field %s", c.field)
	}
	value, err := c.read(raw)
	if err != nil {
		return err
	}
	c.call.nest(call)
	if err := c.inner.Process(c.call, value); err != nil {
		return err
	}
	if err := c.call.Err(); err != nil {
		return err
	}
	answers := c.call.Out(0).Cursor()
	for answer, ok := answers.Next(); ok; answer, ok = answers.Next() {
		if !c.beside && answer.same(value) {
			call.Emit(r)
			continue
		}
		if c.value, err = AppendJSON(c.value[:0], answer); err != nil {
			return err
		}
		if c.doc, err = c.into.AppendWith(c.doc[:0], r.Bytes(), c.value); err != nil {
			return err
		}
		call.Emit(JSONRecord(c.doc))
	}
	return nil
}

// read makes a record of the inner kind's type from a JSON value.
func (c *column) read(raw []byte) (Record, error) {
	wrong := func() (Record, error) {
		return Record{}, Permanentf("the field %s is %s; %s is wanted", c.field, jsonSort(raw), article(string(c.in)))
	}
	switch c.in {
	case recipe.Bool:
		if raw[0] == 't' || raw[0] == 'f' {
			return BoolRecord(raw[0] == 't'), nil
		}
		return wrong()
	case recipe.Int, recipe.Float, recipe.Number:
		if jsonSort(raw) != "a number" {
			return wrong()
		}
		if c.in == recipe.Float || c.in == recipe.Number && bytes.ContainsAny(raw, ".eE") {
			x, err := strconv.ParseFloat(string(raw), 64)
			if err != nil {
				return Record{}, Permanentf("the field %s is %s, which passes 64 bit", c.field, raw)
			}
			return FloatRecord(x), nil
		}
		v, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil {
			return Record{}, Permanentf("the field %s is %s; a whole number of 64 bit is wanted", c.field, raw)
		}
		return IntRecord(v), nil
	case recipe.String, recipe.Bytes:
		if raw[0] != '"' {
			return wrong()
		}
		c.text = AppendUnquoted(c.text[:0], raw)
		if c.in == recipe.String {
			return StringRecord(c.text), nil
		}
		b, err := base64.StdEncoding.AppendDecode(nil, c.text)
		if err != nil {
			return Record{}, Permanentf("the field %s is not base64, as bytes are in JSON: %w", c.field, err)
		}
		return BytesRecord(b), nil
	}
	return Record{typ: c.in, raw: raw}, nil
}

// same reports whether two records are equal to the bit.
func (r Record) same(b Record) bool {
	return r.typ == b.typ && r.num == b.num && string(r.raw) == string(b.raw)
}

// nest makes c ready for one record of a frame that outer works on.
func (c *Call) nest(outer *Call) {
	c.Begin(outer.ctx, outer.seed)
	c.outer = outer
}

// Full implements Full.
func (c *column) Full() bool {
	f, ok := c.inner.(Full)
	return ok && f.Full()
}

// Close implements Closer.
func (c *column) Close() error {
	if closer, ok := c.inner.(Closer); ok {
		return closer.Close()
	}
	return nil
}
