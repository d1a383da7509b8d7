package library_test

import (
	"strings"
	"testing"
	"time"

	"sluice/coordinator/library"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestSweep leaves a document without a head, as a coordinator does that dies in between: it is
// swept when a save could not be at it any more, and what is named stays.
func TestSweep(t *testing.T) {
	later := time.Duration(0)
	conn := bustest.Conn(t, bustest.InProcess)
	d := open(t, conn, func(c *library.Config) { c.Now = func() time.Time { return time.Now().Add(later) } })
	d.save("upper", upper)
	d.save("hashed", hashed)
	lost := "sluice.control.document.upper.2_" + strings.Repeat("a", 32)
	pub, err := conn.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	data, err := bus.EncodeRecord(map[string]string{"source": plain})
	if err != nil {
		t.Fatal(err)
	}
	if out := pub.PutSync(d.ctx, bus.Put{Subject: lost, Data: data}); out.Err != nil {
		t.Fatal(out.Err)
	}
	there := func() bool {
		m, err := conn.Latest(d.ctx, store.Stream, lost)
		return err == nil && len(m.Data) > 0
	}
	for _, r := range []struct {
		after time.Duration
		stays bool
	}{{0, true}, {2 * time.Hour, false}} {
		later = r.after
		if err := d.Sweep(d.ctx); err != nil || there() != r.stays {
			t.Errorf("after %v: got %v, %v, want %v", r.after, there(), err, r.stays)
		}
	}
	fresh := open(t, conn)
	for _, ref := range []string{"upper@1", "hashed@1"} {
		if _, err := fresh.Show(fresh.ctx, ref); err != nil {
			t.Error(err)
		}
	}
}
