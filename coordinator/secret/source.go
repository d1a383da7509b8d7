package secret

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/nacl/box"

	"sluice/internal/bus"
	"sluice/recipe"
)

// Waits of a source.
const (
	requestFor = 5 * time.Second
	firstWait  = 50 * time.Millisecond
	longWait   = 2 * time.Second
	// refusedFor is how long a refusal that may pass is not taken for an answer: so long a
	// coordinator may not have heard of a worker.
	refusedFor = 30 * time.Second
)

// Asker asks coordinators; see [bus.Conn.Request].
type Asker interface {
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
}

// SourceConfig says who asks.
type SourceConfig struct {
	Bus    Asker // of the account in which the project's jobs run
	Worker string
	Log    hclog.Logger
}

// Source is the worker's end of the wire. It may be used from any goroutine.
type Source struct {
	cfg             SourceConfig
	public, private *[KeySize]byte
}

// NewSource makes a key that lives as long as the process, and is stored nowhere.
func NewSource(c SourceConfig) (*Source, error) {
	if c.Bus == nil || c.Worker == "" {
		return nil, fmt.Errorf("secrets: a connection and the worker's name are needed")
	}
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	s := &Source{cfg: c}
	var err error
	s.public, s.private, err = box.GenerateKey(rand.Reader)
	return s, err
}

// PublicKey is what the worker announces.
func (s *Source) PublicKey() []byte { return bytes.Clone(s.public[:]) }

// Secret asks for the value of ${secret:name} in a node of a job; it is worker.Config.Secret.
// Where no coordinator answers it asks again until ctx ends, since a job can't go on without
// one either. An error never holds a value.
func (s *Source) Secret(ctx context.Context, job recipe.JobID, node, name string) (string, error) {
	begun, wait := time.Now(), firstWait
	for {
		value, again, err := s.once(ctx, job, node, name)
		if err == nil || !again || ctx.Err() != nil {
			return value, err
		}
		var no refusal
		if errors.As(err, &no) && time.Since(begun) > refusedFor {
			return "", err
		}
		if wait == longWait {
			s.cfg.Log.Warn("a secret is waited for", "job", string(job), "node", node, "name", name, "err", err)
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(wait):
		}
		wait = min(2*wait, longWait)
	}
}

// refusal is a coordinator's word.
type refusal string

// Error implements error.
func (r refusal) Error() string { return string(r) }

// once asks once; again says that another try may do better.
func (s *Source) once(ctx context.Context, job recipe.JobID, node, name string) (value string, again bool, err error) {
	a := ask{Worker: s.cfg.Worker, Job: job, Node: node, Names: []string{name}, Key: s.public[:], Nonce: []byte(rand.Text())}
	body, err := json.Marshal(a)
	if err != nil {
		return "", false, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestFor)
	defer cancel()
	data, err := s.cfg.Bus.Request(ctx, (bus.Names{Job: job}).Secrets(), body)
	if err != nil {
		return "", !errors.Is(err, bus.ErrClosed), err
	}
	var got answer
	if err := json.Unmarshal(data, &got); err != nil {
		return "", true, errors.New("the coordinator's answer can't be read")
	}
	if got.Refused != "" {
		return "", got.Again, refusal(got.Refused)
	}
	c, err := s.open(got.Sealed)
	if err != nil {
		return "", true, err
	}
	value, there := c.Values[name]
	if !there || c.Job != job || c.Node != node || !bytes.Equal(c.Nonce, a.Nonce) {
		return "", true, errors.New("the coordinator's answer is one to another request")
	}
	return value, false, nil
}

func (s *Source) open(sealed []byte) (*contents, error) {
	plain, ok := box.OpenAnonymous(nil, sealed, s.public, s.private)
	if !ok {
		return nil, errors.New("the coordinator's answer is not sealed to this worker's key")
	}
	defer clear(plain)
	c := &contents{}
	if json.Unmarshal(plain, c) != nil {
		return nil, errors.New("the coordinator's answer can't be read")
	}
	return c, nil
}
