package contained

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"sluice/internal/images"
)

// ofEngine is what an engine puts into each container.
var ofEngine = []string{".dockerenv", "dev/", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf", "proc/", "sys/"}

// TestImages looks into the images: each holds its program and what that needs, and runs it as
// nobody in particular, without a capability, a network or a place to write.
func TestImages(t *testing.T) {
	e := newEngine(t)
	system := []string{"data/", "etc/", "etc/group", "etc/passwd", "etc/ssl/", "etc/ssl/certs/", images.Certificates[1:], "tmp/"}
	for _, tt := range []struct{ image, program, ask, says string }{
		{e.sluice, "sluice", "version", version},
		{e.nats, "nats-server", "--version", "nats-server: v2."},
	} {
		t.Run(tt.program, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c := e.start(t, ctx, testcontainers.ContainerRequest{Image: tt.image, Cmd: []string{tt.ask}, WaitingFor: wait.ForExit(),
				HostConfigModifier: func(h *container.HostConfig) { h.NetworkMode = "none" }})
			if got := logs(ctx, c); !strings.Contains(got, tt.says) {
				t.Errorf("%s %s: got %q, want %q in it", tt.program, tt.ask, got, tt.says)
			}
			inspected, err := c.Inspect(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if inspected.State.ExitCode != 0 {
				t.Errorf("got exit code %d, want 0", inspected.State.ExitCode)
			}
			if got, want := inspected.Config.User, fmt.Sprintf("%d:%[1]d", images.User); got != want {
				t.Errorf("got user %q, want %q", got, want)
			}
			if got := inspected.Config.Labels["org.opencontainers.image.version"]; got != version {
				t.Errorf("got the version %q in the labels, want %q", got, version)
			}
			want := append(slices.Clone(system), tt.program)
			slices.Sort(want)
			if got := e.files(t, ctx, c); !slices.Equal(got, want) {
				t.Errorf("files of the image:\ngot  %q\nwant %q", got, want)
			}
		})
	}
}

// files are those of a container, without what is the engine's, sorted.
func (e *engine) files(t *testing.T, ctx context.Context, c testcontainers.Container) []string {
	t.Helper()
	archive, err := e.Client().ContainerExport(ctx, c.GetContainerID(), client.ContainerExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var all []string
	for r := tar.NewReader(archive); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch name := h.Name; {
		case name == "data/" && (h.Uid != images.User || h.Gid != images.User):
			t.Errorf("/data belongs to %d:%d, want %d", h.Uid, h.Gid, images.User)
		case name == "tmp/" && h.Mode&0o7777 != 0o1777:
			t.Errorf("/tmp has mode %o, want 1777", h.Mode)
		case name != "data/" && h.Uid != 0:
			t.Errorf("%s belongs to %d: the program could change it", name, h.Uid)
		}
		if !slices.ContainsFunc(ofEngine, func(p string) bool { return h.Name == p || strings.HasSuffix(p, "/") && strings.HasPrefix(h.Name, p) }) {
			all = append(all, h.Name)
		}
	}
	slices.Sort(all)
	return all
}
