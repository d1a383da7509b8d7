package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// logLines makes lines like an SSH server's log, the same ones each time; three of four
// tell of a failed password.
type logLines struct {
	rng *rand.Rand
	n   int
	buf []byte
}

func newLogLines() *logLines { return &logLines{rng: rand.New(rand.NewPCG(22, 1))} }

var users = []string{"root", "admin", "test", "oracle", "ubuntu", "git", "postgres", "deploy"}

// next returns a line with its end, valid until the next call.
func (l *logLines) next() []byte {
	what := "Failed"
	if l.n%4 == 3 {
		what = "Accepted"
	}
	second := l.n / 40
	b := fmt.Appendf(l.buf[:0], "Nov %2d %02d:%02d:%02d host sshd[%d]: %s password for %s from ", 1+second/86400%28, second/3600%24,
		second/60%60, second%60, 1000+l.rng.IntN(60000), what, users[l.rng.IntN(len(users))])
	for i := range 4 {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(l.rng.IntN(256)), 10)
	}
	b = fmt.Appendf(b, " port %d ssh2\n", 1024+l.rng.IntN(64000))
	l.n++
	l.buf = b
	return b
}

// logFile writes n lines to a file of the bench's folder, unless it is there, and returns
// its name and size.
func (b *bench) logFile(n int) (string, int64, error) {
	return b.input(fmt.Sprintf("log-%d.txt", n), func(w io.Writer) error {
		lines := newLogLines()
		for range n {
			if _, err := w.Write(lines.next()); err != nil {
				return err
			}
		}
		return nil
	})
}

// sizedFile writes n lines of size bytes each, made of the log's.
func (b *bench) sizedFile(n, size int) (string, int64, error) {
	return b.input(fmt.Sprintf("sized-%d-%d.txt", n, size), func(w io.Writer) error {
		lines := newLogLines()
		var line []byte
		for range n {
			for line = line[:0]; len(line) < size; {
				l := lines.next()
				line = append(line, l[:len(l)-1]...)
			}
			// From the end, where lines differ; the start of all is alike.
			if _, err := w.Write(append(line[len(line)-size:], '\n')); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *bench) input(name string, fill func(io.Writer) error) (string, int64, error) {
	path := filepath.Join(b.dir, name)
	if info, err := os.Stat(path); err == nil {
		return name, info.Size(), nil
	}
	f, err := os.Create(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := fill(w); err != nil {
		return "", 0, err
	}
	if err := w.Flush(); err != nil {
		return "", 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	return name, info.Size(), nil
}
