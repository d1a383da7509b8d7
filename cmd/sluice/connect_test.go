package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// TestPatiently: a start is tried again while servers can't answer now, for a while; what is
// wrong by itself ends it at once, and so does who told it to end.
func TestPatiently(t *testing.T) {
	wrong := errors.New("the folder is not there")
	for _, row := range []struct {
		name  string
		errs  []error // of the attempts in turn; the last of all that come
		tries int     // -1: more than a few
		err   error
	}{
		{"at once", []error{nil}, 1, nil},
		{"no leader", []error{fmt.Errorf("stream: %w", bus.ErrTimeout), bus.ErrNoStream, nil}, 3, nil},
		{"keys can't be proved", []error{coordinator.Faultf(coordinator.Unavailable, "keys"), nil}, 2, nil},
		{"wrong", []error{wrong}, 1, wrong},
		{"wrong behind an election", []error{bus.ErrDisconnected, wrong}, 2, wrong},
		{"for ever", []error{bus.ErrTimeout}, -1, bus.ErrTimeout},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries, began := 0, time.Now()
				err := patiently(t.Context(), hclog.NewNullLogger(), func() error {
					tries++
					return row.errs[min(tries, len(row.errs))-1]
				})
				if !errors.Is(err, row.err) || row.err == nil && err != nil || row.tries > 0 && tries != row.tries || row.tries < 0 && tries < 10 {
					t.Errorf("got %v behind %d attempts", err, tries)
				}
				if d := time.Since(began); d > startWithin+startAgain {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := patiently(ctx, hclog.NewNullLogger(), func() error { cancel(); return bus.ErrTimeout })
	if err == nil || startEnds(ctx, err) != nil || startEnds(t.Context(), err) == nil {
		t.Errorf("told to end: got %v", err)
	}
}
