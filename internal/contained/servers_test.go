package contained

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/nats-io/nats.go"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"sluice/internal/bus/natsconf"
)

// servers are three NATS servers that store together, and what there is to reach them.
type servers struct {
	e       *engine
	network string
	keys    string // folder that natsconf.Setup has written
	nodes   map[string]testcontainers.Container
}

const (
	project = "default"
	// aliases of the servers in their network; their names among themselves, too.
	urls      = "nats://n1:4222,nats://n2:4222,nats://n3:4222"
	startWait = 30 * time.Second
)

// newServers starts the servers on a network of their own, with the accounts, the keys and the
// rights that sluice nats setup gives.
func newServers(t *testing.T, ctx context.Context, e *engine) *servers {
	t.Helper()
	s := &servers{e: e, network: newNetwork(t, ctx, e), keys: filepath.Join(t.TempDir(), "nats"), nodes: map[string]testcontainers.Container{}}
	limits := natsconf.DefaultLimits
	limits.Store = 4 << 30
	for _, name := range []string{"n1", "n2", "n3"} {
		conf := filepath.Join(s.keys, natsconf.ServerFile)
		if err := os.Remove(conf); err != nil && !errors.Is(err, os.ErrNotExist) { // that of the server before
			t.Fatal(err)
		}
		_, err := natsconf.Setup(s.keys, natsconf.Change{Projects: []string{project}, Limits: limits, Server: natsconf.Server{
			Name: name, Listen: "0.0.0.0:4222", StoreDir: "/data",
			Cluster: natsconf.Cluster{Name: "contained", Listen: "0.0.0.0:6222", Routes: []string{"nats-route://n1:6222", "nats-route://n2:6222", "nats-route://n3:6222"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		s.nodes[name] = e.start(t, ctx, testcontainers.ContainerRequest{
			Image: e.nats, ExposedPorts: []string{"4222/tcp", "8222/tcp"}, ConfigModifier: func(c *container.Config) { c.Hostname = name },
			Networks: []string{s.network}, NetworkAliases: map[string][]string{s.network: {name}},
			Cmd:                []string{"-c", "/etc/nats/" + natsconf.ServerFile, "-m", "8222"},
			HostConfigModifier: s.files(t, "/etc/nats", natsconf.ServerFile, natsconf.AccountsFile, natsconf.SizesFile),
			// Not yet that it is ready, which takes a second one.
			WaitingFor: wait.ForLog("Listening for route connections").WithStartupTimeout(startWait),
		})
	}
	until(t, ctx, "the servers are one", startWait, func(ctx context.Context) (bool, error) {
		_, err := s.ask(ctx, "n1", "$JS.API.INFO") // which the leader of them all answers
		return err == nil, err
	})
	return s
}

// newNetwork makes a network until the test ends.
func newNetwork(t *testing.T, ctx context.Context, e *engine) string {
	t.Helper()
	name := fmt.Sprint("sluice-test-", time.Now().UnixNano())
	if _, err := e.Client().NetworkCreate(ctx, name, client.NetworkCreateOptions{Driver: "bridge", Labels: e.labels()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanWait)
		defer cancel()
		if _, err := e.Client().NetworkRemove(ctx, name, client.NetworkRemoveOptions{}); err != nil {
			t.Errorf("remove network: %v", err)
		}
	})
	return name
}

// files mounts files of the folder with keys, and nothing that can be written. They are readable
// to all there: the program is alone in it, and is not who owns them here.
func (s *servers) files(t *testing.T, to string, names ...string) func(*container.HostConfig) {
	t.Helper()
	from := t.TempDir()
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(s.keys, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return func(h *container.HostConfig) { h.Binds = append(h.Binds, from+":"+to+":ro") }
}

// url is where a server is reached from outside now: another port each time that it was cut off
// or killed.
func (s *servers) url(ctx context.Context, name string) (string, error) {
	return s.port(ctx, name, "4222/tcp", "nats")
}

func (s *servers) port(ctx context.Context, name, port, scheme string) (string, error) {
	return s.nodes[name].(*testcontainers.DockerContainer).PortEndpoint(ctx, port, scheme)
}

// leader asks any server for the one that leads a stream's replicas.
func (s *servers) leader(ctx context.Context, stream string) (string, error) {
	var faults []error
	for name := range s.nodes {
		c, err := s.ask(ctx, name, "$JS.API.STREAM.INFO."+stream)
		if err == nil && c.Leader != "" {
			return c.Leader, nil
		}
		faults = append(faults, fmt.Errorf("%s: %w", name, err))
	}
	return "", errors.Join(faults...)
}

// cluster is what a server knows of those that keep a stream.
type cluster struct{ Leader string }

// ask asks one server, on a connection of its own.
func (s *servers) ask(ctx context.Context, name, subject string) (c cluster, err error) {
	url, err := s.url(ctx, name)
	if err != nil {
		return c, err
	}
	key, err := nats.NkeyOptionFromSeed(filepath.Join(s.keys, project, natsconf.SeedOf(natsconf.Coordinator)))
	if err != nil {
		return c, err
	}
	nc, err := nats.Connect(url, key, nats.Timeout(2*time.Second), nats.NoReconnect(), nats.IgnoreDiscoveredServers())
	if err != nil {
		return c, err
	}
	defer nc.Close()
	m, err := nc.Request(subject, nil, 2*time.Second)
	if err != nil {
		return c, err
	}
	var answer struct {
		Error   *struct{ Description string }
		Cluster cluster
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return c, err
	case answer.Error != nil:
		return c, errors.New(answer.Error.Description)
	}
	return answer.Cluster, nil
}

// cut takes a server off the network: nobody hears of it any more, and it of nobody.
func (s *servers) cut(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	_, err := s.e.Client().NetworkDisconnect(ctx, s.network, client.NetworkDisconnectOptions{Container: s.nodes[name].GetContainerID(), Force: true})
	if err != nil {
		t.Fatalf("cut %s off: %v", name, err)
	}
}

// join puts a server back on the network.
func (s *servers) join(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	_, err := s.e.Client().NetworkConnect(ctx, s.network, client.NetworkConnectOptions{Container: s.nodes[name].GetContainerID(),
		EndpointConfig: &network.EndpointSettings{Aliases: []string{name}}})
	if err != nil {
		t.Fatalf("put %s back: %v", name, err)
	}
}

// kill kills a container's process with SIGKILL.
func (e *engine) kill(t *testing.T, ctx context.Context, c testcontainers.Container) {
	t.Helper()
	if _, err := e.Client().ContainerKill(ctx, c.GetContainerID(), client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		t.Fatalf("kill: %v", err)
	}
}
