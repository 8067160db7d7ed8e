package volume

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

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
