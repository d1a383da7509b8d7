package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamConfig describes a stream. The zero value of each field but Name and
// Subjects is a sensible default.
type StreamConfig struct {
	Name              string
	Subjects          []string
	WorkQueue         bool          // an acknowledged message is removed; else it stays until a limit removes it
	Memory            bool          // kept in memory only
	MaxMsgsPerSubject int64         // 0: no limit
	DiscardNew        bool          // a full subject refuses (ErrFull); else its oldest message goes
	MaxAge            time.Duration // 0: for ever; at least 100 ms
	Duplicates        time.Duration // how long a MsgID is remembered, 129 bytes each; 0: the server's default (2 minutes, or MaxAge)
	MaxBytes          int64         // reserved up front, refuses every subject; 0: no limit
	RefuseFull        bool          // a full stream refuses, though the oldest of a full subject goes
	Replicas          int           // 0: 1
	AllowDirect       bool          // reads of single messages don't go through the leader
	AllowTTL          bool          // messages may have a time to live of their own
	AllowRollup       bool          // a message may take the place of all before it on its subject
}

// StreamState is what a stream holds.
type StreamState struct {
	Msgs     uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	First    uint64 `json:"first_seq"`
	Last     uint64 `json:"last_seq"`
	Subjects int    `json:"num_subjects"`
	Deleted  int    `json:"num_deleted"` // gaps between First and Last
}

func (s *StreamConfig) wire() jetstream.StreamConfig {
	w := jetstream.StreamConfig{
		Name:              s.Name,
		Subjects:          s.Subjects,
		MaxConsumers:      unlimited,
		MaxMsgs:           unlimited,
		MaxBytes:          unlimited,
		MaxMsgsPerSubject: unlimited,
		MaxMsgSize:        unlimited,
		MaxAge:            s.MaxAge,
		Duplicates:        s.Duplicates,
		Replicas:          max(1, s.Replicas),
		AllowDirect:       s.AllowDirect,
		AllowMsgTTL:       s.AllowTTL,
		AllowRollup:       s.AllowRollup,
	}
	if s.WorkQueue {
		w.Retention = jetstream.WorkQueuePolicy
	}
	if s.Memory {
		w.Storage = jetstream.MemoryStorage
	}
	if s.MaxMsgsPerSubject > 0 {
		w.MaxMsgsPerSubject = s.MaxMsgsPerSubject
	}
	if s.MaxBytes > 0 {
		w.MaxBytes = s.MaxBytes
	}
	if s.DiscardNew {
		w.Discard = jetstream.DiscardNew
		w.DiscardNewPerSubject = s.MaxMsgsPerSubject > 0
	}
	if s.RefuseFull {
		w.Discard = jetstream.DiscardNew
	}
	if w.MaxAge > 0 && w.Duplicates > w.MaxAge {
		w.Duplicates = w.MaxAge
	}
	return w
}

// DeleteStream deletes the stream and all it holds; an absent one is fine.
func (c *Conn) DeleteStream(ctx context.Context, name string) error {
	c.mu.Lock()
	delete(c.indirect, name)
	c.mu.Unlock()
	if err := c.api(ctx, "STREAM.DELETE."+name, nil, nil); err != nil && !errors.Is(err, ErrNoStream) {
		return fmt.Errorf("delete stream %s: %w", name, err)
	}
	return nil
}

// Streams returns the names of the streams that begin with prefix, sorted.
func (c *Conn) Streams(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	for {
		var page struct {
			Total   int      `json:"total"`
			Streams []string `json:"streams"`
		}
		request := map[string]int{"offset": len(names)}
		if err := c.api(ctx, "STREAM.NAMES", request, &page); err != nil {
			return nil, fmt.Errorf("list streams: %w", err)
		}
		names = append(names, page.Streams...)
		if len(page.Streams) == 0 || len(names) >= page.Total {
			break
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) })
	slices.Sort(names)
	return slices.Compact(names), nil
}

// StreamState returns what the stream holds now; ErrNoStream when there is none.
func (c *Conn) StreamState(ctx context.Context, stream string) (StreamState, error) {
	var answer struct {
		State StreamState `json:"state"`
	}
	if err := c.api(ctx, "STREAM.INFO."+stream, nil, &answer); err != nil {
		return StreamState{}, fmt.Errorf("stream %s: %w", stream, err)
	}
	return answer.State, nil
}

// SubjectCounts returns how many messages each subject under the filter holds.
// Subjects without a message are not in the map.
func (c *Conn) SubjectCounts(ctx context.Context, stream, filter string) (map[string]uint64, error) {
	counts := make(map[string]uint64)
	for offset := 0; ; {
		var answer struct {
			Total int `json:"total"`
			State struct {
				Subjects map[string]uint64 `json:"subjects"`
			} `json:"state"`
		}
		request := map[string]any{"subjects_filter": filter, "offset": offset}
		if err := c.api(ctx, "STREAM.INFO."+stream, request, &answer); err != nil {
			return nil, fmt.Errorf("subjects of %s: %w", stream, err)
		}
		for s, n := range answer.State.Subjects {
			counts[s] = n
		}
		offset += len(answer.State.Subjects)
		if len(answer.State.Subjects) == 0 || offset >= answer.Total {
			return counts, nil
		}
	}
}

// SubjectCount returns how many messages one subject holds.
func (c *Conn) SubjectCount(ctx context.Context, stream, subject string) (uint64, error) {
	counts, err := c.SubjectCounts(ctx, stream, subject)
	return counts[subject], err
}

// PurgeBelow removes all messages with a sequence under seq, and returns how many.
func (c *Conn) PurgeBelow(ctx context.Context, stream string, seq uint64) (uint64, error) {
	if seq <= 1 {
		return 0, nil
	}
	return c.purge(ctx, stream, map[string]any{"seq": seq})
}

// PurgeSubject removes all messages of the subject, which may have wildcards.
func (c *Conn) PurgeSubject(ctx context.Context, stream, subject string) error {
	_, err := c.purge(ctx, stream, map[string]any{"filter": subject})
	return err
}

// PurgeSubjectBelow removes the messages of the subject, which may have wildcards,
// with a sequence under seq, and returns how many.
func (c *Conn) PurgeSubjectBelow(ctx context.Context, stream, subject string, seq uint64) (uint64, error) {
	if seq <= 1 {
		return 0, nil
	}
	return c.purge(ctx, stream, map[string]any{"filter": subject, "seq": seq})
}

func (c *Conn) purge(ctx context.Context, stream string, request map[string]any) (uint64, error) {
	var answer struct {
		Purged uint64 `json:"purged"`
	}
	if err := c.api(ctx, "STREAM.PURGE."+stream, request, &answer); err != nil {
		return 0, fmt.Errorf("purge %s: %w", stream, err)
	}
	return answer.Purged, nil
}

// DeleteSeq removes one message; an absent one is fine.
func (c *Conn) DeleteSeq(ctx context.Context, stream string, seq uint64) error {
	request := map[string]any{"seq": seq, "no_erase": true}
	err := c.api(ctx, "STREAM.MSG.DELETE."+stream, request, nil)
	if err == nil || errors.Is(err, ErrNotFound) {
		return nil
	}
	return fmt.Errorf("delete %d of %s: %w", seq, stream, err)
}
