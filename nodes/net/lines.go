package net

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"sluice/nodes"
	"sluice/recipe"
)

// feedLines emits the lines of a body but for the first skip, and loses those that are
// too long for a record. It holds one line at a time.
func feedLines(body io.Reader, skip int64, name string, emit func(nodes.Record) error, lose func(error) error) error {
	in := bufio.NewReaderSize(body, 64<<10)
	var line []byte
	for number := int64(1); ; number++ {
		var size int
		var fault error
		line = line[:0]
		for {
			part, err := in.ReadSlice('\n')
			size += len(part)
			if size <= recipe.MaxRecord+2 {
				line = append(line, part...)
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				fault = err
				break
			}
		}
		if fault != nil && (size == 0 || !errors.Is(fault, io.EOF)) {
			if errors.Is(fault, io.EOF) {
				return nil
			}
			return fault
		}
		if number <= skip {
			continue
		}
		text := bytes.TrimSuffix(line, []byte("\n"))
		if len(text) < len(line) {
			text = bytes.TrimSuffix(text, []byte("\r"))
		}
		var err error
		if size > recipe.MaxRecord+2 || len(text) > recipe.MaxRecord {
			err = lose(nodes.Permanentf("%s: line %d has %d bytes; a record may have %d", name, number, size, recipe.MaxRecord))
		} else {
			err = emit(nodes.StringRecord(text))
		}
		if err != nil {
			return err
		}
	}
}
