package settings

import (
	"io"
	"net/netip"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/endpoint"
	"sluice/internal/telemetry"
)

// Logger returns the log that a service writes to w, under its name.
func (c *Common) Logger(service string, w io.Writer) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: service, Level: hclog.LevelFromString(c.LogLevel), Output: w, JSONFormat: c.LogFormat == "json"})
}

// Traces says where a service's traces go; without an endpoint telemetry.NewTracer makes none.
func (c *Common) Traces(service, version string, log hclog.Logger) telemetry.TraceConfig {
	return telemetry.TraceConfig{Endpoint: c.OTLPEndpoint, Service: service, Version: version, Share: c.TraceShare, Log: log}
}

// At says how to listen on an address; what listens there is for errors and the log.
func (e *Endpoint) At(address, what string, log hclog.Logger) endpoint.Config {
	return endpoint.Config{Address: address, Cert: e.TLSListenCert, Key: e.TLSListenKey, Insecure: e.InsecureListen, What: what, Log: log}
}

// Networks are the private networks that nodes may reach.
func (w *Work) Networks() []netip.Prefix {
	var list []netip.Prefix
	for _, n := range w.AllowNet {
		list = append(list, netip.Prefix(n))
	}
	return list
}

// Roles are the words of an identity provider that are mapped to roles: those of the settings, or
// else the roles' own names.
func (o *OIDC) Roles() map[string]coordinator.Role {
	roles := map[string]coordinator.Role{}
	for _, r := range o.OIDCRoles {
		roles[r.Word] = r.Role
	}
	if len(roles) == 0 {
		for _, r := range coordinator.Roles {
			roles[string(r)] = r
		}
	}
	return roles
}
