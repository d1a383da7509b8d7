package main

import "testing"

// TestFirstTime: what somebody meets who uses a cluster for the first time is told in its own words.
func TestFirstTime(t *testing.T) {
	t.Parallel()
	plain := "recipe: plain\ndescription: One.\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  o: {kind: printer, from: n}\n"
	bad := "recipe: part\nnodes:\n  n: {kind: nope_kind}\n"
	f := newFolder(t, map[string]string{"in/plain.yaml": plain, "in/more.yaml": plain + "# more\n", "in/bad.yaml": bad,
		"in/uses.yaml": "recipe: uses\nnodes:\n  p: {kind: 'recipe:./bad.yaml'}\n  o: {kind: printer, from: p}\n"})
	f.up("--kinds gate") // nobody works
	f.steps([]step{
		{"submit in/plain.yaml -w -q --deadline 500ms", "", 1, "", "deadline"},
		{"submit in/plain.yaml -w --deadline 500ms", "", 1, "", "\nplain: failed after"},
		{"recipes save in/bad.yaml", "", 2, "", "in/bad.yaml:3:13: "},
		{"recipes save in/bad.yaml --name other", "", 2, "", "in/bad.yaml:3:13: "},
		{"recipes save in/uses.yaml", "", 2, "", "in/bad.yaml:3:13: "},
		{"recipes save in/plain.yaml", "", 0, "plain@1", ""},
		{"recipes diff plain", "", 3, "", "has one version"},
		{"recipes save in/more.yaml", "", 0, "plain@2", ""},
		{"recipes diff plain", "", 0, "+# more", ""},
		{"recipes diff plain@1 plain@2", "", 0, "+# more", ""},
		{"recipes diff plain@2 plain@1", "", 0, "-# more", ""},
		{"recipes diff plain 1 latest", "", 0, "+# more", ""},
		{"recipes diff plain@1 other@2", "", 3, "", "versions of one recipe"},
		{"recipes diff plain 1", "", 3, "", "want NAME, NAME FROM TO"},
		{"recipes diff plain@1", "", 3, "", "want NAME, NAME FROM TO"},
		{"recipes diff plain@x plain@2", "", 3, "", "want a number, or latest"},
		{"recipes diff nope", "", 3, "", "no recipe is saved as nope"},
		{"recipes delete nope", "", 3, "", "no recipe is saved as nope"},
		{"recipes delete plan", "", 3, "", "did you mean plain?"},
		{"recipes delete plain", "", 3, "", "name a version (plain@1)"},
		{"secrets set x", "abc", 3, "", "the value has 3 bytes; a secret has from 4 to 32768"},
		{"secrets set --help", "", 0, "from 4 to 32768 bytes", ""},
		{"job @last -o yaml", "", 0, "state: failed", ""},
	})
}
