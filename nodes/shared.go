package nodes

import "sync"

// Shared keeps what the instances of one step load once and read together, such as the
// table of a lookup. A worker makes one for each step and puts it into its Envs. The
// zero value is ready; a nil one shares nothing.
type Shared struct {
	mu     sync.Mutex
	loaded map[string]any
	failed map[string]error // for good
}

// Load returns what load made for this key before, or calls it. Others wait meanwhile.
// What failed with a Permanent error fails again without a call; any other error is
// tried again by the next one. What is returned must not be changed.
func (s *Shared) Load(key string, load func() (any, error)) (any, error) {
	if s == nil {
		return load()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.loaded[key]; ok {
		return v, nil
	}
	if err := s.failed[key]; err != nil {
		return nil, err
	}
	v, err := load()
	if err != nil {
		if IsPermanent(err) {
			if s.failed == nil {
				s.failed = map[string]error{}
			}
			s.failed[key] = err
		}
		return nil, err
	}
	if s.loaded == nil {
		s.loaded = map[string]any{}
	}
	s.loaded[key] = v
	return v, nil
}
