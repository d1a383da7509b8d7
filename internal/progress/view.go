package progress

import (
	"fmt"
	"io"
	"time"

	"sluice/recipe"
)

// View shows the progress of one job. Its methods may be called from several
// goroutines.
type View interface {
	// Show takes the next snapshot.
	Show(recipe.Progress)
	// Close leaves the screen tidy. It takes the last snapshot, nil when no job was
	// run, and the exit code that the process will have. The summary is not its business.
	Close(last *recipe.Progress, exit int)
	// Guard returns a writer to w whose output does not tear what the view has drawn:
	// for printers and taps that share the terminal.
	Guard(w io.Writer) io.Writer
}

// Mode says how progress is shown.
type Mode string

// The modes.
const (
	Bar   Mode = "bar"
	Lines Mode = "lines"
	JSON  Mode = "json"
	None  Mode = "none"
)

// Config says where and how a view writes.
type Config struct {
	Mode  Mode
	Out   io.Writer
	Width func() int    // columns of the terminal, asked anew for every bar; nil is 80
	Every time.Duration // between lines or events, in job time; 0 is the mode's default
}

// New returns the view that cfg asks for.
func New(cfg Config) (View, error) {
	if cfg.Width == nil {
		cfg.Width = func() int { return 80 }
	}
	pick := func(def time.Duration) time.Duration {
		if cfg.Every > 0 {
			return cfg.Every
		}
		return def
	}
	switch cfg.Mode {
	case Bar:
		return &bar{out: cfg.Out, width: cfg.Width}, nil
	case Lines:
		return &lines{out: cfg.Out, pace: pace{every: pick(5 * time.Second)}}, nil
	case JSON:
		return &events{out: cfg.Out, pace: pace{every: pick(time.Second)}}, nil
	case None:
		return none{}, nil
	}
	return nil, fmt.Errorf("progress is shown as bar, lines, json or none, not as %q", cfg.Mode)
}

// pace lets a snapshot through when enough job time has passed or the state changed.
type pace struct {
	every time.Duration
	next  time.Duration
	state recipe.JobState
}

func (p *pace) due(s *recipe.Progress) bool {
	if s.State == p.state && s.Elapsed < p.next {
		return false
	}
	p.state, p.next = s.State, s.Elapsed+p.every
	return true
}

type none struct{}

func (none) Show(recipe.Progress)        {}
func (none) Close(*recipe.Progress, int) {}
func (none) Guard(w io.Writer) io.Writer { return w }
