package bus

import (
	"fmt"
	"math/rand/v2"
)

// logLines returns n lines like an SSH server's, the same ones each time.
func logLines(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	users := []string{"root", "admin", "oracle", "test", "ubuntu", "postgres", "git", "alice"}
	var b []byte
	for i := range n {
		b = fmt.Appendf(b, "Nov %2d %02d:%02d:%02d host sshd[%d]: Failed password for invalid user %s from %d.%d.%d.%d port %d ssh2\n",
			1+i%28, r.IntN(24), r.IntN(60), r.IntN(60), 1000+r.IntN(60000), users[r.IntN(len(users))],
			r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256), 1024+r.IntN(64000))
	}
	return b
}
