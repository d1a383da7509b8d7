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

// TestNoNATSServer connects to the port of an HTTP server, which waits to be asked, or has waited for
// long enough: what answers there is said to be no NATS server.
func TestNoNATSServer(t *testing.T) {
	for name, patience := range map[string]time.Duration{"closes": 100 * time.Millisecond, "waits": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(http.NotFoundHandler())
			s.Config.ReadHeaderTimeout = patience
			s.Start()
			defer s.Close()
			_, err := bus.Dial("nats://"+s.Listener.Addr().String(), "test")
			if !errors.Is(err, bus.ErrNotNATS) || !strings.Contains(err.Error(), s.Listener.Addr().String()) {
				t.Errorf("got %v, want that it is no NATS server", err)
			}
		})
	}
}
