package lead

import (
	"os"
	"os/exec"
	"testing"
)

// process starts one that lives until it is killed, and returns it as it would say of itself.
func process(t *testing.T, as holder) (holder, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command("cat")
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	start, err := started(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return holder{Beside: as.Beside, PID: cmd.Process.Pid, Start: start}, cmd
}

// TestGone: a process is gone when it was seen by the same numbers and has ended, or when another
// has its number. All else may still be there.
func TestGone(t *testing.T) {
	me := self()
	if me.Beside == "" {
		t.Skip("this machine does not tell which process is which")
	}
	if me.PID != os.Getpid() || me.Start == 0 || me.gone(me) {
		t.Errorf("got %+v of this process, gone: %v", me, me.gone(me))
	}
	h, cmd := process(t, me)
	other := h
	other.Start++
	if !other.gone(me) {
		t.Error("its number is another's now, and it is not gone")
	}
	if h.gone(me) {
		t.Error("it is gone, and lives")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if !h.gone(me) {
		t.Error("it was killed, and is not gone")
	}
	elsewhere := h
	elsewhere.Beside += " of another machine"
	for _, h := range []holder{elsewhere, {}, {PID: h.PID}, {Beside: me.Beside}, {Beside: me.Beside, PID: -1}} {
		if h.gone(me) || h.gone(holder{}) {
			t.Errorf("%+v is said to be gone, which nobody knows", h)
		}
	}
}
