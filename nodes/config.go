package nodes

import (
	"encoding/json"
	"reflect"
)

// decodeConfig reads settings into the struct that v points to; the SDK's own work in
// progress fills in defaults and checks the tags.
func decodeConfig(config json.RawMessage, v reflect.Value) error {
	return json.Unmarshal(config, v.Interface())
}
