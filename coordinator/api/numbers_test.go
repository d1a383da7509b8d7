package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// TestNumbers sends integers of 64 bits as a parameter and a setting: no digit is lost on the way
// into the plan, nor when the job is shown or run once more.
func TestNumbers(t *testing.T) {
	const most = "9223372036854775807" // as a float64 it ends in 8
	d := newDesk(t)
	const source = `recipe: n\nparams: {n: {type: int}}\nnodes:\n  n: {kind: integer_generator, config: {max: \"${n}\", count: 1}}\n`
	body := `{"source":"` + source + `","params":{"n":` + most + `}}`
	resp, got := d.do("POST", "/v1/recipes/plan", body)
	if resp.StatusCode != 200 || !strings.Contains(got, `"max":`+most) {
		t.Errorf("got %d %s", resp.StatusCode, got)
	}
	_, got = d.do("POST", "/v1/jobs", body)
	var job coordinator.Job
	if err := json.Unmarshal([]byte(got), &job); err != nil || job.ID == "" {
		t.Fatalf("got %s", got)
	}
	_, got = d.do("GET", "/v1/jobs/"+string(job.ID)+"/recipe", "")
	if !strings.Contains(got, `"n":`+most) {
		t.Errorf("got %s", got)
	}
	doc := submission()
	doc.Source, doc.Params = strings.NewReplacer(`\n`, "\n", `\"`, `"`).Replace(source), coordinator.Values{"n": json.Number(most)}
	sent, err := d.client(coordinator.Author).Submit(bustest.Context(t), doc, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, got = d.do("GET", "/v1/jobs/"+string(sent.ID)+"/plan", ""); !strings.Contains(got, `"max":`+most) {
		t.Errorf("got %s", got)
	}
}
