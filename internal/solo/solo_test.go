package solo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator/compile"
	"sluice/nodes/all"
)

func TestFirst(t *testing.T) {
	dir := t.TempDir()
	root, _ := os.OpenRoot(dir)
	f, _ := os.Create(filepath.Join(dir, "auth.log"))
	n := 100000
	for i := 0; i < n; i++ {
		if i%4 == 3 {
			fmt.Fprintf(f, "Oct 10 10:10:10 host sshd[%d]: Accepted password for root from 10.0.%d.%d port 22 ssh2\n", i, i/256%256, i%256)
		} else {
			fmt.Fprintf(f, "Oct 10 10:10:10 host sshd[%d]: Failed password for root from 10.0.%d.%d port 22 ssh2\n", i, i/256%256, i%256)
		}
	}
	f.Close()
	text := `
recipe: ref
nodes:
  lines:   {kind: file_reader, config: {path: auth.log}}
  failed:  {kind: regex_match, from: lines, config: {regex: '.*Failed password.*'}}
  address: {kind: regex_replace, from: failed, config: {regex: '.* from (\S+) port.*', replacement: '$1'}}
  digest:  {kind: sha256_hash, from: address}
  out:     {kind: file_writer, from: digest, config: {path: out.txt}}
`
	cat := all.Catalogue()
	plan, ds := compile.Compile("x.yaml", []byte(text), compile.Options{Catalogue: cat})
	if plan == nil {
		t.Fatal(ds)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	begin := time.Now()
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Debug})
	p, err := Run(ctx, Config{Plan: plan, Catalogue: cat, Root: root, Log: log})
	t.Logf("%v %+v %v", time.Since(begin), p, err)
	b, _ := os.ReadFile(filepath.Join(dir, "out.txt"))
	t.Log(len(b))
	if len(b) != n*3/4*65 {
		t.Fail()
	}
}
