// Package quantity is how quantities are read and said, wherever that is: ages, sizes, how many of something there are, and
// which, as far as people want to know. It has no state, and imports nothing of the program.
package quantity

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Age is a duration that may be given in days, as 180d.
type Age time.Duration

const day = 24 * time.Hour

// UnmarshalText reads 180d, 36h, or a number of seconds.
func (a *Age) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return fmt.Errorf("%q: want a number of days, as 180d", s)
		}
		*a = Age(time.Duration(n) * day)
		return nil
	}
	if n, err := strconv.Atoi(s); err == nil {
		s = strconv.Itoa(n) + "s"
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return fmt.Errorf("%q: want an age, as 180d or 36h", s)
	}
	*a = Age(d)
	return nil
}

// MarshalText writes it in the form that is read.
func (a Age) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// String is the age in its shortest form.
func (a Age) String() string {
	d := time.Duration(a)
	if d > 0 && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	return d.String()
}

// Size is a number of bytes that people write as 500MiB.
type Size int64

// units are the suffixes of sizes, the largest first.
var units = []struct {
	suffix string
	bytes  int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// UnmarshalText reads a whole number of bytes, KiB, MiB, GiB or TiB.
func (s *Size) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	for _, u := range units {
		number, ok := strings.CutSuffix(t, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.bytes {
			break
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("%.40q: want a whole number of bytes, or one with KiB, MiB, GiB or TiB, as 500MiB", t)
}

// String is the size in its largest unit, with a decimal unless that says all.
func (s Size) String() string {
	for _, u := range units[:len(units)-1] {
		switch n := int64(s); {
		case n%u.bytes == 0 && n != 0:
			return fmt.Sprintf("%d%s", n/u.bytes, u.suffix)
		case n >= u.bytes:
			return fmt.Sprintf("%.1f%s", float64(n)/float64(u.bytes), u.suffix)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText writes the size exactly, in a form that is read.
func (s Size) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(s), 10), nil }

// Tenths is a number to one decimal, which is as much of it as anybody reads.
func Tenths(f float64) float64 { return math.Round(f*10) / 10 }

// Count is a number of things with their noun.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Some names the first few of a list.
func Some(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
