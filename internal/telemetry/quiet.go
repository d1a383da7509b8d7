package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// quiet is an exporter whose errors go to the service's log, and not too often. The SDK would
// hand them to a handler that all of the process shares.
type quiet struct {
	sdk.SpanExporter
	log hclog.Logger

	mu   sync.Mutex
	said time.Time // guarded by mu
	lost int       // spans since then; guarded by mu
}

// ExportSpans implements sdktrace.SpanExporter.
func (q *quiet) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := q.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost += len(spans); time.Since(q.said) >= complainEvery {
		q.log.Warn("traces were not sent", "spans", q.lost, "err", err)
		q.said, q.lost = time.Now(), 0
	}
	return nil
}
