package files_test

import (
	"bytes"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/files"
	"sluice/internal/bus/bustest"
)

// TestUnfinishedUpload begins a content anew that was cut off, at another coordinator: its owner goes
// on, with one reservation of room, and nobody else does.
func TestUnfinishedUpload(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	a, b := open(t, bustest.Connect(t, server), files.Config{}), open(t, bustest.Connect(t, server), files.Config{})
	data := content(3*chunk+5, 7)
	sum := digest(data)
	first := begin(t, a, "one", len(data), sum)
	if _, err := a.Append(ctx, first.ID, 0, bytes.NewReader(data[:2*chunk])); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the other sees it", func() bool { return b.Use().Number == 1 })
	other, _, err := b.Begin(ctx, coordinator.Upload{Name: "one", Size: int64(len(data)), SHA256: sum, Owner: "bob"})
	if err != nil || other.ID == first.ID || other.Offset != 0 {
		t.Errorf("somebody else's: got %+v, %v", other, err)
	}
	if err := b.Abort(ctx, other.ID); err != nil {
		t.Fatal(err)
	}
	again := begin(t, b, "two", len(data), sum)
	if again.ID != first.ID || again.Offset != 2*chunk || again.Name != "two" || b.Use().Number != 1 {
		t.Fatalf("got %+v and %+v in use, want upload %s at %d", again, b.Use(), first.ID, 2*chunk)
	}
	if _, err := b.Append(ctx, again.ID, again.Offset, bytes.NewReader(data[again.Offset:])); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Finish(ctx, again.ID); err != nil || got.SHA256 != sum || got.Name != "two" {
		t.Errorf("got %+v, %v", got, err)
	}
	if u := begin(t, a, "unsaid", len(data), ""); u.Offset != 0 {
		t.Errorf("of an unknown digest: got %+v", u)
	}
}
