package job

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/protocol"
)

// TestStoppingIsNoTrouble ends the context while a fold is to be written and the ledger to be
// purged: nothing is logged that a person would have to look at.
func TestStoppingIsNoTrouble(t *testing.T) {
	var log bytes.Buffer
	c := config(t, oneSource)
	c.Log = hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: &log})
	r := provisioned(t, c)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	r.owed = time.Now()
	_ = r.fold(ctx)
	_ = r.unfolded(ctx, ctx.Err())
	r.purges, r.tried = []protocol.Purge{{Source: 0, Below: 2, Count: 1}}, true
	r.purge(ctx)
	if _, err := r.last(ctx, ending{state: "failed"}); err != nil {
		t.Error(err)
	}
	if log.Len() > 0 {
		t.Errorf("got log\n%s", log.String())
	}
}
