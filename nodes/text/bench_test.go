package text

import (
	"bytes"
	"context"
	"regexp"
	"testing"

	"sluice/nodes"
	"sluice/recipe"
)

// One line of a hundred bytes that matches, and one that does not for every four.
var lines = [][]byte{
	[]byte("Dec 10 06:55:48 host sshd[24200]: Failed password for invalid user web from 173.234.31.186 port 38926 ssh2"),
	[]byte("Dec 10 06:55:49 host sshd[24201]: Failed password for root from 173.234.31.187 port 38927 ssh2 and some"),
	[]byte("Dec 10 06:55:50 host sshd[24202]: Failed password for admin from 173.234.31.188 port 38928 ssh2 padding"),
	[]byte("Dec 10 06:55:51 host sshd[24203]: Accepted password for alice from 173.234.31.189 port 38929 ssh2 pads"),
}

func benchmarkKind(b *testing.B, k nodes.Kind, config string) {
	p, err := k.Build([]byte(config), &nodes.Env{})
	if err != nil {
		b.Fatal(err)
	}
	c := nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.String}})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%recipe.FrameRecords == 0 {
			c.Begin(context.Background(), [2]uint64{})
		}
		if err := p.(nodes.Processor).Process(c, nodes.StringRecord(lines[i&3])); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRegexMatch(b *testing.B) {
	b.Run("kind", func(b *testing.B) { benchmarkKind(b, RegexMatch, `{"regex":".*Failed password.*"}`) })
	b.Run("plain", func(b *testing.B) {
		re := regexp.MustCompile(`^(?:.*Failed password.*)$`)
		n := 0
		for i := 0; b.Loop(); i++ {
			if re.Match(lines[i&3]) {
				n++
			}
		}
	})
	b.Run("plain contains", func(b *testing.B) {
		n := 0
		for i := 0; b.Loop(); i++ {
			if bytes.Contains(lines[i&3], []byte("Failed password")) {
				n++
			}
		}
	})
}

func BenchmarkRegexReplace(b *testing.B) {
	b.Run("kind", func(b *testing.B) {
		benchmarkKind(b, RegexReplace, `{"regex":".* from (\\S+) port.*","replacement":"$1"}`)
	})
	b.Run("plain", func(b *testing.B) {
		re := regexp.MustCompile(`.* from (\S+) port.*`)
		for i := 0; b.Loop(); i++ {
			re.ReplaceAll(lines[i&3], []byte("$1"))
		}
	})
	b.Run("machine", func(b *testing.B) {
		benchmarkKind(b, RegexReplace, `{"regex":".* from (\\S{1,40}) port.*","replacement":"$1"}`)
	})
}
