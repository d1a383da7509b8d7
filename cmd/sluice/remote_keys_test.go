package main

import (
	"os"
	"path/filepath"
	"strings"

	"sluice/internal/bus/bustest"
)

func secretsKept(f *folder) {
	f.steps([]step{
		{"secrets set api-key", "", 3, "", "nothing was given"},
		{"secrets set api-key", "the-canary-value\n", 0, "", "secret api-key is set"},
		{"secrets show api-key", "", 3, "", "the value of a secret is never shown"},
		{"secrets set 2bad", "x\n", 3, "", "secret name \"2bad\": a letter"},
		{"secrets", "", 0, "api-key", ""},
		{"submit keyed.yaml -w", "", 0, "", "succeeded"},
		{"recipes save keyed.yaml", "", 0, "keyed@1\n", ""},
		{"secrets delete api-key", "", 3, "", "secret api-key can't be deleted: the recipe keyed@1 names it"},
		{"secrets delete api-key --force", "", 0, "", "secret api-key is deleted\n"},
		{"secrets delete api-key", "", 3, "", "no such secret: api-key"},
		{"submit keyed.yaml -wq", "", 3, "", "secret api-key, which is not set"},
	})
}

func keysMade(f *folder) {
	f.must(3, "", "keys create all --role admin --scope=")
	made := f.must(0, "", "keys create ann --role viewer --expires 1h")
	token, prefix := strings.TrimSpace(made.out), strings.Fields(made.errs)[1]
	ann := newFolder(f.t, remoteFiles)
	ann.env = []string{"SLUICE_CONTEXTS=" + filepath.Join(ann.dir, "deep", "contexts.yaml")}
	address := apiAddress.FindString(f.must(0, "", "context").out)
	ann.steps([]step{
		{"jobs", "", 3, "", "no cluster is known"},
		{"login " + address, "nonsense\n", 3, "", "hint: sluice login"},
		{"login 127.0.0.1:1", token, 3, "", "want http://HOST:PORT"},
		{"login http://127.0.0.1:1", token, 4, "", "is it running"},
		{"login " + address + " --name lab", token, 0, "", "context lab is " + address},
		{"keys check", "", 0, "name         ann\nproject      default\nrole         viewer\n", ""},
		{"jobs", "", 0, "JOB", ""},
		{"workers", "", 0, "HEARD", ""},
		{"workers", "", 0, "s ago\n", ""},
		{"submit slow.yaml", "", 3, "", "needs role operator"},
		{"submit ints.yaml -p log=@n.txt", "", 3, "", "(operation create-upload)\n  hint: an author uploads the file, by sluice artifacts upload n.txt;"},
		{"keys", "", 3, "", "needs role admin"},
		{"secrets", "", 3, "", "needs role author"},
		{"context", "", 0, "*  lab", ""},
		{"secrets set x -o json", "", 3, "", "sluice: unknown flag -o\nsluice secrets set --help"},
		{"secrets set x --contex lab", "", 3, "", "did you mean"},
		{"context none", "", 3, "", "no context none"},
	})
	if info, err := os.Stat(filepath.Join(ann.dir, "deep", "contexts.yaml")); err != nil || info.Mode().Perm() != 0o600 {
		f.t.Errorf("got %v, %v", info, err)
	}
	f.steps([]step{
		{"keys", "", 0, prefix, ""},
		{"keys revoke " + prefix, "", 0, "", "is revoked"},
		{"keys revoke nosuchkey", "", 3, "", "nosuchkey"},
		{"keys create bob --role king", "", 3, "", "viewer"},
		{"keys create bob --role admin --scope jobs:sleep", "", 3, "", "there are artifacts:read, artifacts:write, "},
	})
	narrow := f.must(0, "", "keys create bob --role admin --scope workers:read --scope self:read")
	ann.steps([]step{
		{"login " + address + " --name narrow", narrow.out, 0, "", "may not list jobs: this needs scope jobs:read"},
		{"workers", "", 0, "HEARD", ""},
		{"keys check", "", 0, "scopes       self:read workers:read\n", ""},
		{"keys", "", 3, "", "this needs scope keys:read, which this key has not (operation list-keys)"},
		{"context lab", "", 0, "", ""},
	})
	f.steps([]step{{"keys", "", 0, "self:read workers:read", ""}})
	bustest.Eventually(f.t, "the key to be refused", func() bool { return ann.run("", "jobs").code == 3 })
	f.env = append(f.env, "SLUICE_SERVER="+address)
	f.steps([]step{{"jobs", "", 3, "", "hint"}}) // SLUICE_KEY is not set
}
