package settings

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// Times makes flags and settings that are times take days, too: 30d, or 1d12h. A day has 24 hours.
func Times() kong.Option { return kong.TypeMapper(durationType, kong.MapperFunc(timeOf)) }

var inDays = regexp.MustCompile(`^([+-]?)([0-9]+)d(.*)$`)

// day is what a day of a setting is.
const day = 24 * time.Hour

func timeOf(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	d, err := readTime(text)
	if err != nil {
		return fmt.Errorf("expected duration but got %q: %w", text, err) // as the parser's own says it
	}
	target.Set(reflect.ValueOf(d))
	return nil
}

func readTime(text string) (time.Duration, error) {
	m := inDays.FindStringSubmatch(text)
	if m == nil {
		return time.ParseDuration(text)
	}
	days, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil || days >= math.MaxInt64/int64(day) {
		return 0, fmt.Errorf("time: %q is too long", text)
	}
	d := time.Duration(days) * day
	if m[3] != "" {
		rest, err := time.ParseDuration(m[3])
		if err != nil || rest < 0 || rest > day {
			return 0, fmt.Errorf("time: %q behind the days is no part of one", m[3])
		}
		d += rest
	}
	if m[1] == "-" {
		d = -d
	}
	return d, nil
}
