package dead_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/compile"
	"sluice/coordinator/dead"
	"sluice/coordinator/job"
	"sluice/coordinator/lead"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

// service is a cluster with one coordinator and one worker.
type service struct {
	t      *testing.T
	ctx    context.Context
	dir    string
	broken atomic.Bool
	conn   *bus.Conn
	jobs   *store.Jobs
	turns  store.Table[dead.Turn]
	apart  store.Table[dead.Turn] // of a box that knows no turns of others
	box    *dead.Box
	gone   atomic.Bool // the kind that is broken is served by nobody now
}

type silent struct{}

// Emit implements lead.Events.
func (silent) Emit(coordinator.Event) {}

func (s *service) kinds(more ...nodes.Kind) *nodes.Catalogue {
	c, err := all.Catalogue().With(append(more, fragile(&s.broken))...)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func newService(t *testing.T) *service {
	server := bustest.Server(t)
	s := &service{t: t, ctx: bustest.Context(t), dir: t.TempDir(), conn: bustest.Connect(t, server)}
	if err := job.EnsureJobs(s.ctx, s.conn, 1); err != nil {
		t.Fatal(err)
	}
	control, err := store.Open(s.ctx, store.Config{Conn: s.conn})
	if err != nil {
		t.Fatal(err)
	}
	s.jobs, s.turns = store.NewJobs(control), store.NewTable[dead.Turn](control, "turn")
	s.apart = store.NewTable[dead.Turn](control, "apart")
	s.box = dead.NewBox(dead.BoxConfig{Conn: s.conn, Jobs: s.jobs, Turns: s.turns, Catalogue: func() *nodes.Catalogue { return s.kinds() }})
	leader := lead.New(lead.Config{Name: "c", Control: control}, lead.Project{Name: "p", Conn: s.conn, Jobs: s.jobs, Events: silent{},
		Missing: func(*recipe.Plan) string {
			if s.gone.Load() {
				return "nobody serves it"
			}
			return ""
		}})
	if err := control.Follow(s.ctx); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	conn := bustest.Connect(t, server)
	w, err := worker.New(worker.Config{Conn: conn, Catalogue: s.kinds(dead.Source(conn)), Name: "w", Root: root})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- leader.Run(ctx) }()
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		control.Close()
		root.Close()
	})
	return s
}

// submit submits a recipe; letters makes the letters of one frame one message or several.
func (s *service) submit(id, text string, records int) {
	s.t.Helper()
	plan, faults := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: s.kinds(), Frame: recipe.FrameLimits{Records: records}})
	if faults != nil {
		s.t.Fatal(faults)
	}
	spec := &coordinator.Spec{Job: recipe.JobID(id), Recipe: "numbers", Source: text, Plan: plan, Owner: "ann", Labels: map[string]string{"a": "b"}, Priority: 3, Created: time.Now().UTC()}
	if _, _, err := s.jobs.Submit(s.ctx, spec); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) ends(id recipe.JobID, want recipe.JobState) {
	s.t.Helper()
	bustest.Eventually(s.t, fmt.Sprintf("job %s is at its end", id), func() bool {
		j, err := s.jobs.Job(id)
		return err == nil && j.State.Final()
	})
	if j, _ := s.jobs.Job(id); j.State != want {
		s.t.Fatalf("job %s: got %s %s, want %s", id, j.State, j.Reason, want)
	}
}

// list reads all pages.
func (s *service) list(id recipe.JobID, f dead.Listing) (all []coordinator.DeadLetter) {
	s.t.Helper()
	for {
		page, err := s.box.List(s.ctx, id, f)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, page.Letters...)
		if f.After = page.Next; f.After == "" {
			return all
		}
	}
}

func (s *service) lines(name string) int {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

func (s *service) fault(what string, err error, family coordinator.Family, want string) {
	s.t.Helper()
	if got := coordinator.FamilyOf(err); got != family || err != nil && err.Error() != want {
		s.t.Errorf("%s: got %q: %v; want %q: %s", what, got, err, family, want)
	}
}

func (s *service) replay(r dead.Replaying) (*dead.Replayed, error) { return s.box.Replay(s.ctx, r) }

// TestBox lists, shows, replays and purges the letters of a job of the service.
func TestBox(t *testing.T) {
	for _, records := range []int{16, 240} {
		t.Run(fmt.Sprint(records), func(t *testing.T) { boxWorks(t, records) })
	}
}

func boxWorks(t *testing.T, records int) {
	s := newService(t)
	s.broken.Store(true)
	s.submit("one", numbers, records)
	s.ends("one", recipe.JobSucceeded)
	whole := s.list("one", dead.Listing{})
	total := len(whole)
	if written := s.lines("out.txt"); total < 500 || written+total != 3000 {
		t.Fatalf("got %d letters and %d lines, want 3000 together", total, written)
	}
	if paged := s.list("one", dead.Listing{Limit: 70, Node: "fragile"}); !slices.Equal(paged, whole) {
		t.Errorf("got %d letters page by page, want the same %d", len(paged), total)
	}
	letter := whole[3]
	one, err := s.box.Show(s.ctx, "one", letter.ID)
	if err != nil || one.DeadLetter != letter || letter.Node != "fragile" || letter.Reason != "it is broken" || one.Type != recipe.Int || one.Port != "in" || one.From == nil {
		t.Fatalf("got %+v, %v", one, err)
	}
	var n int
	if err := json.Unmarshal(one.Record, &n); err != nil || n%3 != 0 {
		t.Errorf("got the record %s, want one that is given up", one.Record)
	}
	s.refusals(letter.ID)

	// One letter by its id: it is broken still.
	made, err := s.replay(dead.Replaying{Job: "one", IDs: []string{letter.ID}, Owner: "bob"})
	if err != nil || len(made.Jobs) != 1 || made.Letters != 1 {
		t.Fatalf("got %+v, %v", made, err)
	}
	child := made.Jobs[0]
	if child.Parent != "one" || child.Owner != "bob" || child.Recipe != "numbers" || child.Labels["a"] != "b" || child.Priority != 3 {
		t.Errorf("got %+v", child)
	}
	s.ends(child.ID, recipe.JobSucceeded)
	again := s.list(child.ID, dead.Listing{})
	if len(again) != 1 || s.list("one", dead.Listing{})[3].Replayed != child.ID {
		t.Errorf("got the letters %+v of the replay", again)
	}
	_, err = s.replay(dead.Replaying{Job: "one", IDs: []string{letter.ID}})
	s.fault("a second time", err, coordinator.Conflict, fmt.Sprintf("dead letter %s has been replayed already, by job %s", letter.ID, child.ID))

	// All others, by a request that comes twice, and then the one letter of the replay.
	s.broken.Store(false)
	keyed := dead.Replaying{Job: "one", Owner: "bob", Key: "k"}
	if made, err = s.replay(keyed); err != nil || made.Letters != total-1 {
		t.Fatalf("got %+v, %v", made, err)
	}
	s.repeated(keyed, made)
	s.ends(made.Jobs[0].ID, recipe.JobSucceeded)
	s.repeated(keyed, made)
	if made, err = s.replay(dead.Replaying{Job: child.ID}); err != nil || made.Letters != 1 {
		t.Fatalf("got %+v, %v", made, err)
	}
	s.ends(made.Jobs[0].ID, recipe.JobSucceeded)
	if got := s.lines("out.txt"); got != 3000 {
		t.Errorf("got %d lines, want 3000", got)
	}
	if made, err = s.replay(dead.Replaying{Job: "one"}); err != nil || len(made.Jobs) != 0 {
		t.Errorf("when all were replayed: got %+v, %v", made, err)
	}
	if free := s.list("one", dead.Listing{Free: true}); len(free) != 0 {
		t.Errorf("got %d letters that no replay has", len(free))
	}
	s.purges(whole)
}

// repeated asks for a replay that was asked for before: it is answered as it was then.
func (s *service) repeated(r dead.Replaying, want *dead.Replayed) {
	s.t.Helper()
	got, err := s.replay(r)
	if err != nil || got.Letters != want.Letters || len(got.Jobs) != 1 || got.Jobs[0].ID != want.Jobs[0].ID {
		s.t.Errorf("the same again: got %+v, %v, want %+v", got, err, want)
	}
	r.Node = "fragile"
	_, err = s.replay(r)
	s.fault("another with its key", err, coordinator.Conflict, fmt.Sprintf("the idempotency key was used for another replay, job %s", want.Jobs[0].ID))
}

// refusals asks for what there is not.
func (s *service) refusals(letter string) {
	s.t.Helper()
	_, err := s.box.List(s.ctx, "none", dead.Listing{})
	s.fault("no job", err, coordinator.Unknown, "no such job: none")
	_, err = s.box.List(s.ctx, "one", dead.Listing{Node: "fragil"})
	s.fault("no node", err, coordinator.Invalid, `the job has no node "fragil"`)
	_, err = s.box.List(s.ctx, "one", dead.Listing{After: "x"})
	s.fault("no cursor", err, coordinator.Invalid, `the cursor is not one of this list: "x"`)
	for _, id := range []string{letter + "x", "x", "99.0-0-0.1"} {
		_, err = s.box.Show(s.ctx, "one", id)
		s.fault("no letter", err, coordinator.Unknown, fmt.Sprintf("job one has no dead letter %q", id))
		_, err = s.replay(dead.Replaying{Job: "one", IDs: []string{letter, id}})
		s.fault("no letter to replay", err, coordinator.Unknown, fmt.Sprintf("job one has no dead letter %q", id))
		_, err = s.box.Purge(s.ctx, "one", []string{letter, id})
		s.fault("no letter to purge", err, coordinator.Unknown, fmt.Sprintf("job one has no dead letter %q", id))
	}
}

// purges purges some letters and then all.
func (s *service) purges(whole []coordinator.DeadLetter) {
	s.t.Helper()
	some := []string{whole[0].ID, whole[1].ID, whole[5].ID}
	if n, err := s.box.Purge(s.ctx, "one", some); n != 3 || err != nil {
		s.t.Fatalf("got %d, %v", n, err)
	}
	left := s.list("one", dead.Listing{Limit: 100})
	if len(left) != len(whole)-3 || left[0].ID != whole[2].ID {
		s.t.Errorf("got %d letters from %s, want %d from %s", len(left), left[0].ID, len(whole)-3, whole[2].ID)
	}
	_, err := s.box.Purge(s.ctx, "one", some[:1])
	s.fault("purged twice", err, coordinator.Unknown, fmt.Sprintf("job one has no dead letter %q", some[0]))
	if n, err := s.box.Purge(s.ctx, "one", nil); n != len(whole)-3 || err != nil {
		s.t.Errorf("got %d, %v, want the other %d", n, err, len(whole)-3)
	}
	if left := s.list("one", dead.Listing{}); len(left) != 0 {
		s.t.Errorf("got %d letters, want none", len(left))
	}
	if n, err := s.box.Purge(s.ctx, "one", nil); n != 0 || err != nil {
		s.t.Errorf("got %d, %v of nothing", n, err)
	}
}

const twice = `recipe: twice
nodes:
  numbers: {kind: integer_generator, config: {count: 300, seed: 1}}
  a:       {kind: fragile, from: numbers, config: {}}
  b:       {kind: fragile, from: numbers, config: {}}
  texts:   {kind: to_string, from: [a, b]}
  out:     {kind: file_writer, from: texts, config: {path: out.txt}}
`

// TestReplaysInTurn runs one replay at a time of those that write the same file, keeps purges
// away meanwhile, and frees what a replay had that was cancelled.
func TestReplaysInTurn(t *testing.T) {
	s := newService(t)
	s.broken.Store(true)
	s.gone.Store(true)
	s.submit("one", twice, 16)
	_, err := s.replay(dead.Replaying{Job: "one"})
	s.fault("before its end", err, coordinator.Conflict, "job one is pending: its dead letters are replayed when it is at its end")
	_, err = s.box.Purge(s.ctx, "one", nil)
	s.fault("before its end", err, coordinator.Conflict, "job one is pending: its dead letters are purged when it is at its end")
	if page, err := s.box.List(s.ctx, "one", dead.Listing{Node: "a"}); err != nil || len(page.Letters) != 0 {
		t.Errorf("a job that never ran: got %+v, %v", page, err)
	}
	s.gone.Store(false)
	s.ends("one", recipe.JobSucceeded)
	total := len(s.list("one", dead.Listing{Node: "a"}))
	s.broken.Store(false)
	s.gone.Store(true)
	made, err := s.replay(dead.Replaying{Job: "one"})
	if err != nil || len(made.Jobs) != 1 || made.Letters != total || !slices.Equal(made.Later, []string{"b"}) {
		t.Fatalf("got %+v, %v", made, err)
	}
	child := made.Jobs[0].ID
	_, err = s.replay(dead.Replaying{Job: "one"})
	s.fault("at the same time", err, coordinator.Conflict, fmt.Sprintf("the dead letters of job one can't be replayed now: job %s writes the same files", child))
	_, err = s.box.Purge(s.ctx, "one", nil)
	s.fault("purge", err, coordinator.Conflict, fmt.Sprintf("the dead letters of job one can't be purged: job %s replays some", child))
	if _, err := s.jobs.Order(s.ctx, child, coordinator.Order{Want: coordinator.WantCancel}, 0); err != nil {
		t.Fatal(err)
	}
	s.ends(child, recipe.JobCancelled)
	s.gone.Store(false)
	for _, later := range []int{1, 0} {
		if made, err = s.replay(dead.Replaying{Job: "one"}); err != nil || made.Letters != total || len(made.Later) != later {
			t.Fatalf("got %+v, %v", made, err)
		}
		s.ends(made.Jobs[0].ID, recipe.JobSucceeded)
	}
	if got := s.lines("out.txt"); got != 600 {
		t.Errorf("got %d lines, want 600", got)
	}
}
