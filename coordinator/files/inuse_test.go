package files_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/files"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// withJobs opens a project's artifacts and jobs as one more coordinator does. between, where it is
// not nil, is called behind each look at who uses a content.
func withJobs(t *testing.T, conn *bus.Conn, between func()) (*files.Store, *store.Jobs) {
	t.Helper()
	ctx := bustest.Context(t)
	control, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	jobs := store.NewJobs(control)
	used := files.UsedBy(jobs, nil)
	s, err := files.New(ctx, files.Config{Conn: conn, Control: control, Using: func(ctx context.Context, sum string) (string, error) {
		why, err := used(ctx, sum)
		if between != nil {
			between()
		}
		return why, err
	}})
	if err == nil {
		err = control.Follow(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(control.Close)
	return s, jobs
}

// reads submits a job that reads an artifact.
func reads(t *testing.T, jobs *store.Jobs, id recipe.JobID, a coordinator.Artifact) {
	t.Helper()
	plan := &recipe.Plan{Recipe: "r", Steps: []recipe.Step{{Node: "in", Kind: "file_reader", Config: []byte(`{"path":"` + a.Ref() + `"}`)}}}
	if _, _, err := jobs.Submit(bustest.Context(t), &coordinator.Spec{Job: id, Recipe: "r", Plan: plan, Owner: "ann", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

// TestDeleteReadElsewhere deletes at one coordinator what a job reads that another one has answered
// a moment before.
func TestDeleteReadElsewhere(t *testing.T) {
	server := bustest.Server(t)
	a, _ := withJobs(t, bustest.Connect(t, server), nil)
	_, there := withJobs(t, bustest.Connect(t, server), nil)
	for i := range 50 {
		one := upload(t, a, "f", []byte(fmt.Sprint("content ", i)))
		reads(t, there, recipe.JobID(fmt.Sprint("job", i)), one)
		family(t, "delete what is read", a.Delete(bustest.Context(t), one.ID, 0), coordinator.Conflict)
	}
}

// TestDeleteReadMeanwhile has a job written that reads an artifact between the look at who does and
// the removal: the artifact stays, also with a sweep in between.
func TestDeleteReadMeanwhile(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	other, there := withJobs(t, bustest.Connect(t, server), nil)
	var one coordinator.Artifact
	looks := 0
	a, _ := withJobs(t, bustest.Connect(t, server), func() {
		switch looks++; looks {
		case 1:
			reads(t, there, "one", one)
		case 2:
			if err := other.Sweep(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	data := content(chunk+1, 1)
	one = upload(t, a, "f", data)
	family(t, "delete what is read since", a.Delete(ctx, one.ID, 0), coordinator.Conflict)
	if has, err := other.Has(ctx, one.SHA256); !has || err != nil || looks < 2 {
		t.Errorf("got %v, %v behind %d looks, want it to be there", has, err, looks)
	}
	if back, err := a.Artifact(one.ID); err != nil || back.Owner != "ann" || !bytes.Equal(read(t, a, back), data) {
		t.Errorf("got %+v, %v", back, err)
	}
}

// TestJobRemovedReadMeanwhile deletes a job while another one is written that reads what it has made.
func TestJobRemovedReadMeanwhile(t *testing.T) {
	c, ctx := newCluster(t, coordinator.FileLimits{}), bustest.Context(t)
	c.worker(nil, nil)
	in := upload(t, c.files, "in.log", log(500))
	c.submit("one", reference, map[string]string{"log": in.Ref()})
	c.until("one", recipe.JobSucceeded)
	a, data := c.made("one")
	_, there := withJobs(t, bustest.Connect(t, c.server), nil)
	looks := 0
	s, _ := withJobs(t, bustest.Connect(t, c.server), func() {
		if looks++; looks == 1 {
			reads(t, there, "two", a)
		}
	})
	if err := s.Remove(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	kept, err := s.Artifact(a.SHA256)
	if err != nil || kept.Job != "" || !bytes.Equal(read(t, s, kept), data) {
		t.Errorf("got %+v, %v, want it as an upload", kept, err)
	}
}

// TestEachOwnerHasIt uploads a content twice, as two users: each has it, and may delete it alone.
func TestEachOwnerHasIt(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	s, ctx, data := open(t, conn, files.Config{}), bustest.Context(t), content(chunk+1, 1)
	one := upload(t, s, "f", data)
	_, two, err := s.Begin(ctx, coordinator.Upload{Name: "g", Size: one.Size, SHA256: one.SHA256, Owner: "bob"})
	if err != nil || two == nil || two.ID == one.ID || two.Owner != "bob" || two.Name != "g" || chunks(t, conn) != 2 {
		t.Fatalf("got %+v, %v in %d chunks", two, err, chunks(t, conn))
	}
	if use := s.Use(); use.Number != 2 || use.Bytes != one.Size {
		t.Errorf("got %+v", use)
	}
	if err := s.Delete(ctx, one.ID, 0); err != nil {
		t.Fatal(err)
	}
	if left, err := s.Artifact(one.SHA256); err != nil || left.ID != two.ID || !bytes.Equal(read(t, s, left), data) {
		t.Errorf("got %+v, %v", left, err)
	}
	if err := s.Delete(ctx, two.ID, 0); err != nil || chunks(t, conn) != 0 {
		t.Errorf("got %v, %d chunks are left", err, chunks(t, conn))
	}
	if has, err := s.Has(ctx, one.SHA256); has || err != nil {
		t.Errorf("got %v, %v", has, err)
	}
}
