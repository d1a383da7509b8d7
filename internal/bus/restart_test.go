package bus_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// A publisher, a puller and a tail live on while the server is stopped and started
// again on its folder and port: everything arrives, and the tail has no gap.
func TestSurvivesRestartOfTheServer(t *testing.T) {
	const total = 3000
	dir := t.TempDir()
	s := bustest.Start(t, bus.ServerConfig{Dir: dir, Listen: bustest.FreePorts(t, 1)[0]})
	url := s.URL()
	c := bustest.Dial(t, url)
	ensure(t, c, edges(10_000))
	ensure(t, c, ledger())
	consumer(t, c, bus.ConsumerConfig{Stream: "EDGES", Name: "step", Filter: "edge.a", AckWait: 2 * time.Second})

	arrived := make(chan string, 10*total)
	pull, err := c.NewPuller("EDGES", "step", func(m *bus.Message) { arrived <- string(m.Data); m.Ack() },
		func(err error) { t.Errorf("gone: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	defer pull.Stop()
	pull.Want(10 * total)
	tailed := make(chan string, 10*total)
	stop, err := c.Tail(bustest.Context(t), "LEDGER", "ledger.>", 0, func(m *bus.Stored) { tailed <- string(m.Data) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()

	half := make(chan struct{})
	var stored sync.WaitGroup
	stored.Add(1)
	go func() {
		defer stored.Done()
		putUntilStored(t, c, total, half)
	}()
	bustest.Wait(t, "half of the puts", half)
	s.Shutdown()
	bustest.Start(t, bus.ServerConfig{Dir: dir, Listen: url[len("nats://"):]})
	stored.Wait()

	seen := make(map[string]bool)
	for len(seen) < total {
		seen[bustest.Wait(t, "message", arrived)] = true
	}
	for i := range total {
		if got := bustest.Wait(t, "ledger entry", tailed); got != fmt.Sprint(i) {
			t.Fatalf("tail: got %s, want %d", got, i)
		}
	}
}

// putUntilStored puts each number into the edge and the ledger, again while the
// outcome is unknown, and tells when half are stored.
func putUntilStored(t *testing.T, c *bus.Conn, total int, half chan<- struct{}) {
	p := publisher(t, c)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	put := func(m bus.Put) {
		for range 100 {
			o := p.PutSync(t.Context(), m)
			switch {
			case o.Err == nil, errors.Is(o.Err, bus.ErrExists):
				return
			case !errors.Is(o.Err, bus.ErrTimeout) && !errors.Is(o.Err, bus.ErrNoStream):
				t.Errorf("put %s: %v", m.Subject, o.Err)
				return
			}
			select {
			case <-again.C:
			case <-t.Context().Done():
				return
			}
		}
		t.Errorf("put %s: not stored after 100 attempts", m.Subject)
	}
	for i := range total {
		put(bus.Put{Subject: "edge.a", Data: fmt.Append(nil, i), MsgID: fmt.Sprint(i)})
		put(bus.Put{Subject: fmt.Sprintf("ledger.%d", i), Data: fmt.Append(nil, i)})
		if i == total/2 {
			close(half)
		}
	}
}

func TestServerOpensNoPort(t *testing.T) {
	s := bustest.Server(t)
	if s.URL() != "" {
		t.Errorf("got %q, want no URL", s.URL())
	}
	if u := bustest.ServerTCP(t).URL(); u == "" {
		t.Error("got no URL of a server that listens")
	}
}

func TestServerTellsWhatIsWrong(t *testing.T) {
	if _, err := bus.StartServer(bus.ServerConfig{}); err == nil {
		t.Error("no folder: got no error")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.StartServer(bus.ServerConfig{Dir: filepath.Join(file, "x")}); err == nil {
		t.Error("folder below a file: got no error")
	}
	if _, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), Listen: "nonsense"}); err == nil {
		t.Error("address: got no error")
	}
	taken := bustest.ServerTCP(t).URL()[len("nats://"):]
	if _, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), Listen: taken}); err == nil {
		t.Error("port in use: got no error")
	}
}

func TestServerWantsItsToken(t *testing.T) {
	s := bustest.Start(t, bus.ServerConfig{Listen: "127.0.0.1:0", Token: "secret"})
	bustest.Connect(t, s)
	bustest.Dial(t, s.URL(), bus.Token("secret"))
	if c, err := bus.Dial(s.URL(), "intruder"); err == nil {
		c.Close()
		t.Error("without a token: got no error")
	}
}

// The folder is taken for as long as a server runs on it, also against another
// process, and free as soon as it is down.
func TestServerLocksItsFolder(t *testing.T) {
	if dir := os.Getenv("BUS_TEST_LOCKED"); dir != "" {
		if _, err := bus.StartServer(bus.ServerConfig{Dir: dir}); !errors.Is(err, bus.ErrLocked) {
			t.Errorf("other process: got %v, want %v", err, bus.ErrLocked)
		}
		return
	}
	dir := t.TempDir()
	s := bustest.Start(t, bus.ServerConfig{Dir: dir})
	if _, err := bus.StartServer(bus.ServerConfig{Dir: dir}); !errors.Is(err, bus.ErrLocked) {
		t.Errorf("same process: got %v, want %v", err, bus.ErrLocked)
	}
	other := exec.Command(os.Args[0], "-test.run=^TestServerLocksItsFolder$")
	other.Env = append(os.Environ(), "BUS_TEST_LOCKED="+dir)
	if out, err := other.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	s.Shutdown()
	s.Shutdown()
	bustest.Start(t, bus.ServerConfig{Dir: dir})
}
