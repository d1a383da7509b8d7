package coordinator

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Secret is a secret as it is shown: all but its value, which nobody reads but the nodes that
// name it.
type Secret struct {
	Name string    `json:"name"` // as ${secret:NAME} has it
	By   string    `json:"by"`   // who set it last
	At   time.Time `json:"at"`   // and when
	Key  string    `json:"key"`  // id of the master key that it is encrypted with
}

// Bounds of a secret's value, in bytes. A shorter one stands in so many words that a worker
// could not keep it out of what it says.
const (
	MinSecret = 4
	MaxSecret = 32 << 10
)

var secretName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// CheckSecretName says what is wrong with a name.
func CheckSecretName(name string) error {
	if !secretName.MatchString(name) {
		return Faultf(Invalid, "secret name %.80q: a letter, and up to 63 letters, digits and . _ -", name)
	}
	return nil
}

// CheckSecret says what is wrong with a secret; it never says its value.
func CheckSecret(name, value string) error {
	if err := CheckSecretName(name); err != nil {
		return err
	}
	switch {
	case len(value) > MaxSecret:
		return Faultf(TooLarge, "secret %s: its value has more than %d bytes", name, MaxSecret)
	case len(strings.TrimSpace(value)) < MinSecret:
		return Faultf(Invalid, "secret %s: its value has fewer than %d bytes, which messages could not be kept free of", name, MinSecret)
	case !utf8.ValidString(value):
		return Faultf(Invalid, "secret %s: its value is not UTF-8; take base64 of it", name)
	}
	return nil
}
