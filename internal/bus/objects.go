package bus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// objectChunk is the size of an object's pieces: well under a message's bound.
const objectChunk = 512 << 10

// ObjectsConfig describes a store of large values. Stream and Prefix are required.
type ObjectsConfig struct {
	Stream   string
	Prefix   string // of the subjects: PREFIX.m.NAME and PREFIX.c.NAME.…
	Memory   bool
	MaxBytes int64 // of all objects, reserved up front; 0: no bound but the account's
	Replicas int
}

// Objects keeps large values by name, each put once. A value is stored in chunks
// named by its digest, and then a manifest under its name: so a reader sees all of it
// or nothing, and of two writers the first wins.
type Objects struct {
	c *Conn
	k ObjectsConfig
}

// manifest is what is stored under an object's name.
type manifest struct {
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// Objects opens the store, and makes its stream when there is none.
func (c *Conn) Objects(ctx context.Context, k ObjectsConfig) (*Objects, error) {
	err := c.EnsureStream(ctx, StreamConfig{
		Name:              k.Stream,
		Subjects:          []string{k.Prefix + ".m.*", k.Prefix + ".c.*.*.*"},
		Memory:            k.Memory,
		MaxMsgsPerSubject: 1,
		DiscardNew:        true,
		MaxBytes:          k.MaxBytes,
		Replicas:          k.Replicas,
		AllowDirect:       true,
	})
	if err != nil {
		return nil, fmt.Errorf("objects: %w", err)
	}
	return &Objects{c: c, k: k}, nil
}

// StoredObjects opens a store to read from it, and makes nothing: where there is no stream, Read
// answers ErrNoStream.
func (c *Conn) StoredObjects(k ObjectsConfig) *Objects { return &Objects{c: c, k: k} }

// Put stores the value under the name, which is one subject token. digest is its
// SHA-256. Putting what is there already is fine; another value under the name is
// ErrExists. At most MaxFrame bytes.
func (o *Objects) Put(ctx context.Context, name string, digest [32]byte, data []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	if len(data) > MaxFrame {
		return fmt.Errorf("object %s: %d bytes, at most %d are allowed: %w", name, len(data), MaxFrame, ErrTooLarge)
	}
	if sha256.Sum256(data) != digest {
		return fmt.Errorf("object %s: %w", name, ErrDigest)
	}
	want := manifest{Size: len(data), SHA256: hex.EncodeToString(digest[:])}
	have, err := o.manifest(ctx, name)
	switch {
	case err == nil:
		return sameObject(name, have, want)
	case !errors.Is(err, ErrNotFound):
		return fmt.Errorf("object %s: %w", name, err)
	}
	if err := o.putChunks(ctx, name, want, data); err != nil {
		return fmt.Errorf("object %s: %w", name, err)
	}
	b, err := json.Marshal(want)
	if err != nil {
		return fmt.Errorf("object %s: %w", name, err)
	}
	err = o.put(ctx, o.k.Prefix+".m."+name, b)
	if errors.Is(err, ErrExists) {
		if have, err = o.manifest(ctx, name); err == nil {
			return sameObject(name, have, want)
		}
	}
	if err != nil {
		return fmt.Errorf("object %s: %w", name, err)
	}
	return nil
}

func sameObject(name string, have, want manifest) error {
	if have != want {
		return fmt.Errorf("object %s: another value has this name: %w", name, ErrExists)
	}
	return nil
}

// putChunks stores the pieces; those that are there already are equal, because
// their subject names their digest.
func (o *Objects) putChunks(ctx context.Context, name string, m manifest, data []byte) error {
	for k := 0; len(data) > 0; k++ {
		n := min(len(data), objectChunk)
		if err := o.put(ctx, o.chunk(name, m, k), data[:n]); err != nil && !errors.Is(err, ErrExists) {
			return err
		}
		data = data[n:]
	}
	return nil
}

func (o *Objects) chunk(name string, m manifest, k int) string {
	return fmt.Sprintf("%s.c.%s.%s.%d", o.k.Prefix, name, m.SHA256[:32], k)
}

// put stores one message and waits. Objects are few and large: no publisher is held.
func (o *Objects) put(ctx context.Context, subject string, data []byte) error {
	ctx, cancel := o.c.bound(ctx)
	defer cancel()
	m, err := o.c.nc.RequestWithContext(ctx, subject, data)
	if noResponders(err) {
		return ErrNoStream
	}
	if err != nil {
		return wireError(err)
	}
	return parseAck(m.Data).Err
}

func (o *Objects) manifest(ctx context.Context, name string) (m manifest, err error) {
	s, err := o.c.Last(ctx, o.k.Stream, o.k.Prefix+".m."+name)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(s.Data, &m); err != nil {
		return m, fmt.Errorf("manifest: %w: %w", ErrDigest, err)
	}
	if m.Size < 0 || m.Size > MaxFrame || len(m.SHA256) != 2*sha256.Size {
		return m, fmt.Errorf("manifest: %w", ErrDigest)
	}
	return m, nil
}

// Read returns the value; ErrNotFound when there is none of this name, ErrDigest
// when what is stored is not what was put.
func (o *Objects) Read(ctx context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	m, err := o.manifest(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("object %s: %w", name, err)
	}
	data := make([]byte, 0, m.Size)
	for k := 0; len(data) < m.Size; k++ {
		s, err := o.c.Last(ctx, o.k.Stream, o.chunk(name, m, k))
		if err != nil {
			return nil, fmt.Errorf("object %s: chunk %d: %w", name, k, err)
		}
		if len(s.Data) == 0 || len(s.Data) > m.Size-len(data) {
			return nil, fmt.Errorf("object %s: chunk %d: %w", name, k, ErrDigest)
		}
		data = append(data, s.Data...)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != m.SHA256 {
		return nil, fmt.Errorf("object %s: %w", name, ErrDigest)
	}
	return data, nil
}

// Delete removes the value; an absent one is fine.
func (o *Objects) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := o.c.PurgeSubject(ctx, o.k.Stream, o.k.Prefix+".m."+name); err != nil {
		return err
	}
	return o.c.PurgeSubject(ctx, o.k.Stream, o.k.Prefix+".c."+name+".*.*")
}

// checkName refuses what is not one subject token.
func checkName(name string) error {
	if name == "" || len(name) > 200 || strings.ContainsAny(name, ".*> \t\r\n") {
		return fmt.Errorf("object name %q: want one subject token", name)
	}
	return nil
}
