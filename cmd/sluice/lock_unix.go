//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes a file for this process until it is closed, and reports whether it could. Where
// the file system knows no locks, nobody is kept out.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return false, nil
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.ENOLCK):
		return true, nil
	}
	return err == nil, err
}
