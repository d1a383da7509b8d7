package bus_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
)

// TestNoNATSServer connects to the port of an HTTP server: what answers there is said to be no NATS server.
func TestNoNATSServer(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ReadHeaderTimeout = 100 * time.Millisecond // as that of the API, which is longer
	s.Start()
	defer s.Close()
	_, err := bus.Dial("nats://"+s.Listener.Addr().String(), "test")
	if !errors.Is(err, bus.ErrNotNATS) || !strings.Contains(err.Error(), s.Listener.Addr().String()) {
		t.Errorf("got %v, want that it is no NATS server", err)
	}
}
