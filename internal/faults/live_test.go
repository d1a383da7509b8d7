//go:build linux

package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

const (
	liveLines = 400
	liveLarge = 300 << 10 // bytes of a large record, as hex beyond what a message has in it
)

// liveInput is what the live scene reads, and what comes out of it: of four lines one can't be read,
// and of a hundred one is large.
func liveInput() (in, out []byte, dead int) {
	var read, want bytes.Buffer
	for i := range liveLines {
		if i%4 == 3 {
			fmt.Fprintf(&read, "no hex %d\n", i)
			dead++
			continue
		}
		data := fmt.Appendf(nil, "record %d", i)
		if i%100 == 38 {
			data = bytes.Repeat(fmt.Appendf(nil, "%08d", i), liveLarge/8)
		}
		fmt.Fprintf(&read, "%x\n", data)
		sum := sha256.Sum256(data)
		fmt.Fprintf(&want, "%s\n", hex.EncodeToString(sum[:]))
	}
	return read.Bytes(), want.Bytes(), dead
}

// liveScene is a job with all that has a stream of its own only when it is needed: a live source,
// dead letters and large values.
func liveScene(t *testing.T) *scene {
	in, out, dead := liveInput()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(in) }))
	t.Cleanup(site.Close)
	return &scene{name: "live", url: site.URL + "/in", dead: dead, input: func() []byte { return in }, makes: func() []byte { return out },
		slow: func(lasts time.Duration) string { return strconv.FormatFloat(liveLines/lasts.Seconds(), 'f', 1, 64) }, recipe: `
recipe: live
params:
  file: {type: string}
  out: {type: string}
  pace: {type: float}
nodes:
  lines:  {kind: fetch_url, config: {url: "${file}"}}
  pace:   {kind: throttle, from: lines, config: {rate: "${pace}"}}
  data:   {kind: from_hex, from: pace}
  digest: {kind: sha256_hash, from: data}
  out:    {kind: file_writer, from: digest, config: {path: "${out}"}}
`}
}

// appears waits until a job has a stream.
func (c *cluster) appears(ctx context.Context, id recipe.JobID, stream string) error {
	prefix := bus.Names{Job: id}.Prefix()
	for {
		all, err := c.conn.Streams(ctx, prefix)
		if err == nil && slices.ContainsFunc(all, func(s string) bool { return strings.TrimPrefix(s, prefix) == stream }) {
			return nil
		}
		if !pass(ctx, 3*time.Millisecond) {
			return fmt.Errorf("job %s never had the stream %s: %v, %w", id, stream, all, err)
		}
	}
}
