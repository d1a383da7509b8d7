package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Bounds of traces.
const (
	exportWithin  = 10 * time.Second // one send, and its retries
	traceWithin   = 3 * time.Second  // of Close
	queuedSpans   = 2048             // beyond it spans are dropped
	spansAtOnce   = 512
	exportEvery   = 5 * time.Second
	complainEvery = time.Minute
	attributes    = 16 // of a span
	attributeText = 256
)

// TraceConfig says where traces go. The zero value sends none.
type TraceConfig struct {
	// Endpoint is the URL of a collector of OTLP over HTTP, "" for no traces; /v1/traces is added
	// to one without a path.
	Endpoint         string
	Service, Version string  // coordinator, worker or up
	Share            float64 // of the traces that begin here and are kept, 0 to 1
	Log              hclog.Logger
}

// Tracer makes spans and sends them. A nil Tracer makes none, and all its methods may be called.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// w3c reads and writes the traceparent header. Baggage is left alone: it may hold anything.
var w3c = propagation.TraceContext{}

// NewTracer returns a tracer, nil for none. It does not connect: a collector that is not there
// costs the spans that it would have got, a line in the log a minute, and nothing else.
func NewTracer(ctx context.Context, c TraceConfig) (*Tracer, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	url := strings.TrimSuffix(c.Endpoint, "/")
	if _, rest, _ := strings.Cut(url, "://"); !strings.Contains(rest, "/") {
		url += "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url), otlptracehttp.WithTimeout(exportWithin),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: exportWithin / 2, MaxElapsedTime: exportWithin}))
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	return newTracer(c, exporter), nil
}

func newTracer(c TraceConfig, exporter sdk.SpanExporter) *Tracer {
	p := sdk.NewTracerProvider(
		sdk.WithBatcher(&quiet{SpanExporter: exporter, log: c.Log}, sdk.WithMaxQueueSize(queuedSpans), sdk.WithMaxExportBatchSize(spansAtOnce),
			sdk.WithBatchTimeout(exportEvery), sdk.WithExportTimeout(exportWithin)),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Share))),
		sdk.WithRawSpanLimits(sdk.SpanLimits{AttributeCountLimit: attributes, AttributeValueLengthLimit: attributeText}),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "sluice-"+c.Service), attribute.String("service.version", c.Version))))
	return &Tracer{provider: p, tracer: p.Tracer("sluice")}
}

// Span begins a span and returns what ends it, with the error that what it stands for ended with.
// parent is a W3C traceparent of another process; with "" it is a child of ctx's span, if there is
// one. labels are names and values in turn: ids and words of the program, never a record, a
// secret or an error's text, which may quote either. The error makes the span a failed one, and
// its text is not kept.
func (t *Tracer) Span(ctx context.Context, parent, name string, labels ...string) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	if parent != "" {
		ctx = w3c.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
	}
	ctx, span := t.tracer.Start(ctx, name)
	if span.IsRecording() {
		for i := 0; i+1 < len(labels); i += 2 {
			span.SetAttributes(attribute.String(labels[i], labels[i+1]))
		}
	}
	return ctx, func(err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// TraceParent returns the W3C traceparent of ctx's span, "" where none is recorded: what a job's
// Spec keeps, for its run to be a part of the trace of its submission.
func TraceParent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// Close sends what is left, for 3 seconds at most.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, traceWithin)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// requestSpan is the span of a request to the API; of a nil Tracer it does nothing.
type requestSpan struct{ trace.Span }

// request begins the span of a request, as a part of its client's trace if it names one.
func (t *Tracer) request(ctx context.Context, r *http.Request) (context.Context, requestSpan) {
	if t == nil {
		return ctx, requestSpan{}
	}
	ctx = w3c.Extract(ctx, propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, requestSpan{span}
}

// end names the span for its operation: a path may hold what a user wrote.
func (s requestSpan) end(name string, status int) {
	if s.Span == nil {
		return
	}
	s.SetName(name)
	s.SetAttributes(attribute.String("operation", name), attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		s.SetStatus(codes.Error, "")
	}
	s.End()
}
