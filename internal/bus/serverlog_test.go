package bus

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// TestRecoveryIsNoNews: what the server reads anew behind a kill is no line for users; other warnings are.
func TestRecoveryIsNoNews(t *testing.T) {
	var out bytes.Buffer
	l := &serverLog{log: hclog.New(&hclog.LoggerOptions{Output: &out, Level: hclog.Info})}
	l.Warnf("Filestore [%s] Recovering stream state from index errored: %v", "SLUICE_JOBS", "short index")
	l.Warnf("Filestore [%s] Recovering %s state from index errored: %v", "SLUICE_JOBS", "TTL", "no such file")
	l.Warnf("Filestore [%s] TTL state is outdated; attempting to recover using linear scan (seq %d to %d)", "SLUICE_JOBS", 1, 12)
	if out.Len() > 0 {
		t.Errorf("got %q", out.String())
	}
	l.Warnf("JetStream resource limits exceeded for server")
	if !strings.Contains(out.String(), "[INFO]") {
		t.Errorf("got %q, want the other warning", out.String())
	}
}
