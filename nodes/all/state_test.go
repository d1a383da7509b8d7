package all_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/nodes/nodetest"
	"sluice/recipe"
)

// fullest says how the state of a kind becomes as large as its settings allow.
type fullest struct {
	config string
	types  []recipe.Type // of the input ports
	record func(i int) nodes.Record
	n      int // records; more are given up or change nothing
}

var (
	filler  = strings.Repeat("x", 1000)
	numbers = func(int) nodes.Record { return nodes.IntRecord(-1 << 63) }
	truths  = func(int) nodes.Record { return nodes.BoolRecord(true) }
)

var fullestStates = map[string]fullest{
	"and":              {"values_to_keep: 1000000", []recipe.Type{recipe.Bool}, truths, 1_000_001},
	"or":               {"values_to_keep: 1000000", []recipe.Type{recipe.Bool}, truths, 1_000_001},
	"xor":              {"values_to_keep: 1000000", []recipe.Type{recipe.Bool}, truths, 1_000_001},
	"rolling_sum":      {"values_to_keep: 1000000", []recipe.Type{recipe.Number}, numbers, 1_000_001},
	"rolling_average":  {"values_to_keep: 1000000", []recipe.Type{recipe.Number}, numbers, 1_000_001},
	"pairwise_product": {"", []recipe.Type{recipe.Int}, numbers, 2},
	"dedupe":           {"max_keys: 1000000", []recipe.Type{recipe.Int}, func(i int) nodes.Record { return nodes.IntRecord(int64(i)) }, 1_000_001},
	"count_by":         {"max_keys: 1000000", []recipe.Type{recipe.String}, func(i int) nodes.Record { return nodes.TextRecord(fmt.Sprintf("key-%018d", i)) }, 1_000_001},
	"top": {"{n: 100000, by: n}", []recipe.Type{recipe.JSON}, func(i int) nodes.Record {
		return nodes.JSONRecord(fmt.Appendf(nil, `{"n":%d,"x":%q}`, i, filler[:300]))
	}, 110_000},
	"limit":       {"count: 9223372036854775807", []recipe.Type{recipe.Int}, numbers, 10},
	"zip":         {"max_ahead: 10000000", []recipe.Type{recipe.String, recipe.String}, func(int) nodes.Record { return nodes.TextRecord(filler) }, 70_000},
	"if":          {"max_ahead: 10000000", []recipe.Type{recipe.Bool, recipe.String}, truths, 10_000_001},
	"parse_csv":   {"", []recipe.Type{recipe.String}, func(int) nodes.Record { return nodes.TextRecord(strings.Repeat(filler, 16<<10)) }, 2},
	"file_writer": {"path: x", []recipe.Type{recipe.Int}, numbers, 10},
}

// TestStatesAtTheirBounds fills every stateful kind up to what its settings allow: the
// snapshot must be one that the engine takes, and a kind must not be left out here.
func TestStatesAtTheirBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute under the race detector, and there is one goroutine")
	}
	for _, k := range all.Catalogue().All() {
		if k.Role != nodes.Ordered && k.Role != nodes.Sink && k.OrderedWith == "" {
			continue
		}
		t.Run(k.Kind, func(t *testing.T) {
			f, listed := fullestStates[k.Kind]
			if !listed {
				f = fullest{config: k.Examples[0].Config, types: []recipe.Type{recipe.JSON}}
			}
			var types nodes.PortTypes
			for i, typ := range f.types {
				types.In = append(types.In, recipe.PortType{Name: k.In[i].Name, Type: typ})
			}
			config, err := nodetest.ConfigJSON(f.config)
			if err != nil {
				t.Fatal(err)
			}
			if config, faults := k.CheckConfig(config); faults != nil {
				t.Fatalf("%s: %v", config, faults)
			}
			node, err := k.Build(config, &nodes.Env{Checking: true, Types: types})
			if err != nil {
				t.Fatal(err)
			}
			s, stateful := node.(nodes.Stateful)
			if !stateful {
				return
			}
			if !listed {
				t.Fatal("it keeps a state; say in fullestStates how that is filled")
			}
			out := nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.Any}})
			var delta []byte
			for i := range f.n {
				out.Begin(t.Context(), [2]uint64{})
				_ = s.Process(out, f.record(i)) // what passes the bounds is given up
				if i%recipe.FrameRecords == 0 {
					if delta = s.AppendDelta(delta[:0]); len(delta) > nodes.MaxState {
						t.Fatalf("the delta after record %d has %d bytes", i, len(delta))
					}
				}
			}
			size := len(s.AppendSnapshot(nil))
			if k.Kind == "dedupe" {
				size *= 10 // filled to a tenth: all its values are of one size
			}
			if size > nodes.MaxState {
				t.Errorf("the state has %d bytes; it may have %d", size, nodes.MaxState)
			} else {
				t.Logf("%d bytes", size)
			}
		})
	}
}
