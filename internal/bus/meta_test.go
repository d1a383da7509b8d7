package bus_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestServerMendsSettings harms the settings of a stream and of its consumer, as a kill does
// while they are made, and shows that each start from then on knows both, with what they hold.
func TestServerMendsSettings(t *testing.T) {
	cut := func(t *testing.T, path string, to int64) {
		t.Helper()
		if err := os.Truncate(path, to); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		harm  func(t *testing.T, dir string)
		again bool // they are made once more before they are there
	}{
		{name: "no checksum", harm: func(t *testing.T, dir string) { erase(t, filepath.Join(dir, "meta.sum")) }},
		{name: "empty checksum", harm: func(t *testing.T, dir string) { cut(t, filepath.Join(dir, "meta.sum"), 0) }},
		{name: "half a checksum", harm: func(t *testing.T, dir string) { cut(t, filepath.Join(dir, "meta.sum"), 7) }},
		{name: "half the settings", again: true, harm: func(t *testing.T, dir string) { cut(t, filepath.Join(dir, "meta.inf"), 40) }},
		{name: "half the settings alone", again: true, harm: func(t *testing.T, dir string) {
			cut(t, filepath.Join(dir, "meta.inf"), 40)
			erase(t, filepath.Join(dir, "meta.sum"))
		}},
		{name: "no settings", again: true, harm: func(t *testing.T, dir string) { erase(t, filepath.Join(dir, "meta.inf")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			stream := filepath.Join(dir, bus.StoreDir, "$G", "streams", "EDGES")
			folders := []string{stream, filepath.Join(stream, "obs", "step")}
			remake := func(conn *bus.Conn) {
				ensure(t, conn, edges(10))
				consumer(t, conn, bus.ConsumerConfig{Stream: "EDGES", Name: "step", Filter: "edge.a"})
			}
			on(t, dir, func(conn *bus.Conn) {
				remake(conn)
				if o := publisher(t, conn).PutSync(t.Context(), bus.Put{Subject: "edge.a", Data: []byte("kept")}); o.Err != nil {
					t.Fatal(o.Err)
				}
			})
			var sums []string
			for _, folder := range folders {
				sums = append(sums, contents(t, filepath.Join(folder, "meta.sum")))
				c.harm(t, folder)
			}
			if c.again {
				on(t, dir, remake)
			}
			for range 2 {
				on(t, dir, func(conn *bus.Conn) {
					if names, err := conn.Consumers(t.Context(), "EDGES"); err != nil || !slices.Equal(names, []string{"step"}) {
						t.Errorf("consumers %q, %v, want step", names, err)
					}
					if state, err := conn.StreamState(t.Context(), "EDGES"); err != nil || state.Msgs != 1 {
						t.Errorf("%d messages, %v, want 1", state.Msgs, err)
					}
				})
			}
			for i, folder := range folders {
				if sum := contents(t, filepath.Join(folder, "meta.sum")); !c.again && sum != sums[i] {
					t.Errorf("checksum %q in %s, want the server's %q", sum, folder, sums[i])
				}
			}
		})
	}
}

// on starts a server on the folder for as long as f runs.
func on(t *testing.T, dir string, f func(*bus.Conn)) {
	t.Helper()
	s := bustest.Start(t, bus.ServerConfig{Dir: dir})
	defer s.Shutdown()
	f(bustest.Connect(t, s))
}

func erase(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
