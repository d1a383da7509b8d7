package contained

import (
	"context"
	"io"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/testcontainers/testcontainers-go"
)

// confine takes all rights that the programs do not need. What is written goes to the volumes
// of the image, if it has any.
func confine(h *container.HostConfig) {
	h.CapDrop, h.SecurityOpt, h.ReadonlyRootfs = []string{"ALL"}, []string{"no-new-privileges"}, true
}

// start runs a container and waits as its request says. When the test ends it is removed, and
// where the test failed what it logged last is shown.
func (e *engine) start(t *testing.T, ctx context.Context, r testcontainers.ContainerRequest) testcontainers.Container {
	t.Helper()
	more := r.HostConfigModifier
	r.HostConfigModifier = func(h *container.HostConfig) {
		confine(h)
		if more != nil {
			more(h)
		}
	}
	r.Labels = e.labels()
	c, err := e.RunContainer(ctx, r)
	if c != nil {
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), cleanWait)
			defer cancel()
			if t.Failed() {
				text := logs(ctx, c)
				t.Logf("%v %v:\n%s", r.Image, r.NetworkAliases, text[max(0, len(text)-6000):])
			}
			if seen, err := c.Inspect(ctx); err == nil {
				for _, m := range seen.Mounts {
					if m.Type == mount.TypeVolume {
						e.volumes = append(e.volumes, m.Name)
					}
				}
			}
			if err := testcontainers.TerminateContainer(c, testcontainers.StopContext(ctx), testcontainers.StopTimeout(0)); err != nil {
				t.Errorf("remove container: %v", err)
			}
		})
	}
	if err != nil {
		t.Fatalf("start %s: %v", r.Image, err)
	}
	return c
}

// maxLog bounds what is read of a container's log, in bytes.
const maxLog = 8 << 20

// logs returns what a container has written so far.
func logs(ctx context.Context, c testcontainers.Container) string {
	r, err := c.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxLog))
	if err != nil {
		return string(text) + err.Error()
	}
	return string(text)
}
