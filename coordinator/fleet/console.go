package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// maxPrinted bounds the text of one event; workers keep well below it.
const maxPrinted = 64 << 10

// printed makes an event of what a printer of a job has printed, whole lines, several in one, and of
// the faults that a node of it met.
func (f *Fleet) printed(subject string, data []byte) {
	if !f.tells() {
		return
	}
	var p bus.Printed
	if err := json.Unmarshal(data, &p); err != nil || len(p.Text) > maxPrinted {
		f.log.Warn("what a printer printed makes no sense", "subject", subject, "err", err)
		return
	}
	e := coordinator.Event{Job: bus.ConsoleOf(subject), Type: coordinator.EventPrint, Level: coordinator.LevelInfo, At: time.Now().UTC(), Node: p.Node,
		Text: strings.TrimSuffix(p.Text, "\n")}
	if p.Faults > 0 {
		e.Type, e.Level, e.Text = coordinator.EventError, coordinator.LevelWarning, p.Text
		if p.Faults > 1 {
			e.Text = fmt.Sprintf("%d faults, the last: %s", p.Faults, p.Text)
		}
		e.Data = map[string]any{"faults": p.Faults, "worker": p.Worker}
		f.cfg.Emit(e)
		return
	}
	if p.Text != "" {
		f.cfg.Emit(e)
	}
	if p.Lost > 0 {
		e.Level, e.Text = coordinator.LevelWarning, fmt.Sprintf("%d lines are not shown: more came than a console takes", p.Lost)
		f.cfg.Emit(e)
	}
}
