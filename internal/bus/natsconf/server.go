package natsconf

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// Server is what the configuration of a server says beside its accounts. The zero value works.
type Server struct {
	Name     string        // "": sluice
	Listen   string        // HOST:PORT; "": 127.0.0.1:4222
	StoreDir string        // "": the folder data beside the configuration
	Sync     time.Duration // how often what is written is forced to disk; 0: always, before the acknowledgement
	Cert     string        // PEM file; with Key, for TLS
	Key      string
	ClientCA string // PEM file: clients must show a certificate that it signed
	Cluster  Cluster
}

// Cluster makes a server one of several that store together. The zero value makes it none.
type Cluster struct {
	Name   string
	Listen string   // HOST:PORT for the other servers
	Routes []string // nats-route://HOST:PORT of the others
	// CA is the PEM file of who signed the certificates that the servers show each other, which
	// are those of Server.Cert; "": there is no TLS between them.
	CA string

	password string // of the folder's RoutesFile
}

// User is the name beside the password that servers of a cluster show each other.
func (Cluster) User() string { return "sluice" }

// Password is that which the folder of the setup holds.
func (c Cluster) Password() string { return c.password }

// Routed are the routes with what is shown there.
func (c Cluster) Routed() ([]string, error) {
	var all []string
	for _, r := range c.Routes {
		u, err := url.Parse(r)
		if err != nil || u.Host == "" || u.User != nil {
			return nil, errors.New("cluster route: want nats-route://HOST:PORT, without a name and a password")
		}
		u.User = url.UserPassword(c.User(), c.password)
		all = append(all, u.String())
	}
	return all, nil
}

// maxPayload is that of bus.DefaultMaxPayload: a frame may be that large.
const maxPayload = 2 << 20

var serverText = template.Must(template.New("").Funcs(template.FuncMap{"q": strconv.Quote}).Parse(`# Written by sluice nats setup, once: it is yours to change.
# Check it with: nats-server -t -c nats.conf

server_name: {{q .Name}}
listen: {{q .Listen}}
max_payload: ` + fmt.Sprint(maxPayload) + `

include ` + SizesFile + `
jetstream {
  store_dir: {{q .StoreDir}}
  # What the accounts may have together, which is reserved for them. The disk must hold more: a
  # full disk breaks streams, a full store refuses clearly.
  max_file_store: $SLUICE_STORE
  max_memory_store: $SLUICE_MEMORY
  # "always" survives a power failure with one replica and costs 6 to 70 times the time of a
  # write; with three replicas it is about free.
  sync_interval: {{.SyncText}}
}
{{if .Cert}}
tls {
  cert_file: {{q .Cert}}
  key_file: {{q .Key}}
  min_version: "1.2"
{{- if .ClientCA}}
  ca_file: {{q .ClientCA}}
  verify: true
{{- end}}
}
{{end}}
{{- if .Cluster.Name}}
cluster {
  name: {{q .Cluster.Name}}
  listen: {{q .Cluster.Listen}}
  # The servers show each other a password, which is the same for all that were set up in one folder.
  authorization { user: {{q .Cluster.User}}, password: {{q .Cluster.Password}}, timeout: 5 }
{{- if .Cluster.CA}}
  tls {
    cert_file: {{q .Cert}}
    key_file: {{q .Key}}
    ca_file: {{q .Cluster.CA}}
    verify: true
    timeout: 5
  }
{{- end}}
  routes: [{{range $i, $r := .Cluster.Routed}}{{if $i}}, {{end}}{{q $r}}{{end}}]
}
{{end}}
include ` + AccountsFile + `
`))

// SyncText is Sync in the server's words.
func (s Server) SyncText() string {
	if s.Sync == 0 {
		return "always"
	}
	return strconv.Quote(s.Sync.String())
}

func (s Server) text() (string, error) {
	if s.Name == "" {
		s.Name = "sluice"
	}
	if s.Listen == "" {
		s.Listen = "127.0.0.1:4222"
	}
	var b strings.Builder
	if _, err := s.Cluster.Routed(); err != nil {
		return "", err
	}
	err := serverText.Execute(&b, s)
	return b.String(), err
}
