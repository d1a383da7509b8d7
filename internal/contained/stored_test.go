package contained

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"sluice/recipe"
)

// stored is what one server has of each stream itself, by account and stream.
type stored map[string]streamState

type streamState struct {
	Messages uint64 `json:"messages"`
	Last     uint64 `json:"last_seq"`
}

// stored asks a server's monitor. A leader's word on its replicas is not enough: one that it
// takes for current may still be fetching what is in the stream.
func (s *servers) stored(ctx context.Context, name string) (stored, error) {
	url, err := s.port(ctx, name, "8222/tcp", "http")
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/jsz?accounts=true&streams=true", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var all struct {
		Accounts []struct {
			Name    string `json:"name"`
			Streams []struct {
				Name  string      `json:"name"`
				State streamState `json:"state"`
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		return nil, err
	}
	has := stored{}
	for _, a := range all.Accounts {
		for _, st := range a.Streams {
			has[a.Name+"/"+st.Name] = st.State
		}
	}
	return has, nil
}

// whole reports whether all servers have come as far in all streams as any was when this was
// asked first. Only then another one may be lost.
func (s *servers) whole(ctx context.Context, first stored) (bool, error) {
	if len(first) == 0 {
		for name := range s.nodes {
			has, err := s.stored(ctx, name)
			if err != nil {
				return false, err
			}
			for stream, state := range has {
				if state.Last >= first[stream].Last {
					first[stream] = state
				}
			}
		}
	}
	for name := range s.nodes {
		has, err := s.stored(ctx, name)
		if err != nil {
			return false, err
		}
		for stream, state := range first {
			if got := has[stream]; got.Last < state.Last {
				return false, fmt.Errorf("%s has come to %d of %s, want %d", name, got.Last, stream, state.Last)
			}
		}
	}
	return true, nil
}

// left reports the streams that some server has of a job.
func (s *servers) left(ctx context.Context, id recipe.JobID) (all []string, err error) {
	for name := range s.nodes {
		has, err := s.stored(ctx, name)
		if err != nil {
			return nil, err
		}
		for stream := range has {
			if strings.Contains(stream, string(id)) {
				all = append(all, name+": "+stream)
			}
		}
	}
	return all, nil
}
