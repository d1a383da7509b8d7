package bus

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var (
	ackAck  = []byte("+ACK")
	ackBeat = []byte("+WPI")
	ackTerm = []byte("+TERM")
	ackNak  = []byte("-NAK")
)

// Message is a message in hand: until it is acknowledged, or AckWait has passed
// without a beat, no other reader of the consumer gets it.
type Message struct {
	Subject   string
	Data      []byte // the receiver's to keep
	Seq       uint64 // in the stream
	Delivered uint64 // how often it was handed out, this time included
	Stored    time.Time
	Pending   uint64 // messages of the consumer not handed out yet, when this one was

	order uint64 // of the delivery, from 1 without gaps
	c     *Conn
	reply string
}

// Ack says that the message is done with. It is sent without waiting; one that is
// lost makes the message come again.
func (m *Message) Ack() { m.answer(ackAck) }

// AckSync is Ack, waiting until the server has it. It costs eight times an Ack.
func (m *Message) AckSync(ctx context.Context) error {
	ctx, cancel := m.c.bound(ctx)
	defer cancel()
	_, err := m.c.nc.RequestWithContext(ctx, m.reply, ackAck)
	return wireError(err)
}

// Beat says that the work goes on: AckWait starts again.
func (m *Message) Beat() { m.answer(ackBeat) }

// Nak gives the message back, to be delivered again after d.
func (m *Message) Nak(d time.Duration) {
	if d <= 0 {
		m.answer(ackNak)
		return
	}
	m.answer(fmt.Appendf(nil, `-NAK {"delay":%d}`, d.Nanoseconds()))
}

// Term says that the message must never be delivered again.
func (m *Message) Term() { m.answer(ackTerm) }

// answer ignores the error: the connection is closed, or lost for so long that its
// buffer is full; both end with the message coming again.
func (m *Message) answer(b []byte) { _ = m.c.nc.Publish(m.reply, b) }

// meta is what a delivery's reply subject says.
type meta struct {
	delivered, streamSeq, consumerSeq uint64
	stored                            int64
	pending                           uint64
}

// parseReply reads
//
//	$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
//	$JS.ACK.<domain>.<account>.<stream>.<consumer>.<the same five>[.<token>]
func parseReply(s string) (m meta, ok bool) {
	const prefix = "$JS.ACK."
	if !strings.HasPrefix(s, prefix) {
		return m, false
	}
	rest := s[len(prefix):]
	skip := 2
	if strings.Count(rest, ".") > 6 {
		skip = 4
	}
	for range skip {
		_, after, found := strings.Cut(rest, ".")
		if !found {
			return m, false
		}
		rest = after
	}
	var n [5]uint64
	for i := range n {
		token, after, _ := strings.Cut(rest, ".")
		v, err := strconv.ParseUint(token, 10, 64)
		if err != nil {
			return m, false
		}
		n[i], rest = v, after
	}
	return meta{delivered: n[0], streamSeq: n[1], consumerSeq: n[2], stored: int64(n[3]), pending: n[4]}, true
}
