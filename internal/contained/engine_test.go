package contained

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"sluice/internal/images"
)

// Bounds of the engine's work.
const (
	engineWait = 10 * time.Second // for a sign of life
	buildWait  = 8 * time.Minute  // two programs from nothing, and two images
	cleanWait  = time.Minute
)

// TestMain tells testcontainers what it has to know of an engine on this machine, where nothing
// else is said: there is no image of its own that cleans up, and ports are published on loopback.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1", "TESTCONTAINERS_RYUK_DISABLED": "true"} {
		if os.Getenv(name) == "" {
			os.Setenv(name, value)
		}
	}
	os.Exit(m.Run())
}

// engine is the Docker engine with the images in it.
type engine struct {
	*testcontainers.DockerProvider
	run          string   // of the test: all that it makes in the engine is labelled with it
	sluice, nats string   // names of the images
	volumes      []string // that containers had
}

// label is the one of the run.
const label = "sluice-test"

func (e *engine) labels() map[string]string { return map[string]string{label: e.run} }

// version is what the program in the images says of itself.
const version = "contained"

// newEngine builds the images. The test is left out where no engine answers.
func newEngine(t *testing.T) *engine {
	t.Helper()
	if testing.Short() {
		t.Skip("left out: containers take minutes, and -short is given")
	}
	provider, err := reach(t.Context())
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatalf("no Docker engine answers: %v", err)
	case err != nil:
		t.Skipf("left out: no Docker engine answers: %v", err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), buildWait)
	defer cancel()
	dir := t.TempDir() + "/context"
	if err := images.Write(ctx, dir, version); err != nil {
		t.Fatal(err)
	}
	e := &engine{DockerProvider: provider, run: strings.ToLower(rand.Text()[:12])}
	t.Cleanup(func() { e.clean(t) }) // which is called when all else has been removed
	e.sluice, e.nats = e.build(t, ctx, dir, "sluice"), e.build(t, ctx, dir, "nats")
	return e
}

// clean holds the test to having left nothing in the engine.
func (e *engine) clean(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanWait)
	defer cancel()
	mine := make(client.Filters).Add("label", label+"="+e.run)
	containers, err := e.Client().ContainerList(ctx, client.ContainerListOptions{All: true, Filters: mine})
	if err != nil {
		t.Error(err)
	}
	for _, c := range containers.Items {
		t.Errorf("container %v of %s is left", c.Names, c.Image)
	}
	networks, err := e.Client().NetworkList(ctx, client.NetworkListOptions{Filters: mine})
	if err != nil {
		t.Error(err)
	}
	for _, n := range networks.Items {
		t.Errorf("network %s is left", n.Name)
	}
	volumes, err := e.Client().VolumeList(ctx, client.VolumeListOptions{})
	if err != nil {
		t.Error(err)
	}
	for _, v := range volumes.Items {
		if slices.Contains(e.volumes, v.Name) {
			t.Errorf("volume %s is left", v.Name)
		}
	}
}

// reach finds the engine. Its library panics where it finds none.
func reach(ctx context.Context) (p *testcontainers.DockerProvider, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	if p, err = testcontainers.NewDockerProvider(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, engineWait)
	defer cancel()
	if err = p.Health(ctx); err != nil {
		_ = p.Close()
	}
	return p, err
}

// build makes an image of a target, under a name that no other has, until the test ends.
func (e *engine) build(t *testing.T, ctx context.Context, dir, target string) string {
	t.Helper()
	said := version
	var out strings.Builder
	name, err := e.BuildImage(ctx, &testcontainers.ContainerRequest{FromDockerfile: testcontainers.FromDockerfile{
		Context: dir, Repo: "sluice-test-" + target, Tag: e.run, BuildLogWriter: &out,
		BuildArgs:            map[string]*string{"VERSION": &said, "NATS_VERSION": &said},
		BuildOptionsModifier: func(o *client.ImageBuildOptions) { o.Target = target },
		KeepImage:            true,
	}})
	if err != nil {
		t.Fatalf("build %s: %v\n%s", target, err, out.String())
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanWait)
		defer cancel()
		if _, err := e.Client().ImageRemove(ctx, name, client.ImageRemoveOptions{Force: true, PruneChildren: true}); err != nil {
			t.Errorf("remove image %s: %v", name, err)
		}
	})
	return name
}

// until repeats a question until the answer is yes. An error is no answer, and is shown when time
// is up: where servers are cut off, some questions find nobody.
func until(t *testing.T, ctx context.Context, what string, within time.Duration, yes func(context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		ok, err := yes(ctx)
		if ok && err == nil {
			return
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited %v until %s; last error: %v", within, what, last)
		case <-tick.C:
		}
	}
}
