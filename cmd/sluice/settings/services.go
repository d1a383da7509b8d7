package settings

import "fmt"

// Coordinator is what `sluice coordinator` can be told.
type Coordinator struct {
	Name string `placeholder:"NAME" help:"Name of this coordinator among the others; without it, the name of the host." group:"Service:"`
	Common
	NATS
	Projects   []Project `placeholder:"NAME=FILE" help:"A project and the NATS credentials that the coordinator has there. Without any there is one, default, with the credentials above." group:"NATS:"`
	SystemNkey string    `name:"nats-system-nkey" placeholder:"FILE" help:"File with the NKey seed of the servers' system account, system.nk of sluice nats setup. With it the start asks, once, when the servers force to disk what they have acknowledged; nothing else uses it." group:"NATS:"`
	Replicas   int       `default:"1" enum:"1,3" help:"Servers that keep each stream: 1 or 3." group:"NATS:"`
	Endpoint
	API
	OIDC
	AdminKeys string `placeholder:"DIR" help:"Folder in which each project has a file PROJECT.key with an API key of role admin; where it has none, a key is made. Without it the first key of a cluster is made by nobody." group:"Users:"`
	Jobs
	Files
	SecretKeyFile string `placeholder:"FILE" help:"File with the key by which secrets are encrypted where they are stored." group:"Jobs:"`
}

// Worker is what `sluice worker` can be told.
type Worker struct {
	Name string `placeholder:"NAME" help:"Name of this worker, of which there is no other; without it, the name of the host and a random part." group:"Service:"`
	Common
	NATS
	Endpoint
	Work
}

// Up is what `sluice up` can be told.
type Up struct {
	Name        string `placeholder:"NAME" help:"Name of this server; without it, the name of the host." group:"Service:"`
	DataDir     string `placeholder:"DIR" help:"Folder that all is kept in; without it, sluice in the user's folder for data." group:"Service:"`
	ContextName string `default:"local" placeholder:"NAME" help:"Name of the context under which the address and the admin's key are kept for the commands." group:"Service:"`
	Common
	Embedded
	Endpoint
	API
	OIDC
	Jobs
	Files
	SecretKeyFile string `placeholder:"FILE" help:"File with the key by which secrets are encrypted where they are stored; without it, one in --data-dir." group:"Jobs:"`
	Work
}

// up is the service that makes what it is not given.
const up = "up"

// Services are the names of the services that have settings.
var Services = []string{"coordinator", "worker", up}

// of returns an empty struct of a service's settings.
func of(service string) (faulty, error) {
	switch service {
	case "coordinator":
		return &Coordinator{}, nil
	case "worker":
		return &Worker{}, nil
	case up:
		return &Up{}, nil
	}
	return nil, fmt.Errorf("%q is no service; there are coordinator, worker and up", service)
}
