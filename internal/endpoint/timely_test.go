package endpoint_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/internal/endpoint"
)

// TestTimelyIsFair lets a handler take longer than the wait between what it reads and writes, with
// both versions of HTTP: that is not the client's time.
func TestTimelyIsFair(t *testing.T) {
	const wait = 100 * time.Millisecond
	idle := func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 3*wait)
		defer cancel()
		<-ctx.Done()
	}
	for _, two := range []bool{false, true} {
		s := httptest.NewUnstartedServer(endpoint.Timely(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			half := make([]byte, 100<<10)
			idle(r.Context())
			_, err := io.ReadFull(r.Body, half)
			idle(r.Context())
			if err == nil {
				_, err = io.Copy(io.Discard, r.Body)
			}
			if err != nil {
				t.Error(err)
			}
			for range 2 {
				idle(r.Context())
				if _, err := w.Write(half); err != nil || r.Context().Err() != nil {
					t.Error(err, r.Context().Err())
				}
				w.(http.Flusher).Flush()
			}
			idle(r.Context())
		}), wait))
		s.EnableHTTP2 = two
		s.StartTLS()
		resp, err := s.Client().Post(s.URL, "text/plain", strings.NewReader(strings.Repeat("a", 200<<10)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || len(got) != 200<<10 || (resp.ProtoMajor == 2) != two {
			t.Errorf("%s: got %d bytes, %v", resp.Proto, len(got), err)
		}
		s.Close()
	}
}
