// Command generate writes the examples' data: a log like sshd's, events of a login
// service, and a table of networks. Everything follows from a fixed seed, so that it
// writes the same bytes whenever it is run:
//
//	go run ./examples/data/generate
//
// Addresses are from the ranges kept for documentation (RFC 5737), names are made up.
package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

func main() {
	dir := filepath.Join("examples", "data")
	for name, make := range map[string]func(*rand.Rand) []byte{
		"auth.log": authLog, "events.jsonl": events, "networks.csv": networks, "reports.txt": reports,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), make(rand.New(rand.NewPCG(2, 7))), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "generate:", err)
			os.Exit(1)
		}
	}
}

var (
	users   = []string{"root", "anna", "ben", "carla", "deploy", "postgres", "admin", "git"}
	attacks = []string{"192.0.2.7", "192.0.2.15", "198.51.100.23", "203.0.113.4", "203.0.113.99", "198.51.100.200"}
	offices = []string{"192.0.2.130", "192.0.2.131", "198.51.100.10"}
	hosts   = []string{"web1", "web2", "db1", "build"}
	start   = time.Date(2024, 3, 4, 6, 0, 0, 0, time.UTC)
)

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// authLog is 200 lines: logins that failed and succeeded, and what else sshd says.
func authLog(r *rand.Rand) []byte {
	var b bytes.Buffer
	at := start
	for i := range 200 {
		at = at.Add(time.Duration(1+r.IntN(90)) * time.Second)
		fmt.Fprintf(&b, "%s %s sshd[%d]: ", at.Format(time.Stamp), pick(r, hosts[:2]), 1000+i*7)
		port := 1024 + r.IntN(60000)
		switch n := r.IntN(10); {
		case n < 5:
			fmt.Fprintf(&b, "Failed password for %s from %s port %d ssh2\n", pick(r, users), pick(r, attacks), port)
		case n < 6:
			fmt.Fprintf(&b, "Failed password for invalid user %s from %s port %d ssh2\n", pick(r, []string{"test", "oracle", "pi"}), pick(r, attacks), port)
		case n < 8:
			fmt.Fprintf(&b, "Accepted publickey for %s from %s port %d ssh2\n", pick(r, users[1:4]), pick(r, offices), port)
		default:
			fmt.Fprintf(&b, "Connection closed by %s port %d [preauth]\n", pick(r, attacks), port)
		}
	}
	return b.Bytes()
}

// events is 300 JSON objects, a line each: logins, process starts and network flows. One
// line is broken on purpose: it becomes a dead letter.
func events(r *rand.Rand) []byte {
	var b bytes.Buffer
	images := []string{`C:\\Windows\\System32\\cmd.exe`, `C:\\Windows\\System32\\svchost.exe`, `C:\\Program Files\\Tool\\tool.exe`, `C:\\Users\\ben\\Downloads\\invoice.exe`}
	at := start
	for i := range 300 {
		at = at.Add(time.Duration(r.IntN(40_000)) * time.Millisecond)
		stamp := at.Format("2006-01-02T15:04:05.000Z")
		switch n := r.IntN(10); {
		case i == 137:
			fmt.Fprintf(&b, "{\"time\":%q,\"type\":\"flow\",\"src\":\n", stamp)
		case n < 3:
			fmt.Fprintf(&b, `{"time":%q,"type":"login","user":%q,"address":%q,"ok":%t}`+"\n", stamp, pick(r, users), pick(r, attacks), r.IntN(3) > 0)
		case n < 6:
			fmt.Fprintf(&b, `{"time":%q,"type":"process","host":%q,"user":%q,"image":"%s"}`+"\n", stamp, pick(r, hosts), pick(r, users), pick(r, images))
		default:
			src := append(append([]string{}, attacks...), offices...)
			fmt.Fprintf(&b, `{"time":%q,"type":"flow","src":%q,"dst":%q,"bytes":%d}`+"\n", stamp, pick(r, src), pick(r, offices), 40+r.IntN(90_000))
		}
	}
	return b.Bytes()
}

// networks says what is known of addresses, for lookups.
func networks(r *rand.Rand) []byte {
	var b bytes.Buffer
	b.WriteString("address,owner,country\n")
	for _, a := range append(append([]string{}, attacks[:4]...), offices...) {
		fmt.Fprintf(&b, "%s,%s,%s\n", a, pick(r, []string{"Example Hosting", "\"Sample, Inc.\"", "Test Carrier"}), pick(r, []string{"AT", "BE", "CH"}))
	}
	return b.Bytes()
}

// reports is prose in which addresses and links are hidden.
func reports(r *rand.Rand) []byte {
	var b bytes.Buffer
	for range 40 {
		fmt.Fprintf(&b, "%s saw a connection from %s to http://%s.example.net/%s?id=%d, mail of admin@%s.example.org\n",
			pick(r, hosts), pick(r, attacks), pick(r, []string{"files", "login", "cdn"}), pick(r, []string{"a.php", "x/y", "update"}), r.IntN(4), pick(r, users))
	}
	return b.Bytes()
}
