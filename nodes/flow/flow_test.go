package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/nodes"
	"sluice/nodes/nodetest"
	"sluice/recipe"
)

func call(types ...recipe.Type) *nodes.Call {
	ports := make([]recipe.PortType, len(types))
	for i, typ := range types {
		ports[i].Type = typ
	}
	c := nodes.NewCall(ports)
	c.Begin(context.Background(), [2]uint64{1, 2})
	return c
}

func build(t testing.TB, k nodes.Kind, config string, env *nodes.Env) nodes.Processor {
	t.Helper()
	node, err := k.Build([]byte(config), env)
	if err != nil {
		t.Fatal(err)
	}
	return node.(nodes.Processor)
}

func TestSampleRate(t *testing.T) {
	passed := map[string]string{}
	for _, config := range []string{`{"rate":0.25}`, `{"rate":0.25,"seed":9}`} {
		s := build(t, sampleKind, config, &nodes.Env{})
		const n = 40_000
		c := call(recipe.Int)
		for i := range n {
			if err := s.Process(c, nodes.IntRecord(int64(i))); err != nil {
				t.Fatal(err)
			}
		}
		// Three in four standard deviations are 65 records.
		if got := c.Out(0).Len(); got < n/4-400 || got > n/4+400 {
			t.Errorf("%s: %d of %d passed", config, got, n)
		}
		passed[config] = string(c.Out(0).Encoded())
	}
	if len(passed) == 2 && passed[`{"rate":0.25}`] == passed[`{"rate":0.25,"seed":9}`] {
		t.Error("another seed made the same choice")
	}
}

func TestThrottleKeepsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := build(t, throttleKind, `{"rate":20000}`, &nodes.Env{})
		c := call(recipe.Int)
		start := time.Now()
		for i := range 20_001 {
			if err := th.Process(c, nodes.IntRecord(int64(i))); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < 998*time.Millisecond || took > 1002*time.Millisecond {
			t.Errorf("20,001 records at 20,000 a second took %v", took)
		}
		// After a pause only the slack is made up for.
		<-time.After(time.Hour)
		start = time.Now()
		for i := range 20_000 {
			th.Process(c, nodes.IntRecord(int64(i)))
		}
		if took := time.Since(start); took < 940*time.Millisecond || took > 1002*time.Millisecond {
			t.Errorf("after a pause, 20,000 records took %v", took)
		}
	})
}

func TestDelayAndItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := build(t, delayKind, `{"duration":"1m"}`, &nodes.Env{})
		c := call(recipe.String)
		start := time.Now()
		if err := d.Process(c, nodes.TextRecord("a")); err != nil || time.Since(start) != time.Minute {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c.Begin(ctx, [2]uint64{})
		if err := d.Process(c, nodes.TextRecord("a")); !errors.Is(err, context.DeadlineExceeded) || nodes.IsPermanent(err) {
			t.Errorf("got %v", err)
		}
		if c.Out(0).Len() != 0 {
			t.Error("it emitted although it was stopped")
		}
	})
}

func pairCase(k nodes.Kind, config string, left, right []nodes.Record, in [2]string, out []recipe.PortType) nodetest.Case {
	return nodetest.Case{
		Kind: &k, Config: config, Ins: map[string][]nodes.Record{in[0]: left, in[1]: right},
		Types: nodes.PortTypes{In: []recipe.PortType{{Name: in[0], Type: left[0].Type()}, {Name: in[1], Type: right[0].Type()}}, Out: out},
	}
}

func TestZipOfUnequalLengths(t *testing.T) {
	out := []recipe.PortType{{Name: "out", Type: recipe.JSON}}
	for _, crash := range []bool{false, true} {
		for _, lens := range [][2]int{{1, 5}, {5, 1}, {300, 2}} {
			c := pairCase(zipKind, "", ints(lens[0]), ints(lens[1]), [2]string{"left", "right"}, out)
			c.Crash, c.Frame = crash, 3
			_, err := nodetest.Run(c)
			want := fmt.Sprintf("left had %d records and right had %d", lens[0], lens[1])
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}

func TestZipTooFarApart(t *testing.T) {
	c := pairCase(zipKind, "max_ahead: 10", ints(20), ints(20), [2]string{"left", "right"}, []recipe.PortType{{Name: "out", Type: recipe.JSON}})
	if _, err := nodetest.Run(c); err == nil || !strings.Contains(err.Error(), "left had 20 records and right had 20, and one was too far ahead") {
		t.Errorf("got %v", err)
	}
	c.Frame = 10
	if got, err := nodetest.Run(c); err != nil || len(got.Outs["out"]) != 20 {
		t.Errorf("within the bound: got %v", err)
	}
}

func TestGateKeepsOrderOverCrashes(t *testing.T) {
	var flags []nodes.Record
	want := [2]string{}
	for i := range 1000 {
		flags = append(flags, nodes.BoolRecord(i%3 == 0))
		port := 1
		if i%3 == 0 {
			port = 0
		}
		want[port] += fmt.Sprint(i, " ")
	}
	out := []recipe.PortType{{Name: "out", Type: recipe.Int}, {Name: "else", Type: recipe.Int}}
	c := pairCase(ifKind, "", flags, ints(1000), [2]string{"in", "value"}, out)
	for _, crash := range []bool{false, true} {
		c.Frame, c.Crash = 64, crash
		got, err := nodetest.Run(c)
		if err != nil {
			t.Fatal(err)
		}
		for i, port := range []string{"out", "else"} {
			text := ""
			for _, r := range got.Outs[port] {
				text += fmt.Sprint(r.Int(), " ")
			}
			if text != want[i] {
				t.Errorf("%s: got %.80s, want %.80s", port, text, want[i])
			}
		}
	}
}

func ints(n int) []nodes.Record {
	list := make([]nodes.Record, n)
	for i := range list {
		list[i] = nodes.IntRecord(int64(i))
	}
	return list
}

func TestLimitTellsWhenFull(t *testing.T) {
	l := build(t, limitKind, `{"count":1}`, &nodes.Env{})
	if l.(nodes.Full).Full() {
		t.Error("full before the first record")
	}
	l.Process(call(recipe.String), nodes.TextRecord("a"))
	if !l.(nodes.Full).Full() {
		t.Error("not full after the last record")
	}
}

func TestBoundsOfKeys(t *testing.T) {
	n := build(t, countByKind, `{}`, &nodes.Env{})
	c := call(recipe.JSON)
	big := []byte(strings.Repeat("x", 9<<20))
	var err error
	for i := range 4 {
		big[0] = byte('a' + i)
		if err = n.Process(c, nodes.StringRecord(big)); err != nil {
			break
		}
	}
	if !nodes.IsPermanent(err) || !strings.Contains(err.Error(), "24 MiB") {
		t.Errorf("got %v", err)
	}
	top := build(t, topKind, `{"n":9,"by":"n"}`, &nodes.Env{})
	err = nil
	for i := range 5 {
		if err = top.Process(c, nodes.JSONRecord(fmt.Appendf(nil, `{"n":%d,"x":"%s"}`, i, big))); err != nil {
			break
		}
	}
	if !nodes.IsPermanent(err) || !strings.Contains(err.Error(), "32 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestMalformedStatesAreRefused(t *testing.T) {
	for _, k := range []nodes.Kind{countByKind, dedupeKind, limitKind, topKind, zipKind} {
		config := `{}`
		if k.Kind == "limit" {
			config = `{"count":1}`
		}
		s := build(t, k, config, &nodes.Env{}).(nodes.Stateful)
		if err := s.Restore([]byte{0xff, 0xff, 0xff}); err == nil {
			t.Errorf("%s took a malformed state", k.Kind)
		}
	}
}

// TestHotPathAllocatesNothing holds the kinds that see every record to no allocation.
func TestHotPathAllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		kind   nodes.Kind
		config string
		out    []recipe.Type
		r      nodes.Record
	}{
		{splitKind, `{"separator":","}`, []recipe.Type{recipe.String}, nodes.TextRecord("a,b,c")},
		{ifKind, `{}`, []recipe.Type{recipe.Bool, recipe.Bool}, nodes.BoolRecord(true)},
		{limitKind, `{"count":9}`, []recipe.Type{recipe.Int}, nodes.IntRecord(1)},
		{sampleKind, `{"rate":0.5}`, []recipe.Type{recipe.Int}, nodes.IntRecord(1)},
		{dedupeKind, `{}`, []recipe.Type{recipe.String}, nodes.TextRecord("10.0.0.1")},
		{countByKind, `{}`, []recipe.Type{recipe.JSON}, nodes.TextRecord("10.0.0.1")},
		{countByKind, `{"field":"a"}`, []recipe.Type{recipe.JSON}, nodes.JSONRecord([]byte(`{"b":1,"a":"x"}`))},
	} {
		p := build(t, c.kind, c.config, &nodes.Env{})
		out := call(c.out...)
		out.Rand()
		mark := out.Mark()
		p.Process(out, c.r)
		got := testing.AllocsPerRun(100, func() {
			out.Rollback(mark)
			if err := p.Process(out, c.r); err != nil {
				t.Fatal(err)
			}
		})
		allowed := 0.0
		if c.config == `{"field":"a"}` {
			allowed = 1 // gjson's copy of the value
		}
		if got > allowed {
			t.Errorf("%s %s allocates %.0f times a record", c.kind.Kind, c.config, got)
		}
	}
}
