//go:build linux

package faults

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// running is a job that was submitted, and what must become of it.
type running struct {
	scene *scene
	id    recipe.JobID
	out   string
	want  []byte
}

// submit submits a scene at whichever coordinator takes it; it has to within a minute.
func (c *cluster) submit(ctx context.Context, s *scene, lasts time.Duration) *running {
	c.t.Helper()
	r := &running{scene: s, out: "out-" + rand.Text()[:8] + ".txt", want: s.undisturbed(c.t, c.build)}
	file := c.file(ctx, s)
	key := rand.Text()
	sub := s.submission(file, r.out, lasts)
	j, err := again(ctx, c, func(ctx context.Context, i int) (coordinator.Job, error) { return c.apis[i].Submit(ctx, sub, key) })
	if err != nil {
		c.fatalf("submit %s: %v", s.name, err)
	}
	r.id = j.ID
	return r
}

// file puts the input of a scene where the workers of the cluster read, and returns what a
// recipe calls it.
func (c *cluster) file(ctx context.Context, s *scene) string {
	c.t.Helper()
	if s.url != "" {
		return s.url
	}
	if c.folder {
		name := "in-" + strings.ReplaceAll(s.name, " ", "-") + ".log"
		path := filepath.Join(c.root, name)
		if info, err := os.Stat(path); err == nil && info.Size() == int64(len(s.read())) {
			return name
		}
		if err := os.WriteFile(path, s.read(), 0o600); err != nil {
			c.t.Fatal(err)
		}
		return name
	}
	path := filepath.Join(c.dir, "in.log")
	if err := os.WriteFile(path, s.read(), 0o600); err != nil {
		c.t.Fatal(err)
	}
	ref, err := again(ctx, c, func(ctx context.Context, i int) (string, error) {
		a, err := c.apis[i].Upload(ctx, path)
		return a.Ref, err
	})
	if err != nil {
		c.fatalf("upload: %v", err)
	}
	return ref
}

// againFor is how long a call is tried at one coordinator after the other: a user would.
const againFor = 90 * time.Second

// again calls coordinators until one answers something else than that it can't now.
func again[T any](ctx context.Context, c *cluster, call func(ctx context.Context, i int) (T, error)) (v T, err error) {
	ctx, cancel := context.WithTimeout(ctx, againFor)
	defer cancel()
	for i := 0; ; i = (i + 1) % len(c.apis) {
		one, cancel := context.WithTimeout(ctx, 15*time.Second)
		v, err = call(one, i)
		cancel()
		if err == nil || coordinator.FamilyOf(err) != coordinator.Unavailable && one.Err() == nil && coordinator.FamilyOf(err) != "" {
			return v, err
		}
		if !pass(ctx, 200*time.Millisecond) {
			return v, fmt.Errorf("no coordinator answers: %w", err)
		}
	}
}

// pass lets time pass, and reports whether ctx goes on.
func pass(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// job asks how a job is.
func (c *cluster) job(ctx context.Context, id recipe.JobID) (coordinator.Job, error) {
	return again(ctx, c, func(ctx context.Context, i int) (coordinator.Job, error) { return c.apis[i].Job(ctx, id) })
}

// reaches waits until something holds of a job's state, and returns how it is then or when ctx
// ends. Of a job at rest a coordinator may not know yet that it goes on.
func (c *cluster) reaches(ctx context.Context, id recipe.JobID, holds func(recipe.JobState) bool) (j coordinator.Job, err error) {
	for {
		now, err := c.job(ctx, id)
		if err == nil {
			j = now
		}
		if err == nil && holds(j.State) || !pass(ctx, 200*time.Millisecond) {
			return j, err
		}
	}
}

// output reads what a job has written.
func (c *cluster) output(ctx context.Context, r *running) ([]byte, error) {
	if c.folder {
		return os.ReadFile(filepath.Join(c.root, r.out))
	}
	return again(ctx, c, func(ctx context.Context, i int) ([]byte, error) {
		all, _, err := c.apis[i].Artifacts(ctx, r.id, "")
		if err != nil {
			return nil, err
		}
		if len(all) != 1 {
			return nil, coordinator.Faultf(coordinator.Unknown, "the job has %d artifacts", len(all))
		}
		var b bytes.Buffer
		err = c.apis[i].Download(ctx, &all[0].Artifact, &b)
		return b.Bytes(), err
	})
}

// patience is how long a job may take behind the last strike.
const patience = 4 * time.Minute

// judge waits for the end of a job and asks every checker.
func (c *cluster) judge(ctx context.Context, r *running) (wrong []error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.patience, patience))
	defer cancel()
	j, err := c.reaches(ctx, r.id, recipe.JobState.Final)
	if err != nil {
		return []error{fmt.Errorf("stuck: nobody tells how job %s is: %w", r.id, err)}
	}
	if err := ended(&j); err != nil {
		return []error{fmt.Errorf("job %s: %w\n%s%s", r.id, err, steps(&j), c.stands(ctx, r.id))}
	}
	got, err := c.output(ctx, r)
	if err == nil {
		err = sameOutput(got, r.want)
	}
	if err != nil {
		wrong = append(wrong, fmt.Errorf("job %s: %w", r.id, err))
	}
	wrong = append(wrong, c.told(ctx, r.id, j.State)...)
	if err := conserved(j.Progress, int64(bytes.Count(r.scene.read(), newline)), int64(bytes.Count(r.want, newline)), int64(r.scene.dead)); err != nil {
		wrong = append(wrong, fmt.Errorf("job %s: %w", r.id, err))
	}
	if err := c.letters(ctx, r.id, r.scene.dead); err != nil {
		wrong = append(wrong, fmt.Errorf("job %s: %w", r.id, err))
	}
	return wrong
}

var newline = []byte("\n")

// steps is a line for each step of a job.
func steps(j *coordinator.Job) string {
	var b bytes.Buffer
	if j.Progress != nil {
		for _, s := range j.Progress.Steps {
			fmt.Fprintf(&b, "  %s: %d in, %d out, %d dead\n", s.Node, s.In, s.Out, s.Dead)
		}
	}
	return b.String()
}

// remove deletes jobs and waits until nothing is left of them.
func (c *cluster) remove(ctx context.Context, jobs []*running) error {
	var ids []recipe.JobID
	for _, r := range jobs {
		ids = append(ids, r.id)
		_, err := again(ctx, c, func(ctx context.Context, i int) (struct{}, error) {
			err := c.apis[i].Delete(ctx, r.id)
			if coordinator.FamilyOf(err) == coordinator.Unknown { // by a call that went unanswered
				err = nil
			}
			return struct{}{}, err
		})
		if err != nil {
			return fmt.Errorf("delete job %s: %w", r.id, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := orphans(ctx, c.conn, ids)
		if err == nil || !pass(ctx, 200*time.Millisecond) {
			return err
		}
	}
}
