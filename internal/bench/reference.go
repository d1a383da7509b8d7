package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// referenceRecipe is file_reader → regex_match → regex_replace → sha256_hash →
// file_writer: four durable edges.
func referenceRecipe(in string) string {
	return fmt.Sprintf(`recipe: reference
nodes:
  lines:   {kind: file_reader, config: {path: %s}}
  failed:  {kind: regex_match, from: lines, config: {regex: '%s'}}
  address: {kind: regex_replace, from: failed, config: {regex: '%s', replacement: '%s'}}
  digest:  {kind: sha256_hash, from: address}
  out:     {kind: file_writer, from: digest, config: {path: sluice.out}}
`, in, matchPattern, replacePattern, replacement)
}

// The bounds of the reference run.
const (
	mayCost    = 7.0 // µs a record over plain Go
	aimCost    = 4.0
	mayFactor  = 2.0       // times raw JetStream
	mayRSS     = 300 << 20 // bytes
	rawFrame   = 60.0      // µs a frame and edge that raw JetStream may take to count
	rawByte    = 0.009     // and µs a byte
	extraNodes = "its own matchers"
)

// refRun is the measurements of a round, in µs a record.
type refRun struct {
	plain, nodes, sluice usage
	stored, whole        float64 // raw JetStream, with stored frames and with plain records
}

func (b *bench) reference() (*section, error) {
	n := pick(b, 1_000_000, 100_000)
	in, bytes, err := b.logFile(n)
	if err != nil {
		return nil, err
	}
	var fs frameSizes
	if _, err := b.child(task{Do: doFrames, In: filepath.Join(b.dir, in)}, &fs); err != nil {
		return nil, err
	}
	var all []refRun
	for range pick(b, 5, 2) {
		r, err := b.round(in, &fs)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	same := "byte for byte"
	if err := sameFiles(filepath.Join(b.dir, "plain.out"), filepath.Join(b.dir, "sluice.out")); err != nil {
		same = "NOT: " + err.Error()
		b.wrong("the reference recipe's output is not plain Go's: " + err.Error())
	}
	s := &section{title: "Reference recipe", prose: fmt.Sprintf(`%s lines of an SSH server's log (%.0f bytes each) through file_reader → regex_match
%s → regex_replace %s by %s → sha256_hash → file_writer: four durable
edges, file storage, one replica. (a) is plain Go in one goroutine with bufio and package
regexp; (a′) does the same with Sluice's own nodes, whose matchers are quicker than package
regexp, and no engine; (b) is raw JetStream: publish, consume and acknowledge %s frames
over four edges, asynchronous publishing with a window of 256, batched pulls, plain
acknowledgements, no message ids, with frames as Sluice stores them (compressed) and, in the
second row, with their records as they are; (c) is `+"`sluice run`"+`, from exec to exit.`,
		count(n), float64(bytes)/float64(n), code(matchPattern), code(replacePattern), code(replacement), count(fs.Frames))}
	b.referenceTable(s, all, n, &fs)
	s.check(strings.HasPrefix(same, "byte"), "the output is plain Go's, in order: %s", same)
	return s, nil
}

func code(s string) string { return "`" + s + "`" }

// round measures everything once.
func (b *bench) round(in string, fs *frameSizes) (refRun, error) {
	var r refRun
	path := filepath.Join(b.dir, in)
	var err error
	if r.plain, err = b.child(task{Do: doPlain, In: path, Out: filepath.Join(b.dir, "plain.out")}, nil); err != nil {
		return r, err
	}
	if r.nodes, err = b.child(task{Do: doNodes, In: path, Out: filepath.Join(b.dir, "nodes.out")}, nil); err != nil {
		return r, err
	}
	for sizes, to := range map[*[]int]*float64{&fs.Stored: &r.stored, &fs.Plain: &r.whole} {
		store, err := os.MkdirTemp(b.dir, "raw-")
		if err != nil {
			return r, err
		}
		var answer rawAnswer
		_, err = b.child(task{Do: doRaw, Store: store, Frames: fs.Frames, Sizes: *sizes}, &answer)
		os.RemoveAll(store)
		if err != nil {
			return r, err
		}
		*to = answer.CPU
	}
	r.sluice, err = b.job(referenceRecipe(in), "reference")
	return r, err
}

func (b *bench) referenceTable(s *section, all []refRun, n int, fs *frameSizes) {
	records := float64(n)
	of := func(f func(refRun) float64) float64 {
		v := make([]float64, len(all))
		for i, r := range all {
			v[i] = f(r)
		}
		return median(v)
	}
	cpu := func(f func(refRun) usage) float64 {
		return of(func(r refRun) float64 { return f(r).perRecord(n) })
	}
	var plainRuns, nodeRuns, jobRuns runs
	for _, r := range all {
		plainRuns, nodeRuns, jobRuns = append(plainRuns, r.plain), append(nodeRuns, r.nodes), append(jobRuns, r.sluice)
	}
	s.row("", "CPU µs a record", "wall s", "peak memory", "peak store")
	s.row("(a) plain Go", f2(cpu(func(r refRun) usage { return r.plain })), f2(plainRuns.wall()/1e6), size(plainRuns.rss()), "")
	s.row("(a′) plain Go, "+extraNodes, f2(cpu(func(r refRun) usage { return r.nodes })), f2(nodeRuns.wall()/1e6), size(nodeRuns.rss()), "")
	stored, whole := of(func(r refRun) float64 { return r.stored }), of(func(r refRun) float64 { return r.whole })
	s.row("(b) raw JetStream, frames as stored", f2(stored/records), "", "", "")
	s.row("(b) raw JetStream, records as they are", f2(whole/records), "", "", "")
	s.row("(c) Sluice", f2(cpu(func(r refRun) usage { return r.sluice })), f2(jobRuns.wall()/1e6), size(jobRuns.rss()), size(jobRuns.disk()))

	over := of(func(r refRun) float64 { return r.sluice.perRecord(n) - r.plain.perRecord(n) })
	overNodes := of(func(r refRun) float64 { return r.sluice.perRecord(n) - r.nodes.perRecord(n) })
	factor := of(func(r refRun) float64 { return (r.sluice.perRecord(n) - r.nodes.perRecord(n)) * records / r.stored })
	s.check(over <= mayCost, "(c) − (a) is %.2f µs a record; at most %.0f, aimed at %.0f", over, mayCost, aimCost)
	s.check(over*records <= mayFactor*stored, "(c) − (a) is %.2f times (b) with stored frames; at most %.0f", over*records/stored, mayFactor)
	s.note("(c) − (a′), which is what the engine alone costs, is %.2f µs a record or %.2f times (b) with stored frames", overNodes, factor)
	rawCheck(s, "stored frames", stored, fs.Frames, fs.Stored)
	rawCheck(s, "plain records", whole, fs.Frames, fs.Plain)
	s.check(jobRuns.rss() <= mayRSS, "peak memory %s; at most %s", size(jobRuns.rss()), size(mayRSS))
}

// rawCheck says whether raw JetStream was quick enough to be compared with.
func rawCheck(s *section, name string, micros float64, frames int, sizes []int) {
	var mean float64
	for _, n := range sizes {
		mean += float64(n) / float64(len(sizes))
	}
	each, may := micros/float64(frames*len(sizes)), rawFrame+rawByte*mean
	s.check(each <= may, "(b) with %s of %.0f bytes on average takes %.1f µs a frame and edge; it counts up to %.1f", name, mean, each, may)
}

// sameFiles says where two files differ first.
func sameFiles(a, b string) error {
	fa, err := os.Open(a)
	if err != nil {
		return err
	}
	defer fa.Close()
	fb, err := os.Open(b)
	if err != nil {
		return err
	}
	defer fb.Close()
	ra, rb := bufio.NewReaderSize(fa, 1<<20), bufio.NewReaderSize(fb, 1<<20)
	for n := 1; ; n++ {
		la, ea := ra.ReadString('\n')
		lb, eb := rb.ReadString('\n')
		switch {
		case la != lb:
			return fmt.Errorf("line %d: got %q, want %q", n, lb, la)
		case errors.Is(ea, io.EOF) && errors.Is(eb, io.EOF):
			return nil
		case ea != nil || eb != nil:
			return errors.Join(ea, eb)
		}
	}
}
