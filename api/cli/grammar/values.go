package grammar

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/alecthomas/kong"

	"github.com/bbbpool/bbbpool/api/quantity"
)

// durations reads "10s", and a bare number as seconds, which is how Scalelite has them.
func durations(ctx *kong.DecodeContext, target reflect.Value) error {
	text := ""
	if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	if seconds, ok := bareSeconds(text); ok {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil {
		return fmt.Errorf("%q is no duration: want 10s, 500ms, 5m, or a number of seconds", text)
	}
	target.SetInt(int64(d))
	return nil
}

// bareSeconds reads a number of seconds, whole or not.
func bareSeconds(text string) (seconds float64, ok bool) {
	if strings.Trim(strings.TrimPrefix(text, "-"), "0123456789.") != "" {
		return 0, false // what else Go takes for a number nobody means
	}
	seconds, err := strconv.ParseFloat(text, 64)
	return seconds, err == nil && math.Abs(seconds) <= math.MaxInt32
}

// Age is how old something is. A bare number is refused: nobody knows of what.
type Age time.Duration

// UnmarshalText reads 180d or 36h.
func (a *Age) UnmarshalText(b []byte) error {
	var age quantity.Age
	if !hasUnit(b) || age.UnmarshalText(b) != nil || age <= 0 {
		return fmt.Errorf("%q is no age: want days or hours, as 180d or 36h", b)
	}
	*a = Age(age)
	return nil
}

// Size is a number of bytes. A bare number is refused, too.
type Size int64

// UnmarshalText reads 500GiB.
func (s *Size) UnmarshalText(b []byte) error {
	var size quantity.Size
	if !hasUnit(b) || size.UnmarshalText(b) != nil || size <= 0 {
		return fmt.Errorf("%q is no size: want a number with its unit, as 500GiB or 2TiB", b)
	}
	*s = Size(size)
	return nil
}

func hasUnit(b []byte) bool {
	return strings.ContainsFunc(string(b), unicode.IsLetter)
}

// When is a time, or how long ago that is. The zero value is neither.
type When struct {
	time time.Time
	ago  time.Duration
}

// UnmarshalText reads 30d, 36h, 2026-03-01 or 2026-03-01T09:00:00Z.
func (w *When) UnmarshalText(b []byte) error {
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, string(b)); err == nil {
			*w = When{time: t}
			return nil
		}
	}
	var age Age
	if err := age.UnmarshalText(b); err != nil {
		return fmt.Errorf("%q is no time: want an age as 30d or 36h, or a time as 2026-03-01T09:00:00Z", b)
	}
	*w = When{ago: time.Duration(age)}
	return nil
}

// At returns the time, counted from now on where it is an age.
func (w When) At(now time.Time) time.Time {
	if w.ago > 0 {
		return now.Add(-w.ago)
	}
	return w.time
}
