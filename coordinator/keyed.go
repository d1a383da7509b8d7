package coordinator

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"

	"sluice/recipe"
)

// ids are letters and digits, in lower case.
var ids = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// KeyedID makes the id of a job of texts, such as who submits it and an idempotency key: the same
// for the same ones.
func KeyedID(texts ...string) recipe.JobID {
	b, _ := json.Marshal(texts) // texts always encode
	sum := sha256.Sum256(b)
	return recipe.JobID(ids.EncodeToString(sum[:])[:20])
}
