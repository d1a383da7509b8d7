package settings

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/endpoint"
)

// TestUse takes a command line to what the services are made of.
func TestUse(t *testing.T) {
	c, err := parseLine(t, environment(), "worker", "--log-format=json", "--log-level=warn", "--otlp-endpoint=http://127.0.0.1:4318", "--trace-share=0.5",
		"--allow-net=10.0.0.0/8", "--concurrency=3", "--metrics-listen=0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &c.Worker
	var out bytes.Buffer
	log := w.Logger("worker", &out)
	log.Info("quiet")
	log.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `"@message":"loud"`) || !strings.Contains(got, `"@module":"worker"`) {
		t.Errorf("logged %s", got)
	}
	if tr := w.Traces("worker", "v1", log); tr.Endpoint != "http://127.0.0.1:4318" || tr.Share != 0.5 || tr.Service != "worker" {
		t.Errorf("got %+v", tr)
	}
	if fmt.Sprint(w.Networks()) != "[10.0.0.0/8]" || w.Concurrency != 3 {
		t.Errorf("got %v, %d", w.Networks(), w.Concurrency)
	}
	if _, err := endpoint.Listen(t.Context(), w.At(w.MetricsListen, "the metrics", log)); !errors.Is(err, endpoint.ErrExposed) || !strings.HasPrefix(err.Error(), "the metrics ") {
		t.Errorf("got %v", err)
	}
	c, err = parseLine(t, environment(), "worker", "--insecure-listen")
	if err != nil {
		t.Fatal(err)
	}
	l, err := endpoint.Listen(t.Context(), c.Worker.At("0.0.0.0:0", "the metrics", log))
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if !strings.Contains(out.String(), "without TLS") {
		t.Errorf("logged %s", out.String())
	}
}
