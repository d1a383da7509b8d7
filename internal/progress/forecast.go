package progress

import (
	"math"
	"time"

	"sluice/recipe"
)

// forecast guesses when a job will be done from how fast it went since the first snapshot
// that said how far it was: what an earlier process had done says nothing of this one.
type forecast struct {
	known    bool
	fraction float64
	elapsed  time.Duration
}

// left returns the time left as text, "" when there is no telling: in the first second and
// before a hundredth is done.
func (f *forecast) left(p *recipe.Progress) string {
	if p.Fraction < 0 {
		return ""
	}
	if !f.known {
		*f = forecast{true, p.Fraction, p.Elapsed}
	}
	done, took := p.Fraction-f.fraction, p.Elapsed-f.elapsed
	if done < 0.01 || p.Fraction >= 1 || took < time.Second {
		return ""
	}
	return Human(time.Duration(float64(took)*(1-p.Fraction)/done)) + " left"
}

// percent returns whole percents that are done: 100 only at the end.
func percent(fraction float64) int { return int(math.Floor(100 * min(fraction, 1))) }

// figures are what is said of a job behind how far it is, the most telling first.
func figures(p *recipe.Progress) []string {
	all := []string{Count(p.Read()) + " read", Rate(p.ReadNow(), p.Elapsed), Human(p.Elapsed)}
	if n := p.Dead(); n > 0 {
		all = append(all, Count(n)+" dead")
	}
	if n := p.Lost(); n > 0 {
		all = append(all, Count(n)+" dropped or expired")
	}
	return all
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
