package audit_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/audit"
	"sluice/internal/bus/bustest"
)

// TestStrangersPushNobodyOut has an attacker without a key ask tens of thousands of times, from
// one address and from many, for days: what a user did is still in the log, and so is that
// somebody was refused, and how often.
func TestStrangersPushNobodyOut(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	var now atomic.Int64
	now.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	clock := func() time.Time { return time.Unix(0, now.Load()) }
	l := open(t, audit.Config{Conn: conn, MaxBytes: 256 << 10, Now: clock})
	stop := runs(t, l)
	for i := range 50 {
		write(t, l, coordinator.AuditEntry{Who: "ann", Key: "abc", Operation: "delete-job", Object: fmt.Sprint(i), Outcome: coordinator.Allowed})
	}
	long := strings.Repeat("x", 256)
	refuse := func(address string) {
		write(t, l, coordinator.AuditEntry{Address: address, Operation: "list-jobs", Outcome: coordinator.Denied, Reason: "the request has no key", Request: long, Origin: ""})
	}
	for i := range 10_000 {
		refuse(fmt.Sprintf("192.0.2.1:%d", i+1))
	}
	for i := range 10_000 {
		now.Add(int64(time.Minute))
		refuse(fmt.Sprintf("[2001:db8:%x::1]:9", i))
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	ann, strangers := 0, 0
	var sums []string
	for _, e := range list(t, l, coordinator.AuditFilter{Limit: 1000}).Entries {
		if e.Who == "ann" {
			ann++
			continue
		}
		strangers++
		if e.Reason != "the request has no key" {
			sums = append(sums, e.Reason)
		}
	}
	if ann != 50 || strangers == 0 || strangers > 40 {
		t.Errorf("got %d entries of ann, %d of strangers; want 50, at most 40", ann, strangers)
	}
	var summed, n int
	for _, text := range sums {
		if _, after, ok := strings.Cut(text, "it is the last of "); ok {
			_, _ = fmt.Sscan(after, &n)
		} else if _, err := fmt.Sscanf(text, "the request has no key, %d", &n); err != nil {
			t.Errorf("got %q", text)
		}
		summed += n
	}
	if all := summed + strangers - len(sums); all != 20_000 {
		t.Errorf("the log tells of %d refusals, want 20000: %q", all, sums)
	}
	if n := l.Lost(); n != 0 {
		t.Errorf("%d entries were lost", n)
	}
}

// TestStrangersInAMinute has the first refusal of an address at once, each operation for itself.
func TestStrangersInAMinute(t *testing.T) {
	l := open(t, audit.Config{Conn: bustest.Conn(t, bustest.InProcess)})
	stop := runs(t, l)
	for _, e := range []coordinator.AuditEntry{{Address: "192.0.2.1:1", Operation: "list-jobs"}, {Address: "192.0.2.1:2", Operation: "list-keys"}, {Address: "192.0.2.2:1", Operation: "list-jobs"}, {Address: "192.0.2.1:3", Operation: "list-jobs"}} {
		e.Outcome = coordinator.Denied
		write(t, l, e)
	}
	bustest.Eventually(t, "three entries", func() bool { return len(list(t, l, coordinator.AuditFilter{}).Entries) == 3 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if all := list(t, l, coordinator.AuditFilter{}).Entries; len(all) != 4 || !strings.Contains(all[0].Reason, "1 times more") {
		t.Errorf("got %+v, want the fourth in a sum", all)
	}
}

// TestUsersPushNobodyOut has a user who may do nothing try each operation tens of thousands of times, for
// days, with two keys: what another did is still in the log, and how often it was refused is, too.
func TestUsersPushNobodyOut(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	l := open(t, audit.Config{Conn: bustest.Conn(t, bustest.InProcess), MaxBytes: 512 << 10, Now: func() time.Time { return time.Unix(0, now.Load()) }})
	stop := runs(t, l)
	for i := range 50 {
		write(t, l, coordinator.AuditEntry{Who: "ann", Role: coordinator.Author, Operation: "delete-job", Object: fmt.Sprint(i), Outcome: coordinator.Allowed})
	}
	const all = 20_000
	for i := range all {
		if i > all/2 {
			now.Add(int64(time.Minute))
		}
		outcome := []coordinator.Outcome{coordinator.Denied, coordinator.Faulty, coordinator.Allowed}[i%3]
		write(t, l, coordinator.AuditEntry{Who: "vic", Role: coordinator.Viewer, Key: fmt.Sprint("k", i%2), Address: "192.0.2.1:1", Operation: fmt.Sprint("op-", i%100), Object: fmt.Sprint(i), Outcome: outcome, Reason: "no"})
	}
	write(t, l, coordinator.AuditEntry{Who: "bob", Operation: "list-keys", Outcome: coordinator.Denied, Reason: "no"})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	count, told := map[string]int{}, 0
	for _, e := range list(t, l, coordinator.AuditFilter{Limit: 1000}).Entries {
		count[e.Who]++
		n := 0
		if _, after, ok := strings.Cut(e.Reason, "it is the last of "); ok {
			_, _ = fmt.Sscan(after, &n)
		} else if _, err := fmt.Sscanf(e.Reason, "no, %d times more", &n); err != nil {
			n = 1
		}
		if e.Who == "vic" {
			told += n
		}
	}
	if count["ann"] != 50 || count["bob"] != 1 || count["vic"] == 0 || count["vic"] > 250 || told != all {
		t.Errorf("got entries %v, which tell of %d of vic; want 50 of ann, 1 of bob, at most 250 of vic that tell of %d", count, told, all)
	}
}

// TestUserInAMinute has each of a user's first refusals in the log, with what it was about.
func TestUserInAMinute(t *testing.T) {
	l := open(t, audit.Config{Conn: bustest.Conn(t, bustest.InProcess)})
	runs(t, l)
	for i := range 20 {
		write(t, l, coordinator.AuditEntry{Who: "ann", Role: coordinator.Author, Operation: "delete-job", Object: fmt.Sprint(i), Outcome: coordinator.Denied, Reason: "no"})
	}
	bustest.Eventually(t, "twenty entries", func() bool { return len(list(t, l, coordinator.AuditFilter{}).Entries) == 20 })
}
