package v1

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Secret is a shared secret on its way to the pool, or from it to those who have asked for it. Every way of printing it
// yields "***", JSON included: the calls that send one say so.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "***", or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString redacts the secret under %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText redacts the secret in JSON and in every other text encoding.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

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

// Stamp is a time as it goes over the wire; the zero time is null.
func Stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// Tenths is a number as it goes over the wire, to one decimal.
func Tenths(f float64) float64 { return math.Round(f*10) / 10 }

// Milliseconds is a duration as it goes over the wire, to one decimal.
func Milliseconds(d time.Duration) float64 { return Tenths(float64(d) / float64(time.Millisecond)) }

// IsText tells whether s is text of that size in bytes, without control characters.
func IsText(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
