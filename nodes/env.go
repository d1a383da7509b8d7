package nodes

import (
	"context"
	"io"
	"net"
	"os"

	"github.com/hashicorp/go-hclog"
)

// Env is what a node may touch. A worker makes one for each step; the operator
// decides what is in it, never a recipe.
type Env struct {
	Job  string
	Node string
	Seed uint64 // of the job; a kind's own seed setting goes before it
	// Checking is true when only the settings are being checked: nothing may be opened.
	Checking bool

	// Root is the folder that paths of the recipe are relative to and confined in.
	// Nil means that this worker may not touch files.
	Root *os.Root
	// Dial opens connections as far as the operator allows; nil means no network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Stdin is the standard input of the job, nil where there is none.
	Stdin io.Reader
	// Console is where the job prints; nil where no console is served.
	Console io.Writer
	// Types are the concrete types of the ports, as the plan has them.
	Types PortTypes
	Log   hclog.Logger
}
