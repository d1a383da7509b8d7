package contained

import (
	"context"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"sluice/client"
	"sluice/coordinator/auth"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/natsconf"
)

// coordinator starts a coordinator and returns a client with an admin's key.
func (s *servers) coordinator(t *testing.T, ctx context.Context) (testcontainers.Container, *client.Client) {
	t.Helper()
	c := s.service(t, ctx, "coordinator", "serves",
		[]string{"--projects", project + "=/etc/sluice/" + project, "--replicas", "3", "--listen", "0.0.0.0:8420", "--insecure-listen"},
		project+"/"+natsconf.SeedOf(natsconf.Coordinator), project+"/"+natsconf.SeedOf(natsconf.Control))
	url, err := c.(*testcontainers.DockerContainer).PortEndpoint(ctx, "8420/tcp", "http")
	if err != nil {
		t.Fatal(err)
	}
	api, err := client.New(client.Config{URL: url, Key: s.admin(t, ctx)})
	if err != nil {
		t.Fatal(err)
	}
	return c, api
}

// worker starts a worker that touches no file system.
func (s *servers) worker(t *testing.T, ctx context.Context, name string) testcontainers.Container {
	t.Helper()
	seed := project + "/" + natsconf.SeedOf(natsconf.Worker)
	return s.service(t, ctx, "worker", "works", []string{"--nats-nkey", "/etc/sluice/" + seed, "--name", name, "--concurrency", "2"}, seed)
}

// service starts a service of Sluice and waits until it says so in its log.
func (s *servers) service(t *testing.T, ctx context.Context, command, says string, flags []string, keys ...string) testcontainers.Container {
	t.Helper()
	return s.e.start(t, ctx, testcontainers.ContainerRequest{
		Image: s.e.sluice, Cmd: append([]string{command, "--nats", urls}, flags...), ExposedPorts: []string{"8420/tcp"},
		Networks: []string{s.network}, NetworkAliases: map[string][]string{s.network: {command}}, HostConfigModifier: s.files(t, "/etc/sluice", keys...),
		ConfigModifier: func(c *container.Config) { c.Hostname = command },
		WaitingFor:     wait.ForLog(says).WithStartupTimeout(2 * startWait),
	})
}

// admin makes the first key, as who holds the keys of the control plane can.
func (s *servers) admin(t *testing.T, ctx context.Context) string {
	t.Helper()
	url, err := s.url(ctx, "n1")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := bus.Dial(url, t.Name(), bus.As(natsconf.Control), bus.SeedFile(s.keys+"/"+project+"/"+natsconf.SeedOf(natsconf.Control)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	control, err := store.Open(ctx, store.Config{Conn: conn, Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	a, err := auth.New(auth.Config{Projects: []auth.Project{{Name: project, Control: control}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := control.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	keys, err := a.Keys(project)
	if err != nil {
		t.Fatal(err)
	}
	token, err := keys.EnsureAdmin(ctx, "admin")
	if err != nil {
		t.Fatal(err)
	}
	return token
}
