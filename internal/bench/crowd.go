package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/recipe"
)

// crowdRecipe reads lines and hashes each, with the number of the job in it.
const crowdRecipe = `recipe: crowd
nodes:
  lines:  {kind: file_reader, config: {path: %s}}
  failed: {kind: regex_match, from: lines, config: {regex: '.*Failed password.*'}}
  mine:   {kind: regex_replace, from: failed, config: {regex: '.* from (\S+) port.*', replacement: 'job %d $1'}}
  out:    {kind: file_writer, from: mine, config: {path: crowd/%d.out}}
`

// mayLag is how much longer than the median the slowest of equal jobs may take, in times.
const mayLag = 2.0

// crowd runs many equal jobs at once.
func (b *bench) crowd() (*section, error) {
	jobs, n := pick(b, 300, 10), 2000
	in, _, err := b.logFile(n)
	if err != nil {
		return nil, err
	}
	c, err := b.clusterOf(shape{servers: 1, workers: 4})
	if err != nil {
		return nil, err
	}
	defer c.close()
	ctx, cancel := context.WithTimeout(context.Background(), jobWithin)
	defer cancel()
	s0, k0, w0, err := c.taken()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	ids, err := c.submitAll(ctx, jobs, in)
	if err != nil {
		return nil, err
	}
	submitted := time.Since(began)
	took := make([]float64, jobs)
	for i, id := range ids {
		j, err := c.until(ctx, id, recipe.JobSucceeded)
		if err != nil {
			return nil, err
		}
		took[i] = j.Ended.Sub(j.Created).Seconds()
	}
	all := time.Since(began)
	s1, k1, w1, err := c.taken()
	if err != nil {
		return nil, err
	}
	right, err := b.crowdRight(in, jobs)
	if err != nil {
		return nil, err
	}
	slowest, mid := slices.Max(took), median(took)
	s := &section{title: "Many jobs at once", prose: fmt.Sprintf(`%d equal jobs of %s lines each, submitted by 16 clients at once as fast as the coordinator takes them,
on four workers. A job's time is from its submission to its end. Each job marks its records.`, jobs, count(n))}
	s.row("", "")
	s.row("submitted within", f2(submitted.Seconds())+" s")
	s.row("all at their end after", f2(all.Seconds())+" s")
	s.row("median job", f2(mid)+" s")
	s.row("slowest job", f2(slowest)+" s")
	s.row("CPU a job: servers, coordinator, workers", fmt.Sprintf("%.0f, %.0f, %.0f ms", perJob(s1-s0, jobs), perJob(k1-k0, jobs), perJob(w1-w0, jobs)))
	s.check(right == jobs, "%d of %d outputs are right, and hold no record of another job", right, jobs)
	s.check(slowest <= mayLag*mid, "the slowest job takes %.2f times the median; at most %.0f", slowest/mid, mayLag)
	return s, nil
}

// submitAll submits the jobs of a crowd.
func (c *cluster) submitAll(ctx context.Context, jobs int, in string) ([]recipe.JobID, error) {
	ids := make([]recipe.JobID, jobs)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i := range jobs {
		g.Go(func() (err error) {
			ids[i], err = c.submit(ctx, fmt.Sprintf(crowdRecipe, in, i, i))
			return err
		})
	}
	return ids, g.Wait()
}

func perJob(d time.Duration, jobs int) float64 { return d.Seconds() * 1000 / float64(jobs) }

// crowdRight counts the outputs that are right: what a job has to write is in the input.
func (b *bench) crowdRight(in string, jobs int) (right int, err error) {
	log, err := os.ReadFile(filepath.Join(b.dir, in))
	if err != nil {
		return 0, err
	}
	var addresses []string
	for line := range strings.SplitSeq(string(log), "\n") {
		if _, rest, failed := strings.Cut(line, "Failed password"); failed {
			_, rest, _ = strings.Cut(rest, " from ")
			address, _, _ := strings.Cut(rest, " ")
			addresses = append(addresses, address)
		}
	}
	for i := range jobs {
		got, err := os.ReadFile(filepath.Join(b.dir, "crowd", fmt.Sprintf("%d.out", i)))
		if err != nil {
			return right, err
		}
		var want strings.Builder
		for _, a := range addresses {
			fmt.Fprintf(&want, "job %d %s\n", i, a)
		}
		if len(addresses) > 0 && string(got) == want.String() {
			right++
		}
	}
	return right, nil
}
