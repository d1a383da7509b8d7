package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
)

// Env is what a node may touch. A worker makes one for each step; the operator
// decides what is in it, never a recipe.
type Env struct {
	Job  string
	Node string
	Seed uint64 // of the job; a kind's own seed setting goes before it
	// Checking is true when only the settings are being checked: nothing may be opened.
	Checking bool

	// Root is the folder that paths of the recipe are relative to and confined in.
	// Nil means that this worker may not touch files.
	Root *os.Root
	// Artifact opens the artifact with that content; nil means that there are none here. A
	// Permanent error says that there is no such artifact.
	Artifact func(sha256, name string) (File, error)
	// Output is where a sink writes its file instead of the root; nil where it writes below Root.
	Output Output
	// Dial opens connections as far as the operator allows; nil means no network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Stdin is the standard input of the job, nil where there is none.
	Stdin io.Reader
	// Console is where the job prints; nil where no console is served.
	Console io.Writer
	// Types are the types of the ports, as the plan has them: concrete ones, but for a
	// column operation, where they are those of the field and number stands for an int or
	// a float, as each record has it.
	Types PortTypes
	// Shared is what the instances of the step load once; nil shares nothing.
	Shared *Shared
	Log    hclog.Logger
}

// Path returns path in the form that Root takes: relative and clean. An absolute path
// is taken when it lies below Root. Whatever leads out of the root is refused here or,
// behind symbolic links, by Root itself. Errors name the path.
func (e *Env) Path(path string) (string, error) {
	if IsArtifact(path) {
		return "", Permanentf("%s is an artifact: no file below the root", path)
	}
	if e.Root == nil {
		return "", NoFolder(path)
	}
	clean := filepath.Clean(path)
	if filepath.IsAbs(clean) {
		root, err := filepath.Abs(e.Root.Name())
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		if clean, err = filepath.Rel(root, clean); err != nil {
			return "", e.outside(path)
		}
	}
	if !filepath.IsLocal(clean) {
		return "", e.outside(path)
	}
	return clean, nil
}

// NoFolder is what becomes of a path on a worker that has no root. Only one of a cluster has none.
func NoFolder(path string) error {
	return Permanentf("%s: this worker was given no folder, so it touches no files; give the file along as a parameter (sluice submit -p NAME=@FILE), or start workers with --root DIR", path)
}

func (e *Env) outside(path string) error {
	return Permanentf("%s lies outside of the root, the folder %s; --root DIR names another one", path, e.Root.Name())
}

// Open opens a file below the root, or an artifact, for reading. Errors name the path; what is no
// regular file is refused without being opened: a pipe would wait for somebody who writes.
func (e *Env) Open(path string) (File, error) {
	if IsArtifact(path) {
		return e.openArtifact(path)
	}
	clean, err := e.Path(path)
	if err != nil {
		return nil, err
	}
	info, err := e.Root.Stat(clean)
	switch {
	case err == nil && info.IsDir():
		return nil, Permanentf("%s is a folder", path)
	case err == nil && !info.Mode().IsRegular():
		return nil, Permanentf("%s is no regular file", path)
	}
	var f *os.File
	if err == nil {
		f, err = e.Root.Open(clean)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, FileCause(e.Root, err))
	}
	return f, nil
}

// escapes is what Root says of a path that a symbolic link leads out of it, or an absolute
// one anywhere. It has no name in package os.
const escapes = "path escapes from parent"

// FileCause takes the operation and the path off an error of a root, for messages that name
// the path as the recipe has it. Where the path leads out of the root, it says which root that
// is.
func FileCause(root *os.Root, err error) error {
	var p *os.PathError
	for errors.As(err, &p) { // one may be in another
		err = p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		err = l.Err
	}
	if err != nil && err.Error() == escapes {
		return fmt.Errorf("%w by a symbolic link, out of the root, the folder %s; --root DIR names another one", err, root.Name())
	}
	return err
}
