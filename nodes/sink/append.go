package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"sluice/nodes"
)

// mark says what the target of an append was when the job began. In its file it is the
// size, or "new".
type mark struct {
	size  int64
	fresh bool // there was no such file
}

// decideBase returns the mark, and makes it when the job has none yet.
func (t *target) decideBase() (mark, error) {
	if m, err := t.readMark(); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	var m mark
	info, err := t.root.Stat(t.name)
	switch {
	case err == nil:
		m.size = info.Size()
	case errors.Is(err, fs.ErrNotExist):
		m.fresh = true
	default:
		return m, t.fault("look at", err)
	}
	text := "new"
	if !m.fresh {
		text = strconv.FormatInt(m.size, 10)
	}
	// The mark appears whole or not at all.
	if err := t.root.WriteFile(t.draft(), []byte(text), 0o666); err != nil {
		return m, t.fault("begin", err)
	}
	if err := t.root.Rename(t.draft(), t.hidden); err != nil {
		return m, t.fault("begin", err)
	}
	return m, nil
}

func (t *target) draft() string { return t.hidden + "~" }

func (t *target) readMark() (mark, error) {
	b, err := t.root.ReadFile(t.hidden)
	if err != nil {
		return mark{}, err
	}
	if string(b) == "new" {
		return mark{fresh: true}, nil
	}
	size, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return mark{}, nodes.Permanentf("%s: the file %s, which says where to append, is malformed", t.path, t.hidden)
	}
	return mark{size: size}, nil
}

// beginLine ends the last line that the target had, so that the job's first one does not
// go on with it. Doing it again changes nothing.
func (t *target) beginLine(f *os.File) error {
	if t.base == 0 {
		return nil
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], t.base-1); err != nil {
		return nodes.Permanentf("%s is shorter than the %d bytes that it had when the job began: it was changed meanwhile", t.path, t.base)
	}
	if last[0] == '\n' {
		return nil
	}
	if _, err := f.WriteAt([]byte{'\n'}, t.base); err != nil {
		return t.fault("write", err)
	}
	t.base++
	return nil
}

// discard takes back what was not sealed: the part file, or what was appended.
func (t *target) discard() error {
	if err := t.forget(); err != nil {
		return t.fault("close", err)
	}
	if t.ifExists == "append" {
		m, err := t.readMark()
		switch {
		case err == nil:
			if err := t.cutBack(m); err != nil {
				return err
			}
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	for _, name := range []string{t.draft(), t.hidden} {
		if err := t.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return t.fault("clear up after", err)
		}
	}
	return nil
}

// cutBack makes the target what it was when the job began.
func (t *target) cutBack(m mark) error {
	if m.fresh {
		if err := t.root.Remove(t.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return t.fault("take back", err)
		}
		return nil
	}
	f, err := t.root.OpenFile(t.name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // somebody has removed it
	}
	if err != nil {
		return t.fault("take back", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() > m.size {
		err = f.Truncate(m.size)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("take back what was appended to %s: %w", t.path, err)
	}
	return nil
}
