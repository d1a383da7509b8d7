package bus

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
)

// serverLog hands the embedded server's log to hclog. A fatal report, which the
// server would end the process with, goes to whoever starts the server instead; one that comes
// later is logged as an error.
//
// A stream whose file can't be written goes silent: the server answers nothing to those
// who publish, and says so only here.
type serverLog struct {
	log     hclog.Logger
	fatal   chan string
	started atomic.Bool // nobody reads fatal any more
	broken  chan string // the first report of a file that can't be written
}

// writeError is in every report of the server that it can't write a file.
const writeError = "critical write error: "

// recovered is what the server says of a stream's index that a kill left behind: what it is read for is
// read from the messages then. Where that fails too, the server says so as an error.
var recovered = regexp.MustCompile(`Recovering .* state from index errored: |state is outdated; attempting to recover `)

func (l *serverLog) Noticef(format string, v ...any) {
	if l.log.IsDebug() {
		l.log.Debug(fmt.Sprintf(format, v...))
	}
}

// Warnf takes what the server mends by itself, such as the state of a stream that it
// reads anew after a kill: no concern of a user.
// What it says of an index that it makes anew behind a kill sounds like a loss, and is none.
func (l *serverLog) Warnf(format string, v ...any) {
	if text := fmt.Sprintf(format, v...); recovered.MatchString(text) {
		l.log.Debug(text)
	} else {
		l.log.Info(text)
	}
}

func (l *serverLog) Debugf(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any) { l.log.Trace(fmt.Sprintf(format, v...)) }

func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.log.Error(text)
	if strings.Contains(strings.ToLower(text), writeError) {
		select {
		case l.broken <- text[strings.LastIndex(text, ": ")+2:]:
		default: // one report is enough
		}
	}
}

func (l *serverLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if l.started.Load() {
		l.log.Error(text)
		return
	}
	select {
	case l.fatal <- text:
	default:
	}
}
