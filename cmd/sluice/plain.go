package main

import (
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// insecureHTTP is the variable by which a user says that keys may be sent without TLS.
const insecureHTTP = "SLUICE_INSECURE_HTTP"

// exposes reports whether a key that is sent to a server can be read by others on its way: by
// plain HTTP, to a host that is not known to be this machine.
func exposes(server string) bool {
	u, err := url.Parse(server)
	if err != nil || !strings.EqualFold(u.Scheme, "http") {
		return false
	}
	host := u.Hostname()
	return !strings.EqualFold(host, "localhost") && !net.ParseIP(host).IsLoopback()
}

// warnExposed says on stderr that a key is sent so, unless the user has said that it may be.
func warnExposed(server, key string) {
	if may, _ := strconv.ParseBool(os.Getenv(insecureHTTP)); may || key == "" || !exposes(server) {
		return
	}
	tell("warning: the key is sent to " + server + " without TLS, and can be read on its way; https:// avoids that, " + insecureHTTP + "=1 says that it may be")
}
