package contained

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"sluice/client"
	"sluice/coordinator"
	"sluice/recipe"
)

// The reference job reads a file in many pieces, holds it to a rate for as long as the faults
// take, and goes two ways: one that any worker may work on, and one whose sums depend on the
// order of all records. Both sinks write in order.
const (
	records  = 50_000
	rate     = 1_000 // a second
	window   = 5
	document = `
recipe: contained
params:
  log: {type: string}
nodes:
  lines:   {kind: file_reader, config: {path: "${log}", split_bytes: 65536}}
  paced:   {kind: throttle, from: lines, config: {rate: %d}}
  digest:  {kind: md5_hash, from: paced}
  digests: {kind: file_writer, from: digest, config: {path: out/digests}}
  size:    {kind: regex_replace, from: paced, config: {regex: '.* bytes=(\d+)', replacement: '$1'}}
  number:  {kind: parse_int, from: size}
  sum:     {kind: rolling_sum, from: number, config: {values_to_keep: %d}}
  sums:    {kind: file_writer, from: sum, config: {path: out/sums}}
`
)

// reference returns the job's input, and what its sinks must have written, by path.
func reference() (input []byte, want map[string][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	var in, digests, sums bytes.Buffer
	sizes := make([]int, 0, records)
	for i := range records {
		size := r.IntN(1 << 20)
		sizes = append(sizes, size)
		line := fmt.Sprintf("record=%06d user=u%d bytes=%d", i, r.IntN(1000), size)
		fmt.Fprintln(&in, line)
		fmt.Fprintf(&digests, "%x\n", md5.Sum([]byte(line)))
		if i+1 < window {
			continue
		}
		sum := 0
		for _, n := range sizes[i+1-window:] {
			sum += n
		}
		fmt.Fprintln(&sums, sum)
	}
	return in.Bytes(), map[string][]byte{"out/digests": digests.Bytes(), "out/sums": sums.Bytes()}
}

// submit uploads the input and submits the job.
func submit(t *testing.T, ctx context.Context, api *client.Client, input []byte) recipe.JobID {
	t.Helper()
	file := filepath.Join(t.TempDir(), "records.log")
	if err := os.WriteFile(file, input, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := api.Upload(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	j, err := api.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: fmt.Sprintf(document, rate, window), Params: map[string]any{"log": a.Ref}}}, "contained")
	if err != nil {
		t.Fatal(err)
	}
	return j.ID
}

// compare holds what the job's sinks have written to what they must, byte by byte.
func compare(t *testing.T, ctx context.Context, api *client.Client, id recipe.JobID, want map[string][]byte) {
	t.Helper()
	made, _, err := api.Artifacts(ctx, id, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != len(want) {
		t.Errorf("got %d files of the job, want %d", len(made), len(want))
	}
	for path, content := range want {
		var got bytes.Buffer
		for i := range made {
			if made[i].Path != path {
				continue
			}
			if err := api.Download(ctx, &made[i].Artifact, &got); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got.Bytes(), content) {
			t.Errorf("%s: %s", path, differ(got.Bytes(), content))
		}
	}
}

// differ says where two files are not the same.
func differ(got, want []byte) string {
	a, b := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return fmt.Sprintf("line %d of %d is %q, want %q of %d", i+1, len(a), a[i], b[i], len(b))
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(a), len(b))
}
