package secret

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/crypto/nacl/box"

	"sluice/recipe"
)

// KeySize is the size of a worker's public key, of X25519.
const KeySize = 32

// Bounds of the wire.
const (
	maxAsk   = 64 << 10
	maxNames = 16 // of one request; with the largest values they fit a message
)

// ask is what a worker sends.
type ask struct {
	Worker string       `json:"worker"`
	Job    recipe.JobID `json:"job"`
	Node   string       `json:"node"` // its path in the plan
	Names  []string     `json:"names"`
	Key    []byte       `json:"key"`   // public, of the worker
	Nonce  []byte       `json:"nonce"` // of this request, for which alone the answer is good
}

// answer is what it gets: one of the two.
type answer struct {
	Sealed  []byte `json:"sealed,omitempty"`  // contents, for the worker's key
	Refused string `json:"refused,omitempty"` // why not
	Again   bool   `json:"again,omitempty"`   // it may be otherwise in a moment
}

// contents are what is sealed.
type contents struct {
	Job    recipe.JobID      `json:"job"`
	Node   string            `json:"node"`
	Nonce  []byte            `json:"nonce"`
	Values map[string]string `json:"values"`
}

// seal encrypts contents so that the holder of the private key alone can read them.
func seal(c *contents, to []byte) ([]byte, error) {
	if len(to) != KeySize {
		return nil, fmt.Errorf("the worker's key has %d bytes, not %d", len(to), KeySize)
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, errors.New("the values can't be written") // err may quote them
	}
	defer clear(plain)
	return box.SealAnonymous(nil, plain, (*[KeySize]byte)(to), rand.Reader)
}
