package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"sluice/coordinator"
	"sluice/coordinator/api"
	"sluice/coordinator/auth"
)

// operation is a route as the OpenAPI document has it.
type operation struct {
	ID         string   `json:"operationId"`
	Summary    string   `json:"summary"`
	Tags       []string `json:"tags"`
	Parameters []struct {
		Name string `json:"name"`
		In   string `json:"in"`
	} `json:"parameters"`
	method, path string
}

func (o *operation) route() string { return "`" + o.method + " " + o.path + "`" }

// query names the parameters that stand behind a path.
func (o *operation) query() string {
	var names []string
	for _, p := range o.Parameters {
		if p.In == "query" {
			names = append(names, "`"+p.Name+"`")
		}
	}
	return strings.Join(names, " ")
}

// operations returns the routes of the API's own description, by path and method.
func operations() ([]operation, error) {
	answer := httptest.NewRecorder()
	api.New(api.Config{Version: "1"}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/v1/openapi.json", nil))
	var doc struct {
		Paths map[string]map[string]operation `json:"paths"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &doc); err != nil {
		return nil, fmt.Errorf("the API's description, status %d: %w", answer.Code, err)
	}
	var all []operation
	for path, methods := range doc.Paths {
		for method, o := range methods {
			o.method, o.path = strings.ToUpper(method), path
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the API's description has no routes")
	}
	order := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	slices.SortFunc(all, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.path, b.path), slices.Index(order, a.method)-slices.Index(order, b.method))
	})
	return all, nil
}

// meaning says what a family of faults is, and what to do about it.
var meaning = map[coordinator.Family]string{
	coordinator.Invalid:     "the request makes no sense: `errors` names its fields. Mend it",
	coordinator.Refused:     "the recipe has faults: `diagnostics` are those that `sluice validate` shows. Mend it",
	coordinator.Unknown:     "there is no such thing, or no such path",
	coordinator.Conflict:    "not in the state that it is in: a job that is over can't be paused",
	coordinator.Changed:     "somebody else changed it meanwhile (`If-Match`). Read it again",
	coordinator.TooLarge:    "over a bound on size",
	coordinator.OverLimit:   "over a quota, or asked too often: later, after `Retry-After` where that is given, or with less",
	coordinator.Unnamed:     "no key, or one that is not good (any more)",
	coordinator.Forbidden:   "the key's role, or its scopes, do not allow it",
	coordinator.Unavailable: "not now: the store or the leader does not answer. Ask again, with growing waits",
}

// old are the calls of the old engine's API, and what there is now in their place.
var old = []struct{ call, operation, command string }{
	{"list the kinds", "list-kinds", "sluice kinds"},
	{"check an edge", "check-edge", "sluice validate"},
	{"send a graph", "check-recipe", "sluice validate"},
	{"send a graph, to keep it", "save-recipe", "sluice recipes save"},
	{"run it", "submit-job", "sluice submit"},
	{"stop it", "stop-job", "sluice stop"},
	{"run it again from where it was", "resume-job", "sluice resume"},
}

// apiPage returns docs/api.md.
func apiPage() ([]byte, error) {
	all, err := operations()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(apiHead)
	if err := routes(&b, all); err != nil {
		return nil, err
	}
	if err := errorTable(&b); err != nil {
		return nil, err
	}
	b.WriteString(oldHead)
	for _, o := range old {
		i := slices.IndexFunc(all, func(a operation) bool { return a.ID == o.operation })
		if i < 0 {
			return nil, fmt.Errorf("the table of old calls: there is no operation %s", o.operation)
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` |\n", o.call, all[i].route(), o.command)
	}
	return b.Bytes(), nil
}

// routes writes a table for each tag.
func routes(b *bytes.Buffer, all []operation) error {
	by := map[string][]operation{}
	for _, o := range all {
		if len(o.Tags) != 1 {
			return fmt.Errorf("operation %s has tags %v, want one", o.ID, o.Tags)
		}
		by[o.Tags[0]] = append(by[o.Tags[0]], o)
	}
	for _, tag := range slices.Sorted(maps.Keys(by)) {
		fmt.Fprintf(b, "\n### %s%s\n\n| route | what it does | role | scope | query |\n|---|---|---|---|---|\n", strings.ToUpper(tag[:1]), tag[1:])
		for _, o := range by[tag] {
			p, found := auth.PermissionOf(o.ID)
			if !found {
				return fmt.Errorf("operation %s is in no row of the permissions", o.ID)
			}
			role := string(p.Least)
			if p.Own != "" {
				role += fmt.Sprintf("; %s for what one owns", p.Own)
			}
			if o.ID == "submit-job" {
				document, _ := auth.PermissionOf("submit-document")
				role += fmt.Sprintf("; %s for a recipe that is sent along", document.Least)
			}
			fmt.Fprintf(b, "| %s | %s | %s | `%s` | %s |\n", o.route(), o.Summary, role, p.Scope, o.query())
		}
	}
	return nil
}

func errorTable(b *bytes.Buffer) error {
	b.WriteString(errorHead)
	statuses := api.Statuses()
	families := slices.SortedFunc(maps.Keys(statuses), func(x, y coordinator.Family) int {
		return cmp.Or(statuses[x]-statuses[y], cmp.Compare(x, y))
	})
	for _, f := range families {
		if meaning[f] == "" {
			return fmt.Errorf("the table of errors says nothing of %s", f)
		}
		fmt.Fprintf(b, "| `%s` | %d | %s |\n", f, statuses[f], meaning[f])
	}
	b.WriteString("| `internal` | 500 | a fault of Sluice: the coordinator's log has it under the request's id |\n")
	return nil
}
