package secret

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Keyring are the master keys: the first one encrypts, all decrypt. It may be used from any
// goroutine.
type Keyring struct {
	first string
	keys  map[string]cipher.AEAD // by id
}

const (
	masterSize = 32
	maxKeyFile = 64 << 10
	maxMasters = 100
)

// ParseKeyring reads master keys: one a line, 32 bytes in base64. Empty lines and those that
// begin with # are left out. Errors name the line and never hold what stands there.
func ParseKeyring(text []byte) (*Keyring, error) {
	r := &Keyring{keys: map[string]cipher.AEAD{}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != masterSize {
			return nil, fmt.Errorf("line %d: %d bytes in base64 are wanted, as openssl rand -base64 %d writes them", n, masterSize, masterSize)
		}
		if bytes.Equal(key, make([]byte, masterSize)) {
			return nil, fmt.Errorf("line %d: the key is all zeros", n)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		id := masterID(key)
		if clear(key); r.first == "" {
			r.first = id
		}
		if r.keys[id] = aead; len(r.keys) > maxMasters {
			return nil, fmt.Errorf("line %d: more than %d keys", n, maxMasters)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, errors.New("a line is too long")
	}
	if r.first == "" {
		return nil, errors.New("there is no key in it")
	}
	return r, nil
}

// masterID names a key. It tells nothing of one that is random.
func masterID(key []byte) string {
	digest := sha256.Sum256(append([]byte("sluice master key "), key...))
	return hex.EncodeToString(digest[:8])
}

// ReadKeyring reads master keys from a file. Others than its owner may not read it; the owner's
// group may, since that is how a secret is mounted into a container.
func ReadKeyring(path string) (*Keyring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	if mode := info.Mode(); runtime.GOOS != "windows" && mode.Perm()&0o037 != 0 {
		return nil, fmt.Errorf("master key %s: its mode is %04o, so others can read it or change it: chmod 600 it", path, mode.Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = fmt.Errorf("it has more than %d bytes", maxKeyFile)
	}
	if err != nil {
		return nil, fmt.Errorf("master key %s: %w", path, err)
	}
	defer clear(text)
	r, err := ParseKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("master key %s: %w", path, err)
	}
	return r, nil
}

// EnsureKeyring is [ReadKeyring] of a file that it makes, with a new key and mode 0600, where
// there is none. Without that file the secrets are lost: it belongs into the backup, apart from
// the store's.
func EnsureKeyring(path string) (*Keyring, error) {
	if _, err := os.Lstat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return ReadKeyring(path)
	}
	var key [masterSize]byte
	rand.Read(key[:])
	if err := writeNew(path, []byte(base64.StdEncoding.EncodeToString(key[:])+"\n")); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return ReadKeyring(path)
}

// writeNew makes a file that is whole and on the disk, or is not there: what was encrypted with
// half a key could never be read. It is fs.ErrExist where somebody else was faster.
func writeNew(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Link(f.Name(), path) // unlike a rename it replaces nothing
	}
	if err != nil {
		return err
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil { // a folder can't be synced everywhere
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

// has reports whether a key is one of the ring, which may be nil.
func (r *Keyring) has(id string) bool { return r != nil && r.keys[id] != nil }

// seal encrypts a value for what it is bound to.
func (r *Keyring) seal(value, bound []byte) (id string, sealed []byte) {
	return r.first, r.keys[r.first].Seal(nil, nil, value, bound)
}

// open decrypts what seal made.
func (r *Keyring) open(id string, sealed, bound []byte) ([]byte, error) {
	aead := r.keys[id]
	if aead == nil {
		return nil, fmt.Errorf("it is encrypted with master key %.32q, which this coordinator does not have", id)
	}
	value, err := aead.Open(nil, nil, sealed, bound)
	if err != nil {
		return nil, errors.New("what is stored was changed, or is another secret's")
	}
	return value, nil
}
