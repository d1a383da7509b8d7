package settings

import (
	"os"
	"path/filepath"

	"sluice/internal/bus/natsconf"
)

// Files returns the files with the credentials of a project: those for the account of its jobs,
// and those for that of its control plane, "" where that is the same account. Where the setting
// names a folder that sluice nats setup has made they are in it.
func (p Project) Files() (jobs, control string) {
	if info, err := os.Stat(p.Creds); err != nil || !info.IsDir() {
		return p.Creds, ""
	}
	return filepath.Join(p.Creds, natsconf.SeedOf(natsconf.Coordinator)), filepath.Join(p.Creds, natsconf.SeedOf(natsconf.Control))
}

// same reports whether two projects have one file of credentials, by whatever paths: they would be
// one tenant.
func (p Project) same(as Project) bool {
	a, _ := p.Files()
	b, _ := as.Files()
	one, err := os.Stat(a)
	if err != nil {
		return filepath.Clean(a) == filepath.Clean(b)
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
