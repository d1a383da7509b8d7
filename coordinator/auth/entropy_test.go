package auth_test

import (
	"encoding/base64"
	"math/bits"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestO1Entropy makes keys and looks at their secrets: 256 bits each, none twice, as many ones as
// zeros, no bit that is always the same; and in the store none of them, in part or encoded.
func TestO1Entropy(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	a := open(t, conn, auth.Config{}).runs(t)
	const n = 300
	seen := map[string]bool{}
	var ones int
	var always, never [32]byte
	var tokens []string
	for i := range always {
		always[i] = 0xff
	}
	for range n {
		_, token := a.key(t, "ann", coordinator.Viewer, time.Time{})
		secret := token[strings.LastIndex(token, auth.PrefixOf(token)+"_")+len(auth.PrefixOf(token))+1:]
		raw, err := base64.RawURLEncoding.DecodeString(secret)
		if err != nil || len(raw) != 32 || seen[secret] {
			t.Fatalf("the secret has %d bytes, want 32 (%v); before: %v", len(raw), err, seen[secret])
		}
		seen[secret] = true
		tokens = append(tokens, secret)
		for i, b := range raw {
			ones += bits.OnesCount8(b)
			always[i] &= b
			never[i] |= b
		}
	}
	if share := float64(ones) / (256 * n); share < 0.49 || share > 0.51 {
		t.Errorf("%.3f of the bits are ones", share)
	}
	for i := range always {
		if always[i] != 0 || never[i] != 0xff {
			t.Errorf("byte %d has bits that never change: %08b %08b", i, always[i], never[i])
		}
	}
	stored := ""
	err := conn.Scan(bustest.Context(t), store.Stream, "", 0, func(m *bus.Stored) error {
		stored += m.Subject + string(m.Data)
		return nil
	})
	if err != nil || !strings.Contains(stored, "ann") {
		t.Fatal(err)
	}
	for _, secret := range tokens {
		for _, part := range []string{secret[:12], secret[16:28], base64.StdEncoding.EncodeToString([]byte(secret))[:16]} {
			if strings.Contains(stored, part) {
				t.Fatalf("the store has %s of a key", part)
			}
		}
	}
}
