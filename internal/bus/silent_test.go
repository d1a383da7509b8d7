package bus_test

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/internal/bus/bustest"
)

// TestLeavesSilentServer has the way to a server swallow all that is sent, in both directions, as
// when a machine is cut off: no connection is closed, and the client must notice by itself.
func TestLeavesSilentServer(t *testing.T) {
	t.Parallel()
	s := bustest.ServerTCP(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var silent atomic.Bool // what connections that exist then are
	go func() {
		for first := true; ; first = false {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "nats://"))
			if err != nil {
				in.Close()
				return
			}
			var mute *atomic.Bool
			if first {
				mute = &silent
			}
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					_, _ = io.Copy(through{way[0], mute}, way[1]) // ends with either side
					way[0].Close()
					way[1].Close()
				}()
			}
		}
	}()
	c := bustest.Dial(t, "nats://"+l.Addr().String())
	silent.Store(true)
	bustest.Eventually(t, "the client connects anew", func() bool { return c.Reconnects() > 0 && c.Connected() })
}

// through forwards what is written, unless it is mute.
type through struct {
	to   io.Writer
	mute *atomic.Bool // nil never is
}

func (w through) Write(p []byte) (int, error) {
	if w.mute != nil && w.mute.Load() {
		return len(p), nil
	}
	return w.to.Write(p)
}
