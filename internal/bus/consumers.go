package bus

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ConsumerConfig describes a durable pull consumer with explicit acknowledgement
// that starts at the beginning of its stream and gives no message up.
type ConsumerConfig struct {
	Stream            string
	Name              string
	Filter            string          // "" for all subjects
	AckWait           time.Duration   // 0: the server's default, 30 s
	MaxAckPending     int             // messages in hand, over all readers; 0: the server's default, 1000
	Backoff           []time.Duration // waits before deliveries 2, 3, … instead of AckWait; the last one stays
	InactiveThreshold time.Duration   // removed when nobody reads for so long; 0: never
	Memory            bool            // its state is not stored; it is gone after a restart of the server
}

// ConsumerState is how far a consumer has got. It follows the stream with a delay of
// some milliseconds, so it is for display and fullness, never for proof of an end.
type ConsumerState struct {
	Waiting     uint64 `json:"num_pending"`     // messages not handed out yet
	InHand      int    `json:"num_ack_pending"` // handed out and not acknowledged
	Redelivered int    `json:"num_redelivered"`
	Requests    int    `json:"num_waiting"` // requests of readers
}

func (k *ConsumerConfig) wire() jetstream.ConsumerConfig {
	w := jetstream.ConsumerConfig{
		Name:              k.Name,
		Durable:           k.Name,
		AckPolicy:         jetstream.AckExplicitPolicy,
		AckWait:           k.AckWait,
		MaxDeliver:        unlimited,
		BackOff:           k.Backoff,
		FilterSubject:     k.Filter,
		MaxAckPending:     k.MaxAckPending,
		InactiveThreshold: k.InactiveThreshold,
		MemoryStorage:     k.Memory,
	}
	if len(k.Backoff) > 0 {
		w.AckWait = 0 // the server takes the first backoff
	}
	return w
}

// createRequest asks for a consumer; with action "create" an existing one must be equal.
type createRequest struct {
	Stream string                   `json:"stream_name"`
	Config jetstream.ConsumerConfig `json:"config"`
	Action string                   `json:"action,omitempty"`
}

// EnsureConsumer makes the consumer, or accepts one with the same settings. Another
// one of this name is ErrDiffers.
func (c *Conn) EnsureConsumer(ctx context.Context, k ConsumerConfig) error {
	if err := c.createConsumer(ctx, k.Stream, k.wire(), "create", nil); err != nil {
		return fmt.Errorf("consumer %s of %s: %w", k.Name, k.Stream, err)
	}
	return nil
}

func (c *Conn) createConsumer(ctx context.Context, stream string, w jetstream.ConsumerConfig, action string, answer any) error {
	subject := "CONSUMER.CREATE." + stream + "." + w.Name
	if w.FilterSubject != "" {
		subject += "." + w.FilterSubject
	}
	return c.api(ctx, subject, createRequest{Stream: stream, Config: w, Action: action}, answer)
}

// DeleteConsumer deletes the consumer: what it had handed out can be handed out by
// another one at once. An absent one is fine, as is an absent stream.
func (c *Conn) DeleteConsumer(ctx context.Context, stream, name string) error {
	if err := c.api(ctx, "CONSUMER.DELETE."+stream+"."+name, nil, nil); err != nil && !isAbsent(err) {
		return fmt.Errorf("delete consumer %s of %s: %w", name, stream, err)
	}
	return nil
}

// Consumers returns the names of the stream's consumers, sorted.
func (c *Conn) Consumers(ctx context.Context, stream string) ([]string, error) {
	var names []string
	for {
		var page struct {
			Total     int      `json:"total"`
			Consumers []string `json:"consumers"`
		}
		request := map[string]int{"offset": len(names)}
		if err := c.api(ctx, "CONSUMER.NAMES."+stream, request, &page); err != nil {
			return nil, fmt.Errorf("consumers of %s: %w", stream, err)
		}
		names = append(names, page.Consumers...)
		if len(page.Consumers) == 0 || len(names) >= page.Total {
			break
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// ConsumerState returns how far the consumer has got; ErrGone when there is none.
func (c *Conn) ConsumerState(ctx context.Context, stream, name string) (ConsumerState, error) {
	var s ConsumerState
	if err := c.api(ctx, "CONSUMER.INFO."+stream+"."+name, nil, &s); err != nil {
		return s, fmt.Errorf("consumer %s of %s: %w", name, stream, err)
	}
	return s, nil
}
