package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
	"sluice/internal/daemon"
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

// TestLook: the start says what a server will keep, with the account's limits; what it can't know is
// a warning that says what to do, once; and where a server has not what is wanted, both are said.
func TestLook(t *testing.T) {
	s := bustest.Start(t, bus.ServerConfig{Accounts: []natsconf.Account{{Name: "a", Limits: natsconf.Limits{Store: 1 << 30, Memory: 32 << 20, Streams: 300, Consumers: 2000},
		Users: []natsconf.User{{Name: "u", Password: "p"}}}}})
	var text bytes.Buffer
	log := hclog.New(&hclog.LoggerOptions{Output: &text})
	conn := bustest.Connect(t, s, bus.User("u", "p"))
	if err := preflights(t.Context(), []daemon.Project{{Name: "one", Conn: conn}, {Name: "two", Conn: conn}}, bus.Needs{}, log); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{" replicas=1 ", " max_payload=2097152 ", " max_file=1073741824 ", " max_memory=33554432 ", " max_streams=300 ", " max_consumers=2000", "project=two",
		"[WARN]  when the server forces to disk", "--nats-system-nkey"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%s is missing in %s", want, &text)
		}
	}
	if n := strings.Count(text.String(), "[WARN]"); n != 1 {
		t.Errorf("%d warnings in %s, want 1", n, &text)
	}
	text.Reset()
	err := preflights(t.Context(), []daemon.Project{{Name: "one", Conn: conn}}, bus.Needs{Replicas: 3}, log)
	if want := `replicas="3 wanted, and there is 1 server"`; err == nil || !strings.Contains(text.String(), want) || strings.Count(text.String(), "NATS server") != 1 {
		t.Errorf("got %v, and %s, want %s", err, &text, want)
	}
}
