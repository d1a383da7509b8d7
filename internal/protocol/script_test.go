package protocol

import (
	"fmt"
	"strings"
	"testing"

	"sluice/recipe"
)

// line is one line of a script: what happens, and what the machine asks for thereupon.
type line struct {
	when string
	do   func()
	want string
}

// play runs a script against a machine.
func play(t *testing.T, take func() []Action, script []line) {
	t.Helper()
	for i, l := range script {
		l.do()
		if got := words(take()); got != l.want {
			t.Fatalf("line %d, %s:\n got %q\nwant %q", i+1, l.when, got, l.want)
		}
	}
}

// words writes actions as a script has them: "commit 1; publish 1 0.0".
func words(acts []Action) string {
	var w []string
	for _, a := range acts {
		w = append(w, word(a))
	}
	return strings.Join(w, "; ")
}

func word(a Action) string {
	switch a.Op {
	case OpCompute:
		s := fmt.Sprintf("compute %d %s", a.ID, a.Verdict)
		if a.Follow != nil {
			s += " as written"
		}
		if a.Finish {
			s += " at the end"
		}
		return s
	case OpCommit:
		s := fmt.Sprintf("commit %d", a.ID)
		if a.Entry.Done {
			s += " done"
		}
		return s
	case OpLookup:
		return fmt.Sprintf("lookup %d", a.ID)
	case OpPublish:
		if a.Edge == DeadLetters {
			return fmt.Sprintf("letters %d", a.ID)
		}
		return fmt.Sprintf("publish %d %d.%d", a.ID, a.Edge, a.Part)
	case OpAck:
		return fmt.Sprintf("ack %d", a.ID)
	case OpBeat:
		return fmt.Sprintf("beat %d", a.ID)
	case OpMark:
		return fmt.Sprintf("mark %d", a.ID)
	case OpEffect:
		return fmt.Sprintf("effect %d %s", a.ID, a.Verdict)
	case OpWake:
		return fmt.Sprintf("wake %s", a.After)
	case OpCut:
		if a.Until >= 0 {
			return fmt.Sprintf("cut %d at %d to %d", a.N, a.Start, a.Until)
		}
		return fmt.Sprintf("cut %d at %d", a.N, a.Start)
	case OpSave:
		if a.Checkpoint != nil {
			return fmt.Sprintf("save %d", a.Checkpoint.Rev)
		}
		s := fmt.Sprintf("save %d at %d", a.SplitState.N, a.SplitState.Offset)
		if a.SplitState.Done {
			s += " done"
		}
		return s
	case OpRecall:
		return "recall"
	case OpReturn:
		return fmt.Sprintf("return after %s", a.After)
	case OpFinish:
		return "finish"
	case OpCapture:
		return fmt.Sprintf("capture %d", a.Checkpoint.Rev)
	case OpSeal:
		return "seal"
	case OpFail:
		return fmt.Sprintf("fail %d", a.ID)
	case OpRestart:
		return "restart"
	}
	return fmt.Sprintf("op %d", a.Op)
}

// frameAt is a frame of split 0 on lane 0.
func frameAt(n uint64, records int64) Frame {
	return Frame{Ord: recipe.Ordinal{N: n}, Records: records, Seq: n + 1}
}

// carrying is the entry of a step with one output port and one part.
func carrying(n uint32) *Entry { return &Entry{Counts: [][]uint32{{n}}} }
