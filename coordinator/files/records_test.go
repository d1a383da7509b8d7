package files_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestRecords writes records by each format of a sink and reads them as JSON lines.
func TestRecords(t *testing.T) {
	c := newCluster(t, coordinator.FileLimits{})
	c.worker(nil, nil)
	long := strings.Repeat("x", 100_000)
	in := upload(t, c.files, "in", []byte("a <b> \"c\"\n\nbad \xff\n"+long+"\né\r\r\n"))
	values := upload(t, c.files, "in.ndjson", []byte("{\"b\":1, \"a\":2}\n[1]\n"))
	for _, x := range []struct{ in, format, want string }{
		{in.Ref(), "lines", "\"a <b> \\\"c\\\"\"\n\"\"\n{\"base64\":\"YmFkIP8=\"}\n\"" + long + "\"\n\"é\\r\"\n"},
		{values.Ref(), "json_lines", "{\"b\":1,\"a\":2}\n[1]\n"},
		{in.Ref(), "text", ""},
	} {
		id := recipe.JobID("job-" + strings.ReplaceAll(x.format, "_", "-"))
		read := "lines"
		if x.format == "json_lines" {
			read = x.format
		}
		c.submit(string(id), fmt.Sprintf(`
recipe: r
nodes:
  in:  {kind: file_reader, config: {path: %q, format: %s}}
  out: {kind: file_writer, from: in, config: {path: out, format: %s}}
`, x.in, read, x.format), nil)
		ctx := bustest.Context(t)
		spec, err := c.jobs.Spec(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		step := &spec.Plan.Steps[len(spec.Plan.Steps)-1]
		c.until(id, recipe.JobSucceeded)
		var got bytes.Buffer
		err = c.files.Records(ctx, &got, id, step)
		if x.format == "text" {
			family(t, "text", err, coordinator.Conflict)
			continue
		}
		if err != nil || got.String() != x.want {
			t.Errorf("%s: got %.300s, %v", x.format, got.String(), err)
		}
		family(t, "the records of a node without a file", c.files.Records(ctx, &got, id, &spec.Plan.Steps[0]), coordinator.Unknown)
	}
}
