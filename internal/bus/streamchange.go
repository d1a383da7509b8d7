package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// EnsureStream makes the stream, or accepts one with the same settings. Another one of this
// name is ErrDiffers, with one exception: a stream is kept on more servers when more are asked
// for, and never on fewer, so that of two services with different settings none takes from a
// stream what the other gave it. It returns before the added servers have all that is in it.
func (c *Conn) EnsureStream(ctx context.Context, s StreamConfig) error {
	err := c.createStream(ctx, s)
	if errors.Is(err, ErrDiffers) {
		err = c.ensureReplicas(ctx, s, err)
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", s.Name, err)
	}
	return nil
}

// createTries are the times that a stream is asked for whose folder the server could not make.
const createTries = 5

// createStream asks for a stream. The server removes the folders of an account in the background
// when its last stream is deleted, and fails where it makes another in them at that moment.
func (c *Conn) createStream(ctx context.Context, s StreamConfig) (err error) {
	for range createTries {
		var refused *apiError
		err = c.api(ctx, "STREAM.CREATE."+s.Name, s.wire(), nil)
		if !errors.As(err, &refused) || refused.ErrCode != codeNoFolder {
			return err
		}
	}
	return err
}

// ensureReplicas gives a stream that exists the replicas that are asked for, and then looks
// whether it differs in anything else; differs is the answer if its replicas are not why.
func (c *Conn) ensureReplicas(ctx context.Context, s StreamConfig, differs error) error {
	config, has, err := c.replicas(ctx, s.Name)
	if err != nil {
		return err
	}
	asked := max(1, s.Replicas)
	switch {
	case has == asked:
		return differs
	case has > asked:
		c.log.Warn("a stream keeps the replicas that it has, more than are asked for", "stream", s.Name, "has", has, "asked", asked)
		s.Replicas = has
	default:
		config["num_replicas"] = json.RawMessage(strconv.Itoa(asked))
		if err := c.api(ctx, "STREAM.UPDATE."+s.Name, config, nil); err != nil {
			return fmt.Errorf("%d replicas instead of %d: %w", asked, has, err)
		}
		c.log.Info("a stream is kept on more servers", "stream", s.Name, "replicas", asked, "had", has)
	}
	return c.api(ctx, "STREAM.CREATE."+s.Name, s.wire(), nil)
}

// replicas returns the settings of a stream as the server has them, and how many replicas they say.
func (c *Conn) replicas(ctx context.Context, stream string) (config map[string]json.RawMessage, n int, err error) {
	var answer struct {
		Config json.RawMessage `json:"config"`
	}
	if err := c.api(ctx, "STREAM.INFO."+stream, nil, &answer); err != nil {
		return nil, 0, err
	}
	var replicas struct {
		N int `json:"num_replicas"`
	}
	if err = json.Unmarshal(answer.Config, &replicas); err == nil {
		err = json.Unmarshal(answer.Config, &config)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("unreadable settings: %w", err)
	}
	return config, max(1, replicas.N), nil
}

// ChangeStream gives a stream that exists other bounds; what is beyond them goes at once. It
// keeps the replicas that it has where they are more. What it is kept on, and whether it is a
// work queue, can't be changed: that is an error.
func (c *Conn) ChangeStream(ctx context.Context, s StreamConfig) error {
	_, has, err := c.replicas(ctx, s.Name)
	if err == nil {
		s.Replicas = max(s.Replicas, has)
		err = c.api(ctx, "STREAM.UPDATE."+s.Name, s.wire(), nil)
	}
	if err != nil {
		return fmt.Errorf("change stream %s: %w", s.Name, err)
	}
	return nil
}
