package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"sluice/nodes"
)

// target is the file that a job makes.
//
// With replace and fail the bytes go to a part file in the same folder, named for job
// and node, which seal gives the target's name. With append they go into the target
// itself, behind base, the size that it had at first; before anything is written, base
// is put into a mark file, so that whoever comes after a crash finds it. The mark is
// removed by seal: a target without mark is sealed. When the job will never go on, discard
// takes all of it back.
//
// So the decision of what to do with an existing file is taken once a job, and every
// operation here can be done again after a crash at any point. And it may be done late, by a
// worker that was frozen and does not know yet that another one has taken over: what both
// write at an offset is the same, so nobody cuts off what is behind its own, before seal.
type target struct {
	path     string // as the recipe has it, for messages
	name     string // in the root
	hidden   string // the part file or the mark
	ifExists string
	lines    bool // records are lines: the first one begins a line
	root     *os.Root

	file *os.File // open for writing
	base int64    // in file, of the job's first byte

	offset int64 // bytes written of this job
}

func newTarget(file, ifExists string, lines bool, env *nodes.Env) (*target, error) {
	name, err := env.Path(file)
	if err != nil {
		return nil, err
	}
	if name == "." || strings.HasSuffix(file, "/") {
		return nil, nodes.Permanentf("%s is a folder; a file is wanted", file)
	}
	// Node paths hold slashes and no dots.
	node := strings.ReplaceAll(env.Node, "/", ".")
	hidden := path.Join(path.Dir(filepath.ToSlash(name)), "."+path.Base(filepath.ToSlash(name))+"."+env.Job+"."+node+".part")
	return &target{path: file, name: name, hidden: hidden, ifExists: ifExists, lines: lines, root: env.Root}, nil
}

// fault names the target in an error, and says in plain words when the disk is full.
func (t *target) fault(what string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s %s: %w", what, t.path, nodes.ErrNoRoom)
	}
	return fmt.Errorf("%s %s: %w", what, t.path, nodes.FileCause(t.root, err))
}

// writeAt writes bytes of this job at an offset.
func (t *target) writeAt(b []byte, offset int64) error {
	if err := t.open(offset, true); err != nil {
		return err
	}
	if _, err := t.file.WriteAt(b, t.base+offset); err != nil {
		return t.fault("write", err)
	}
	return nil
}

// open opens the file for writing from offset on. writing says that bytes of the job will
// follow, if there are none yet.
func (t *target) open(offset int64, writing bool) error {
	if t.file != nil {
		return nil
	}
	if dir := filepath.Dir(t.name); dir != "." {
		if err := t.root.MkdirAll(dir, 0o777); err != nil {
			return t.fault("make the folder of", err)
		}
	}
	name := t.hidden
	t.base = 0
	switch t.ifExists {
	case "append":
		name = t.name
		m, err := t.decideBase()
		if err != nil {
			return err
		}
		t.base = m.size
	case "fail":
		if _, err := t.root.Lstat(t.name); err == nil {
			return t.exists()
		}
	}
	if info, err := t.root.Stat(t.name); err == nil && info.IsDir() {
		return nodes.Permanentf("%s is a folder; a file is wanted", t.path)
	}
	flags := os.O_RDWR
	if offset == 0 {
		flags |= os.O_CREATE
	}
	f, err := t.root.OpenFile(name, flags, 0o666)
	if errors.Is(err, fs.ErrNotExist) {
		return nodes.Permanentf("%s: what the job had written is gone", t.path)
	}
	if err != nil {
		return t.fault("open", err)
	}
	if t.lines && (writing || offset > 0) {
		err = t.beginLine(f)
	}
	if err == nil {
		err = t.reaches(f, t.base+offset)
	}
	if err != nil {
		f.Close()
		return err
	}
	t.file = f
	return nil
}

func (t *target) exists() error {
	return nodes.Permanentf("%s exists, and if_exists is fail", t.path)
}

// reaches checks that the file has as many bytes as were written before. One that is shorter
// lost what was checkpointed.
func (t *target) reaches(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil {
		return t.fault("look at", err)
	}
	if !info.Mode().IsRegular() {
		return nodes.Permanentf("%s is no regular file", t.path)
	}
	if info.Size() < size {
		return nodes.Permanentf("%s has %d bytes, but the job had written up to %d: it was changed meanwhile", t.path, info.Size(), size)
	}
	return nil
}

// forget closes the file; the next writeAt opens it again, at its offset.
func (t *target) forget() error {
	if t == nil || t.file == nil {
		return nil
	}
	err := t.file.Close()
	t.file = nil
	return err
}

// seal makes size bytes of this job appear under the target's name, on the disk.
func (t *target) seal(size int64) error {
	if sealed, err := t.sealed(size); sealed || err != nil {
		return err
	}
	if err := t.open(size, false); err != nil {
		return err
	}
	if err := t.file.Truncate(t.base + size); err != nil { // what an attempt wrote that came to nothing
		return t.fault("cut back", err)
	}
	if err := t.file.Sync(); err != nil {
		return t.fault("write", err)
	}
	if err := t.forget(); err != nil {
		return t.fault("close", err)
	}
	switch t.ifExists {
	case "append":
		if err := t.root.Remove(t.hidden); err != nil {
			return t.fault("seal", err)
		}
	case "fail":
		return t.appear()
	default:
		if err := t.root.Rename(t.hidden, t.name); err != nil {
			return t.fault("seal", err)
		}
	}
	return nil
}

// sealed reports whether an earlier seal got to its end, or near it.
func (t *target) sealed(size int64) (bool, error) {
	hidden, err := t.root.Lstat(t.hidden)
	info, errTarget := t.root.Stat(t.name)
	if err == nil {
		if t.ifExists == "fail" && errTarget == nil && os.SameFile(hidden, info) {
			return true, t.root.Remove(t.hidden)
		}
		return false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, t.fault("look at", err)
	}
	// The hidden file is gone: by seal, or because nothing was ever written.
	if size == 0 && (errTarget != nil || t.ifExists != "append" && info.Size() != 0) {
		return false, nil
	}
	if errTarget == nil && (info.Size() == size || t.ifExists == "append" && info.Size() >= size) {
		return true, nil
	}
	return false, nodes.Permanentf("%s: what the job had written is gone", t.path)
}

// appear gives the part file its name without replacing what may stand there by now.
func (t *target) appear() error {
	err := t.root.Link(t.hidden, t.name)
	switch {
	case errors.Is(err, fs.ErrExist):
		return t.exists()
	case err != nil: // a file system without hard links
		if _, err := t.root.Lstat(t.name); err == nil {
			return t.exists()
		}
		if err := t.root.Rename(t.hidden, t.name); err != nil {
			return t.fault("seal", err)
		}
		return nil
	}
	if err := t.root.Remove(t.hidden); err != nil {
		return t.fault("seal", err)
	}
	return nil
}
