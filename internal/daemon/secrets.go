package daemon

import (
	"bytes"

	"sluice/coordinator/fleet"
	"sluice/recipe"
)

// known are a project's workers as the secrets need them.
type known struct{ *fleet.Fleet }

// Announced implements secret.Workers.
func (k known) Announced(worker string, key []byte) bool {
	w, err := k.Worker(worker)
	return err == nil && len(key) > 0 && bytes.Equal(w.Key, key)
}

// Serves implements secret.Workers.
func (k known) Serves(worker string, step *recipe.Step) bool {
	w, err := k.Worker(worker)
	return err == nil && w.InPool(step.Pool) && w.Has(step)
}
