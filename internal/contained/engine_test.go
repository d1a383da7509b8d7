package contained

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
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
	sluice, nats string // names of the images
}

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
	e := &engine{DockerProvider: provider}
	e.sluice, e.nats = e.build(t, ctx, dir, "sluice"), e.build(t, ctx, dir, "nats")
	return e
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
		Context: dir, Repo: "sluice-test-" + target, Tag: strings.ToLower(rand.Text()[:12]), BuildLogWriter: &out,
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
