package natsconf

import (
	"fmt"
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
  routes: [{{range $i, $r := .Cluster.Routes}}{{if $i}}, {{end}}{{q $r}}{{end}}]
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

func (s Server) text() string {
	if s.Name == "" {
		s.Name = "sluice"
	}
	if s.Listen == "" {
		s.Listen = "127.0.0.1:4222"
	}
	var b strings.Builder
	if err := serverText.Execute(&b, s); err != nil {
		panic(err) // the template is part of the program, and what it is given has no methods that fail
	}
	return b.String()
}
