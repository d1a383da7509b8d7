package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice/coordinator/api"
)

// TestDescription looks for what the framework does not see in a route, and for an answer for every
// error of every route.
func TestDescription(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited)
	_, text := d.do("GET", "/v1/openapi.json", "")
	var doc description
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	at := func(method, path string) *operation {
		o := doc.Paths[path][strings.ToLower(method)]
		if o == nil {
			t.Fatalf("%s %s is not there", method, path)
		}
		return o
	}
	for _, o := range doc.operations() {
		if o.Responses["default"] == nil {
			t.Errorf("%s: no word of errors", o.ID)
		}
		if asks := slices.ContainsFunc(o.Parameters, func(p parameter) bool { return p.Name == "If-None-Match" }); asks != (o.Responses["304"] != nil) {
			t.Errorf("%s: takes If-None-Match is %v, and it has %s of 304", o.ID, asks, o.Responses["304"])
		}
	}
	for _, r := range []struct{ method, path, status, want string }{
		{"GET", "/v1/artifacts/{id}/content", "206", "Content-Range"},
		{"GET", "/v1/artifacts/{id}/content", "416", "Problem"},
		{"PATCH", "/v1/uploads/{id}", "200", "Upload-Offset"},
		{"PATCH", "/v1/uploads/{id}", "200", "schemas/Upload"},
		{"POST", "/v1/jobs", "200", "schemas/Job"},
		{"POST", "/v1/jobs", "201", "schemas/Job"},
		{"POST", "/v1/jobs/{id}/retry", "200", "schemas/Job"},
		{"POST", "/v1/uploads", "200", "schemas/Begun"},
		{"PUT", "/v1/recipes/{name}", "200", "schemas/RecipeVersion"},
		{"PUT", "/v1/recipes/{name}", "201", "schemas/RecipeVersion"},
		{"GET", "/v1/jobs/{id}/plan", "200", "ETag"},
		{"GET", "/v1/events", "101", "sluice.v1"},
		{"GET", "/v1/events", "default", "Problem"},
	} {
		if got := at(r.method, r.path).Responses[r.status]; !strings.Contains(string(got), r.want) {
			t.Errorf("%s %s: %s is %s, want %s in it", r.method, r.path, r.status, got, r.want)
		}
	}
	for name, o := range map[string]*operation{"Range": at("GET", "/v1/artifacts/{id}/content"), "Sec-WebSocket-Protocol": at("GET", "/v1/events")} {
		if !slices.ContainsFunc(o.Parameters, func(p parameter) bool { return p.Name == name && p.In == "header" }) {
			t.Errorf("%s takes %+v, want %s among them", o.ID, o.Parameters, name)
		}
	}
	if !strings.Contains(text, "ticket.TICKET") {
		t.Error("no word of the ticket")
	}
}

// ownDescription is that of all routes.
var ownDescription = sync.OnceValue(func() (all []*operation) {
	w := httptest.NewRecorder()
	api.New(api.Config{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/openapi.json", nil))
	var doc description
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		panic(err)
	}
	return doc.operations()
})

// described reports whether the description has a status of a route. A path that is none has all.
func described(method, path string, status int) bool {
	known := false
	for _, o := range ownDescription() {
		if o.method == method && o.matches(path) {
			if o.tells(status) {
				return true
			}
			known = true
		}
	}
	return !known
}

// matches reports whether a path is one of the operation's.
func (o *operation) matches(path string) bool {
	want, got := strings.Split(o.path, "/"), strings.Split(path, "/")
	return len(want) == len(got) && slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") })
}
