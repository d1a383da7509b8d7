package library_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/library"
	"sluice/internal/bus/bustest"
	"sluice/nodes"
	"sluice/recipe"
)

func (d desk) submit(s library.Submission) coordinator.Job {
	d.t.Helper()
	job, again, err := d.Submit(d.ctx, s)
	if err != nil || again {
		d.t.Fatal(again, describe(err))
	}
	return job
}

// TestSubmit makes a job of a saved recipe, and knows the same submission again, by another
// coordinator and after the recipe has changed.
func TestSubmit(t *testing.T) {
	server := bustest.Server(t)
	d, other := open(t, bustest.Connect(t, server)), open(t, bustest.Connect(t, server))
	d.save("upper", upper)
	d.save("hashed", hashed)
	d.save("top", top)
	s := library.Submission{Owner: "ann", Key: "k 1", Recipe: "top", Params: map[string]any{"n": 3}, Labels: map[string]string{"team/a": "b c"}, Priority: -10,
		Deadline: noon.Add(time.Hour), Seed: 5}
	job := d.submit(s)
	if job.Recipe != "top" || job.Version != 1 || job.Owner != "ann" || job.Priority != -10 || !slices.Equal(job.Uses, []string{"hashed@1", "upper@1"}) || !job.Created.Equal(noon) {
		t.Errorf("got %+v", job)
	}
	spec, err := d.jobs.Spec(d.ctx, job.ID)
	if err != nil || spec.Source != top || spec.Plan.Seed != 5 || fmt.Sprint(spec.Params["n"]) != "3" || len(spec.Plan.Saved) != 2 {
		t.Errorf("got %+v, %v", spec, err)
	}
	d.save("top", top+"# 2\n")
	again, known, err := other.Submit(other.ctx, s)
	if err != nil || !known || again.ID != job.ID || again.Version != 1 {
		t.Errorf("got %+v, %v, %v; want the same job", again, known, err)
	}
	changed := s
	changed.Params = map[string]any{"n": 4}
	_, _, err = other.Submit(other.ctx, changed)
	fault(t, "the key for another", err, coordinator.Conflict, fmt.Sprintf("the idempotency key was used for another submission, job %s", job.ID))
	s.Owner = "bob"
	if got := d.submit(s); got.ID == job.ID || got.Version != 2 {
		t.Errorf("got %+v; a key is its owner's own", got)
	}
	s.Key = ""
	if a, b := d.submit(s), d.submit(s); a.ID == b.ID || a.ID == job.ID {
		t.Errorf("got %s and %s without a key, want two jobs", a.ID, b.ID)
	}
	fault(t, "used by a job", func() error { _, err := d.Delete(d.ctx, "top", 1, nil); return err }(), coordinator.Conflict,
		fmt.Sprintf("version 1 of the recipe top can't be deleted: it is run by job %s, which is pending", job.ID))
	d.save("top", plain)
	_, err = d.Delete(d.ctx, "upper", 1, nil)
	if err == nil || !strings.Contains(err.Error(), "version 1 of the recipe upper can't be deleted: it is used by the recipe hashed@1") {
		t.Errorf("got %v", err)
	}
	d.save("alone", upper)
	d.submit(library.Submission{Owner: "ann", Document: &library.Document{Label: "r.yaml",
		Text: "recipe: r\nnodes:\n  src: {kind: string_generator, config: {count: 3}}\n  up: {kind: 'recipe:alone', from: src}\n  out: {kind: printer, from: up}\n"}})
	_, err = d.Delete(d.ctx, "alone", 1, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "version 1 of the recipe alone can't be deleted: it is a part of job ") {
		t.Errorf("got %v", err)
	}
}

// TestBounds refuses what passes a bound.
func TestBounds(t *testing.T) {
	d := alone(t)
	many := map[string]string{}
	for i := range 33 {
		many[fmt.Sprint("l", i)] = ""
	}
	document := &library.Document{Text: plain}
	for _, c := range []struct {
		name   string
		s      library.Submission
		family coordinator.Family
		want   string
	}{
		{"nothing", library.Submission{}, coordinator.Invalid, "a submission names a saved recipe or brings a document, and not both"},
		{"both", library.Submission{Recipe: "r", Document: document}, coordinator.Invalid, "a submission names a saved recipe or brings a document, and not both"},
		{"priority", library.Submission{Document: document, Priority: 11}, coordinator.Invalid, "the priority is 11; it is from -10 to 10"},
		{"deadline", library.Submission{Document: document, Deadline: noon}, coordinator.Invalid, "the deadline 2026-01-02T12:00:00Z is over already"},
		{"labels", library.Submission{Document: document, Labels: many}, coordinator.TooLarge, "the job has 33 labels; at most 32 are allowed"},
		{"label", library.Submission{Document: document, Labels: map[string]string{"a b": ""}}, coordinator.Invalid,
			`"a b" can't be a label: its name has at most 63 letters, digits, dots, dashes, slashes and underscores`},
		{"label's value", library.Submission{Document: document, Labels: map[string]string{"a": "\n"}}, coordinator.Invalid,
			"the label a has a value of 1 bytes; it is printable text of at most 256"},
		{"key", library.Submission{Document: document, Key: strings.Repeat("x", 201)}, coordinator.Invalid,
			"the idempotency key has 201 bytes; it is printable text of at most 200"},
		{"values", library.Submission{Document: document, Params: map[string]any{"x": strings.Repeat("x", 256<<10)}}, coordinator.TooLarge,
			"the values for parameters have more than 262144 bytes together"},
		{"document", library.Submission{Document: &library.Document{Text: strings.Repeat("#", 8<<20+1)}}, coordinator.TooLarge,
			"the recipe and its files have 8388609 bytes; at most 8388608 are allowed"},
		{"kind", library.Submission{Document: &library.Document{Label: "x.yaml", Text: "nodes:\n  a: {kind: nobody_has_it}\n"}}, coordinator.Refused,
			"the recipe x.yaml has a fault\nx.yaml:2:13: SL201: unknown kind nobody_has_it; sluice kinds lists them"},
	} {
		_, err := d.Spec(d.ctx, c.s)
		fault(t, c.name, err, c.family, c.want)
	}
}

// TestLimit counts a user's jobs that have not ended.
func TestLimit(t *testing.T) {
	d := alone(t, func(c *library.Config) { c.PerUser = 2 })
	s := library.Submission{Owner: "ann", Document: &library.Document{Text: plain}}
	first := d.submit(s)
	d.submit(s)
	_, _, err := d.Submit(d.ctx, s)
	fault(t, "a third one", err, coordinator.OverLimit, "ann has 2 jobs that have not ended, and a user may have 2")
	s.Owner = "bob"
	d.submit(s)
	if err := d.jobs.WriteStatus(d.ctx, first.ID, coordinator.Status{State: recipe.JobSucceeded}); err != nil {
		t.Fatal(err)
	}
	s.Owner = "ann"
	d.submit(s)
}

// TestLimitAtOnce submits many jobs at once, at two coordinators and partly by one key: those
// beyond the limit are refused, or taken back.
func TestLimitAtOnce(t *testing.T) {
	server, few := bustest.Server(t), func(c *library.Config) { c.PerUser = 3 }
	at := []desk{open(t, bustest.Connect(t, server), few), open(t, bustest.Connect(t, server), few)}
	const n = 40
	type answer struct {
		id  recipe.JobID
		err error
	}
	answers := make(chan answer, n)
	for i := range n {
		s := library.Submission{Owner: "ann", Document: &library.Document{Text: plain}}
		if i%4 == 0 {
			s.Key = "k"
		}
		go func() {
			job, _, err := at[i%2].Submit(at[i%2].ctx, s)
			answers <- answer{job.ID, err}
		}()
	}
	got := map[recipe.JobID]bool{}
	for range n {
		switch a := bustest.Wait(t, "an answer", answers); coordinator.FamilyOf(a.err) {
		case "":
			got[a.id] = true
		case coordinator.OverLimit:
		default:
			t.Error(a.err)
		}
	}
	if len(got) == 0 || len(got) > 3 {
		t.Errorf("%d jobs were taken, want 3 at most, and one", len(got))
	}
	if err := at[0].control.Current(at[0].ctx); err != nil {
		t.Fatal(err)
	}
	at[0].jobs.All(func(j coordinator.Job) bool {
		if !got[j.ID] && j.Want != coordinator.WantGone {
			t.Errorf("job %s was refused and stays", j.ID)
		}
		return true
	})
}

// TestLimitAskedAgain: of two jobs at once one is over the limit. Who asks again under its key is
// told so again while that one is removed, and then gets a job when there is room.
func TestLimitAskedAgain(t *testing.T) {
	server, few := bustest.Server(t), func(c *library.Config) { c.PerUser = 1 }
	at := []desk{open(t, bustest.Connect(t, server), few), open(t, bustest.Connect(t, server), few)}
	back := 0
	for i := 0; back == 0 && i < 200; i++ {
		owner := fmt.Sprint("u", i)
		subs := [2]library.Submission{{Owner: owner, Key: "a", Document: &library.Document{Text: plain}}, {Owner: owner, Key: "b", Document: &library.Document{Text: plain}}}
		var jobs [2]coordinator.Job
		var errs [2]error
		var both sync.WaitGroup
		for k := range 2 {
			both.Go(func() { jobs[k], _, errs[k] = at[k].Submit(at[k].ctx, subs[k]) })
		}
		both.Wait()
		k := slices.IndexFunc(errs[:], func(err error) bool { return err != nil })
		if k < 0 || errs[1-k] != nil {
			t.Fatalf("got %v", errs)
		}
		ask := func() (coordinator.Job, bool, error) { return at[k].Submit(at[k].ctx, subs[k]) }
		_, _, err := ask()
		fault(t, "asked again", err, coordinator.OverLimit, owner+" has 1 jobs that have not ended, and a user may have 1")
		gone := recipe.JobID("")
		at[k].jobs.All(func(j coordinator.Job) bool {
			if j.Owner == owner && j.ID != jobs[1-k].ID {
				gone = j.ID
			}
			return true
		})
		if gone == "" {
			continue // it was refused before it was written
		}
		back++
		for _, id := range []recipe.JobID{jobs[1-k].ID, gone} {
			if err := at[k].jobs.WriteStatus(at[k].ctx, id, coordinator.Status{State: recipe.JobCancelled}); err != nil {
				t.Fatal(err)
			}
		}
		if err := at[k].jobs.Forget(at[k].ctx, gone); err != nil {
			t.Fatal(err)
		}
		if job, again, err := ask(); err != nil || again || job.Want != coordinator.WantRun {
			t.Errorf("behind its removal: got %+v, %v, %v", job, again, err)
		}
		if _, again, err := ask(); err != nil || !again {
			t.Errorf("once more: got %v, %v", again, err)
		}
	}
	if back == 0 {
		t.Error("no job was taken back: the test is of no use")
	}
}

// TestProvided refuses what names a secret or an artifact that is not there, when it is submitted and
// when it is retried, and takes back what was written while one was deleted.
func TestProvided(t *testing.T) {
	absent, asked := 0, 0 // absent from that question on
	there := func(context.Context, string) (bool, error) {
		asked++
		return asked < absent, nil
	}
	d := alone(t, func(c *library.Config) { c.Secret, c.Artifact = there, there })
	sum := strings.Repeat("0", 64)
	const signs = "nodes:\n  n: {kind: string_generator, config: {count: 1}}\n  h: {kind: hmac, from: n, config: {key: '${secret:tok}'}}\n  out: {kind: printer, from: h}\n"
	reads := "nodes:\n  in: {kind: file_reader, config: {path: 'artifact:" + sum + "/x'}}\n  out: {kind: printer, from: in}\n"
	for text, want := range map[string]string{
		signs: "the recipe names secret tok, which is not set; sluice secrets set tok",
		reads: "the recipe names artifact " + sum + ", which is not there; upload the file: sluice artifacts upload FILE",
	} {
		s := library.Submission{Owner: "ann", Key: fmt.Sprint(len(text)), Document: &library.Document{Text: text}}
		for _, at := range []int{1, 2} { // before it is written, and behind that
			absent, asked = at, 0
			_, _, err := d.Submit(d.ctx, s)
			fault(t, fmt.Sprint("at question ", at), err, coordinator.Conflict, want)
		}
		_, _, err := d.Submit(d.ctx, s)
		fault(t, "asked again", err, coordinator.Conflict, want)
		absent, asked, s.Key = 100, 0, ""
		job := d.submit(s)
		if err := d.jobs.WriteStatus(d.ctx, job.ID, coordinator.Status{State: recipe.JobFailed}); err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{1, 2} {
			absent, asked = at, 0
			_, _, err := d.Retry(d.ctx, library.Retrying{Job: job.ID, Owner: "ann"})
			fault(t, fmt.Sprint("a retry, at question ", at), err, coordinator.Conflict, want)
		}
	}
	d.jobs.All(func(j coordinator.Job) bool {
		if !j.State.Final() && j.Want != coordinator.WantGone {
			t.Errorf("job %s was refused and stays", j.ID)
		}
		return true
	})
}

// TestRetry runs a failed job once more.
func TestRetry(t *testing.T) {
	catalogue := (*nodes.Catalogue)(nil)
	d := alone(t, func(c *library.Config) {
		known := c.Catalogue
		c.Catalogue = func() *nodes.Catalogue {
			if catalogue != nil {
				return catalogue
			}
			return known()
		}
	})
	job := d.submit(library.Submission{Owner: "ann", Key: "k", Document: &library.Document{Text: plain}, Labels: map[string]string{"a": "b"}, Deadline: noon.Add(1), Seed: 9})
	r := library.Retrying{Job: job.ID, Owner: "bob", Key: "k"}
	retry := func() error { _, _, err := d.Retry(d.ctx, r); return err }
	fault(t, "a job that runs", retry(), coordinator.Conflict, fmt.Sprintf("job %s is pending: only a job that failed or was cancelled is retried", job.ID))
	state := func(s recipe.JobState) {
		if err := d.jobs.WriteStatus(d.ctx, job.ID, coordinator.Status{State: s}); err != nil {
			t.Fatal(err)
		}
	}
	state(recipe.JobSucceeded)
	fault(t, "a job that succeeded", retry(), coordinator.Conflict, fmt.Sprintf("job %s has succeeded: there is nothing to retry; submit its recipe again", job.ID))
	state(recipe.JobFailed)
	next, again, err := d.Retry(d.ctx, r)
	if err != nil || again || next.ID == job.ID || next.RetryOf != job.ID || next.Owner != "bob" || next.Labels["a"] != "b" || !next.Deadline.IsZero() || next.State != recipe.JobPending {
		t.Errorf("got %+v, %v, %v", next, again, err)
	}
	spec, err := d.jobs.Spec(d.ctx, next.ID)
	if err != nil || spec.Plan.Seed != 9 || spec.Source != plain {
		t.Errorf("got %+v, %v", spec, err)
	}
	if same, again, err := d.Retry(d.ctx, r); err != nil || !again || same.ID != next.ID {
		t.Errorf("the same key: got %+v, %v, %v", same, again, err)
	}
	if catalogue, err = nodes.NewCatalogue(); err != nil {
		t.Fatal(err)
	}
	r.Key = ""
	fault(t, "kinds that are gone", retry(), coordinator.Conflict,
		fmt.Sprintf("job %s can't be retried: node src ran another version of the kind string_generator than there is now; submit its recipe again", job.ID))
}

// TestDeadlineWithin: a deadline from now on is the same submission whenever it comes, and the job's
// is reckoned from when it was written down.
func TestDeadlineWithin(t *testing.T) {
	d := open(t, bustest.Connect(t, bustest.Server(t)))
	s := library.Submission{Owner: "ann", Key: "k", Document: &library.Document{Text: plain}, Within: time.Hour}
	job := d.submit(s)
	if !job.Deadline.Equal(noon.Add(time.Hour)) {
		t.Errorf("got the deadline %s", job.Deadline)
	}
	if same, again, err := d.Submit(d.ctx, s); err != nil || !again || same.ID != job.ID || !same.Deadline.Equal(job.Deadline) {
		t.Errorf("got %+v, %v, %v, want the same job", same, again, err)
	}
	s.Within++
	_, _, err := d.Submit(d.ctx, s)
	fault(t, "another time", err, coordinator.Conflict, fmt.Sprintf("the idempotency key was used for another submission, job %s", job.ID))
	s.Deadline, s.Key = noon.Add(time.Hour), ""
	_, _, err = d.Submit(d.ctx, s)
	fault(t, "both", err, coordinator.Invalid, "a deadline and deadline_in are given; one of them is meant")
}
