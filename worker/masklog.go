package worker

import (
	"fmt"
	"io"
	"log"

	"github.com/hashicorp/go-hclog"
)

// maskedLog is a job's log, in which no secret's value stands.
type maskedLog struct {
	hclog.Logger
	mask *mask
}

// Log implements hclog.Logger, as do the methods below.
func (l *maskedLog) Log(level hclog.Level, msg string, args ...any) {
	if !l.says(level) {
		return
	}
	l.Logger.Log(level, l.mask.hide(msg), l.mask.values(args)...)
}

// says reports whether lines of a level are written at all.
func (l *maskedLog) says(level hclog.Level) bool {
	switch level {
	case hclog.Trace:
		return l.IsTrace()
	case hclog.Debug:
		return l.IsDebug()
	case hclog.Info:
		return l.IsInfo()
	case hclog.Warn:
		return l.IsWarn()
	case hclog.Error:
		return l.IsError()
	}
	return true
}

func (l *maskedLog) Trace(msg string, args ...any) { l.Log(hclog.Trace, msg, args...) }
func (l *maskedLog) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }
func (l *maskedLog) Info(msg string, args ...any)  { l.Log(hclog.Info, msg, args...) }
func (l *maskedLog) Warn(msg string, args ...any)  { l.Log(hclog.Warn, msg, args...) }
func (l *maskedLog) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l *maskedLog) With(args ...any) hclog.Logger {
	return &maskedLog{l.Logger.With(l.mask.values(args)...), l.mask}
}

func (l *maskedLog) Named(name string) hclog.Logger {
	return &maskedLog{l.Logger.Named(name), l.mask}
}

func (l *maskedLog) ResetNamed(name string) hclog.Logger {
	return &maskedLog{l.Logger.ResetNamed(name), l.mask}
}

func (l *maskedLog) StandardLogger(opts *hclog.StandardLoggerOptions) *log.Logger {
	return log.New(l.StandardWriter(opts), "", 0)
}

func (l *maskedLog) StandardWriter(opts *hclog.StandardLoggerOptions) io.Writer {
	if opts == nil {
		opts = &hclog.StandardLoggerOptions{}
	}
	return &maskedWriter{l.Logger.StandardWriter(opts), l.mask}
}

type maskedWriter struct {
	to   io.Writer
	mask *mask
}

// Write implements io.Writer; a line comes whole.
func (w *maskedWriter) Write(line []byte) (int, error) {
	if _, err := io.WriteString(w.to, w.mask.hide(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}

// values hides values in what a log line is made of. What holds none stays what it is.
func (m *mask) values(args []any) []any {
	if m.empty() {
		return args
	}
	shown := make([]any, len(args))
	for i, a := range args {
		text := fmt.Sprint(a)
		if shown[i] = a; m.hide(text) != text {
			shown[i] = m.hide(text)
		}
	}
	return shown
}
