package bus

import (
	"net"

	"github.com/nats-io/nats-server/v2/server"
)

// pipes gives nats.go its connections to a server of the same process.
type pipes struct{ ns *server.Server }

// InProcessConn implements nats.InProcessConnProvider.
func (p pipes) InProcessConn() (net.Conn, error) { return p.ns.InProcessConn() }
