package secret

import (
	"context"

	"sluice/coordinator"
)

// Check says whether the secrets that are stored can be read here: the fault coordinator.Conflict
// where one is encrypted with a master key that this coordinator does not have, and where it has
// none. It is asked at the start, behind the control plane's Follow; from then on a secret that
// another coordinator sets with such a key is logged.
func (s *Secrets) Check() error {
	s.mu.Lock()
	s.checked = s.cfg.Keys != nil
	n := len(s.all)
	s.mu.Unlock()
	if s.cfg.Keys != nil {
		return s.foreign("")
	}
	f := coordinator.Faultf(coordinator.Conflict, "this coordinator has no master key: it can read and set no secrets, of which project %s has %d", s.cfg.Project, n)
	f.Hint = "start it with --secret-key-file, the same at all coordinators"
	return f
}

// foreign refuses to go on where a secret, but for the one that is set anew, has another
// coordinator's key.
func (s *Secrets) foreign(but string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for key, v := range s.all {
		if key == but || s.cfg.Keys.has(v.Key) {
			continue
		}
		f := coordinator.Faultf(coordinator.Conflict, "secret %s of project %s is encrypted with master key %s, which this coordinator does not have; its own is %s", v.Name, s.cfg.Project, v.Key, s.cfg.Keys.first)
		f.Hint = "give all coordinators the same --secret-key-file; where that key is lost, delete the secret and set it anew"
		return f
	}
	return nil
}

// Used reports whether any secret is stored.
func (s *Secrets) Used() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.all) > 0
}

// Exists is [Secrets.Known], and asks the store where it is not known here: another coordinator may
// have set it a moment ago.
func (s *Secrets) Exists(ctx context.Context, name string) (bool, error) {
	if s.Known(name) {
		return true, nil
	}
	_, _, err := s.table.Read(ctx, keyOf(name))
	if coordinator.FamilyOf(err) == coordinator.Unknown {
		return false, nil
	}
	return err == nil, err
}

// Known reports whether there is a secret of that name, as this coordinator knows it.
func (s *Secrets) Known(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, there := s.all[keyOf(name)]
	return there
}
