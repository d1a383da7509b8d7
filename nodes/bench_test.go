package nodes

import (
	"context"
	"testing"

	"sluice/recipe"
)

func BenchmarkColumn(b *testing.B) {
	for name, field := range map[string][2]string{"beside": {"user.name", "name"}, "in place": {"user.name", ""}} {
		b.Run(name, func(b *testing.B) {
			col, err := Column(upper{}, field[0], field[1], recipe.String, recipe.String)
			if err != nil {
				b.Fatal(err)
			}
			doc := JSONRecord([]byte(`{"ts":1591367999.3,"id":"C1","user":{"name":"eve","uid":1000},"host":"web-1","rest":[1,2,3,4,5]}`))
			c := NewCall([]recipe.PortType{{Name: "out", Type: recipe.JSON}})
			b.ReportAllocs()
			for i := range b.N {
				if i%256 == 0 {
					c.Begin(context.Background(), [2]uint64{})
				}
				if err := col.Process(c, doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
