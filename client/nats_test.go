package client

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"sluice/coordinator"
)

// TestNATSPort asks at the port of a NATS server, which greets before it is asked.
func TestNATSPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(conn, "INFO {\"server_id\":\"NDK\",\"version\":\"2.12.0\",\"max_payload\":1048576%s} \r\n", strings.Repeat(" ", 300))
			_, _ = bufio.NewReader(conn).ReadString('\n')
			conn.Close()
		}
	}()
	c, err := New(Config{URL: "http://" + l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Job(t.Context(), "one")
	f, _ := err.(*coordinator.Fault)
	if f == nil || f.Family != coordinator.Unavailable || f.Text != "at "+l.Addr().String()+" is a NATS server, and no coordinator" || !strings.Contains(f.Hint, "8420") {
		t.Errorf("got %v", err)
	}
}
