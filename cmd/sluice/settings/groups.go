package settings

import "time"

// Common is what every service can be told.
type Common struct {
	Config        string        `placeholder:"FILE" help:"YAML file with settings, named as the flags are." group:"Service:"`
	LogLevel      string        `default:"info" enum:"trace,debug,info,warn,error,off" help:"What to log on stderr: trace, debug, info, warn, error or off." group:"Service:"`
	LogFormat     string        `default:"text" enum:"text,json" help:"How to log: text or json." group:"Service:"`
	DrainWithin   time.Duration `default:"10s" placeholder:"TIME" help:"How long the service may take to bring what it has in hand to rest when it is told to end." group:"Service:"`
	MetricsListen string        `placeholder:"HOST:PORT" help:"Serve /healthz, /readyz and /metrics there too; without it a worker serves them nowhere, and the others on --listen alone, where /metrics needs a key unless that is loopback." group:"Telemetry:"`
	OTLPEndpoint  string        `name:"otlp-endpoint" placeholder:"URL" also:"OTEL_EXPORTER_OTLP_ENDPOINT" help:"Send traces there by OTLP over HTTP; without it nothing is traced." group:"Telemetry:"`
	TraceShare    float64       `default:"0.1" placeholder:"SHARE" help:"Share of what begins here that is traced, from 0 to 1. What was asked for with a trace context follows that." group:"Telemetry:"`
}

// NATS says how the servers are reached.
type NATS struct {
	URLs      []string `name:"nats" placeholder:"URL" default:"nats://127.0.0.1:4222" help:"URLs of the NATS servers: nats:// or tls://. Any one of them will do." group:"NATS:"`
	NATSCreds string   `name:"nats-creds" placeholder:"FILE" help:"File with credentials: a JWT and its NKey seed." group:"NATS:"`
	NATSNkey  string   `name:"nats-nkey" placeholder:"FILE" help:"File with an NKey seed, where the server has no JWTs." group:"NATS:"`
	TLSCA     string   `name:"tls-ca" placeholder:"FILE" help:"Certificates of the authorities that the servers' are checked by; without it, the system's." group:"NATS:"`
	TLSCert   string   `name:"tls-cert" placeholder:"FILE" help:"Certificate to show to the servers, with --tls-key." group:"NATS:"`
	TLSKey    string   `name:"tls-key" placeholder:"FILE" help:"File with the key of --tls-cert." group:"NATS:"`
}

// Endpoint says how what listens is secured.
type Endpoint struct {
	TLSListenCert  string `name:"tls-listen-cert" placeholder:"FILE" help:"Certificate of what listens here; read again when it changes." group:"Network:"`
	TLSListenKey   string `name:"tls-listen-key" placeholder:"FILE" help:"File with the key of --tls-listen-cert." group:"Network:"`
	InsecureListen bool   `help:"Listen without TLS on addresses that others can reach: keys and data are then readable on the way. It is logged." group:"Network:"`
}

// API is what the API can be told.
type API struct {
	Listen         string   `default:"127.0.0.1:8420" placeholder:"HOST:PORT" help:"Where the API listens." group:"Network:"`
	Origins        []string `placeholder:"ORIGIN" help:"Origins of pages that may open a WebSocket, such as https://sluice.example.org; without any, none may." group:"Network:"`
	MaxBody        Size     `default:"16MiB" placeholder:"SIZE" help:"Largest body of a request, files that are uploaded aside." group:"Network:"`
	MaxConnections int      `default:"4096" placeholder:"N" help:"Connections to the API at once, half of them from one address; more are refused. WebSockets do not count." group:"Network:"`
}

// OIDC says whose tokens are taken beside API keys.
type OIDC struct {
	OIDCIssuer       string     `name:"oidc-issuer" placeholder:"URL" help:"Issuer whose tokens are taken beside API keys; without it none are." group:"Users:"`
	OIDCAudience     string     `name:"oidc-audience" placeholder:"NAME" help:"Audience that a token must be for; needed with --oidc-issuer." group:"Users:"`
	OIDCRoleClaim    string     `name:"oidc-role-claim" default:"sluice_role" placeholder:"NAME" help:"Claim that holds the role, as a word or a list of words." group:"Users:"`
	OIDCRoles        []RoleWord `name:"oidc-roles" placeholder:"WORD=ROLE" help:"Word of the role's claim, and which role it is: viewer, operator, author or admin; the highest holds. Without any, the words are the roles' names." group:"Users:"`
	OIDCProjectClaim string     `name:"oidc-project-claim" default:"sluice_project" placeholder:"NAME" help:"Claim that holds the project." group:"Users:"`
}

// Jobs bounds the jobs of a project.
type Jobs struct {
	History        time.Duration `default:"168h" placeholder:"TIME" help:"How long a job is kept behind its end, with its results." group:"Jobs:"`
	MaxRunning     int           `default:"1000" placeholder:"N" help:"Jobs of a project that run at once; more wait for their turn. Those that workers are missing for do not count." group:"Jobs:"`
	MaxJobsPerUser int           `default:"1000" placeholder:"N" help:"Jobs of one user that are not at their end; more are refused." group:"Jobs:"`
}

// Files bounds the files of a project: what was uploaded, and what its jobs have made.
type Files struct {
	MaxFiles Size `default:"0" placeholder:"SIZE" help:"What the files of a project may take together, such as 5GiB; 0 is half of what its account may store, or 100 GiB where that has no bound." group:"Jobs:"`
	MaxFile  Size `default:"0" placeholder:"SIZE" help:"Largest file; 0 is 16 GiB, or what all may take where that is less." group:"Jobs:"`
}

// Work says what a worker does, and what it may touch.
type Work struct {
	Kinds       []string  `placeholder:"KIND" help:"Kinds of nodes to run, * for any letters: 'fetch_url,regex_*'. Without any, all." group:"Work:"`
	Pool        string    `placeholder:"NAME" help:"Pool that the worker belongs to: it runs the nodes of that pool and those that name none." group:"Work:"`
	Concurrency int       `default:"0" placeholder:"N" help:"Frames computed at once; 0 is four for each processor: a frame may wait for a disk." group:"Work:"`
	Root        string    `placeholder:"DIR" help:"Folder that paths of recipes are relative to and confined in. Without it nodes touch no file system." group:"Work:"`
	AllowNet    []Network `placeholder:"CIDR" help:"Private networks that nodes may reach." group:"Work:"`
	FullShare   float64   `default:"0.5" placeholder:"SHARE" help:"Share of a node's readers that must be full, on edges that drop, before the node slows down." group:"Work:"`
}

// Embedded says how the NATS server of `sluice up` is reached, and what cluster it is in.
type Embedded struct {
	NATSListen    string   `name:"nats-listen" placeholder:"HOST:PORT" help:"Let workers and coordinators of other processes connect there; without it no port is opened for NATS. They show the keys in nats-keys of the data folder; with --tls-listen-cert they need TLS." group:"NATS:"`
	NATSSync      Sync     `name:"nats-sync" default:"2m" placeholder:"always|TIME" help:"When the server forces to disk what it has acknowledged: always, before it says so, or every TIME, from 1s to 1h. A crash of the machine, not one of the process, may lose what was acknowledged within the last TIME; always costs an fsync for each write." group:"NATS:"`
	ClusterName   string   `placeholder:"NAME" help:"Name of the cluster that the server is in." group:"NATS:"`
	ClusterListen string   `placeholder:"HOST:PORT" help:"Where the other servers of the cluster connect; needed with --cluster-name." group:"NATS:"`
	ClusterRoutes []string `placeholder:"URL" help:"Where the other servers of the cluster listen: nats-route://HOST:PORT." group:"NATS:"`
	ClusterCA     string   `name:"cluster-ca" placeholder:"FILE" help:"Who signed the certificates that servers of the cluster show each other, which are those of --tls-listen-cert; without it there is no TLS between them." group:"NATS:"`
	Replicas      int      `default:"1" enum:"1,3" help:"Servers that keep each stream: 1 or 3." group:"NATS:"`
}
