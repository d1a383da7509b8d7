package coordinator

import (
	"bytes"
	"encoding/json"
)

// Values are JSON values by name, such as those of parameters. Numbers are kept as they are
// written, as json.Number: an integer of 64 bits keeps all its digits.
type Values map[string]any

// UnmarshalJSON implements json.Unmarshaler.
func (v *Values) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		return err
	}
	*v = all
	return nil
}
