package crash

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/internal/figures"
	"sluice/internal/solo"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

// A test binary that finds workerURL in its environment is a worker instead.
const (
	workerURL  = "SLUICE_TEST_WORKER"
	workerName = "SLUICE_TEST_WORKER_NAME"
)

// workerMain serves jobs over TCP until it is killed.
func workerMain(url string) int {
	err := func() error {
		conn, err := bus.Dial(url, "worker")
		if err != nil {
			return err
		}
		defer conn.Close()
		root, err := os.OpenRoot(".")
		if err != nil {
			return err
		}
		defer root.Close()
		w, err := worker.New(worker.Config{Conn: conn, Catalogue: all.Catalogue(), Name: os.Getenv(workerName), Root: root,
			Log: hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr})})
		if err != nil {
			return err
		}
		return w.Run(context.Background())
	}()
	fmt.Fprintln(os.Stderr, "worker:", err)
	return 1
}

// crew is some workers in processes of their own.
type crew struct {
	t    *testing.T
	dir  string
	url  string
	mu   sync.Mutex
	made int
	all  []*process // guarded by mu
}

// hire starts one more worker.
func (c *crew) hire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	self, err := os.Executable()
	if err != nil {
		c.t.Error(err)
		return
	}
	c.made++
	p := &process{cmd: exec.Command(self), done: make(chan struct{}), began: time.Now()}
	p.cmd.Env = append(os.Environ(), workerURL+"="+c.url, fmt.Sprintf("%s=w%d", workerName, c.made))
	p.cmd.Dir, p.cmd.Stderr = c.dir, &p.stderr
	if err := p.cmd.Start(); err != nil {
		c.t.Error(err)
		return
	}
	go func() { defer close(p.done); _ = p.cmd.Wait() }()
	c.all = append(c.all, p)
}

// lose kills the worker that has served longest.
func (c *crew) lose() {
	c.mu.Lock()
	p := c.all[0]
	c.all = c.all[1:]
	c.mu.Unlock()
	p.kill()
}

func (c *crew) dismiss() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.all {
		p.kill()
		if c.t.Failed() {
			c.t.Logf("a worker said:\n%s", tail(p.stderr.String(), 3000))
		}
	}
}

// freeze stops the worker that has served longest for longer than its lease and its
// frames last, and lets it go on: it believes that it still has them.
func (c *crew) freeze() {
	c.mu.Lock()
	p := c.all[0]
	c.all = append(c.all[1:], p)
	c.mu.Unlock()
	_ = p.cmd.Process.Signal(syscall.SIGSTOP)
	time.AfterFunc(2*shortLease, func() { _ = p.cmd.Process.Signal(syscall.SIGCONT) })
}

// TestWorkersKilled kills workers in processes of their own, over TCP, while the
// coordinator lives.
func TestWorkersKilled(t *testing.T) {
	workersHarmed(t, some(t), kills(t), func(c *crew) {
		c.hire()
		c.lose()
	})
}

// TestWorkersFrozen freezes such workers until others have taken over, and wakes them.
func TestWorkersFrozen(t *testing.T) {
	workersHarmed(t, some(t), max(2, kills(t)/2), (*crew).freeze)
}

// workersHarmed runs scenes on two workers and harms one each time that the source has
// read on: at moments spread over 5 to 85 % of its records.
func workersHarmed(t *testing.T, these []*scene, times int, harm func(*crew)) {
	for _, s := range these {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			want := s.calm(t).want
			dir := t.TempDir()
			s.lay(t, dir)
			c := &crew{t: t, dir: dir}
			defer c.dismiss()
			read := make(chan int64, 1) // the last news
			over := make(chan struct{})
			var harming sync.WaitGroup
			harmed := 0
			harming.Go(func() {
				for n := int64(0); harmed < times; harmed++ { // several at once where news are rarer
					mark := int64(s.lines) * int64(5*times+80*harmed) / int64(100*times)
					for n < mark {
						select {
						case n = <-read:
						case <-over:
							return
						}
					}
					harm(c)
				}
			})
			began := time.Now()
			s.solo(t, dir, solo.Config{NoWorker: true, Listen: "127.0.0.1:0", Show: tells(read), Ready: func(url string) {
				c.url = url
				c.hire()
				c.hire()
			}})
			took := time.Since(began)
			close(over)
			harming.Wait()
			same(t, s.results(t, dir), want)
			figures.Note(t, "workers harmed %d times in %v, output identical", harmed, took.Round(time.Millisecond))
			if harmed < times {
				t.Errorf("workers were harmed %d times, want %d", harmed, times)
			}
		})
	}
}

// tells keeps in a channel how many records the source of a scene has read.
func tells(read chan int64) func(recipe.Progress) {
	return func(p recipe.Progress) {
		for _, step := range p.Steps {
			if step.Node != "lines" {
				continue
			}
			select {
			case <-read:
			default:
			}
			read <- step.Out
		}
	}
}
