package quantity_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
)

// Sizes are read and written as people write them.
func TestSize(t *testing.T) {
	for text, want := range map[string]struct {
		size quantity.Size
		out  string
	}{
		"0": {0, "0"}, "1": {1, "1"}, "1000": {1000, "1000"}, "1024": {1024, "1KiB"}, "1536": {1536, "1.5KiB"},
		"5KiB": {5 << 10, "5KiB"}, "5 MiB": {5 << 20, "5MiB"}, " 5GiB ": {5 << 30, "5GiB"}, "5TiB": {5 << 40, "5TiB"},
		"9223372036854775807": {1<<63 - 1, "8388608.0TiB"},
	} {
		var got quantity.Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want.size || got.String() != want.out {
			t.Errorf("%q: %d, %s, %v", text, got, got, err)
		}
	}
	for _, text := range []string{
		"", "x", "-1", "1.5GiB", "1GB", "1G", "1gib", "GiB", "1MiBGiB", "8388608TiB", "9223372036854775808", "0x10", "1_0",
	} {
		var got quantity.Size
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}

// Ages and sizes are read as people write them, and written as they are read.
func TestAge_Size(t *testing.T) {
	for text, want := range map[string]time.Duration{"180d": 180 * 24 * time.Hour, "36h": 36 * time.Hour, " 90 ": 90 * time.Second, "0d": 0} {
		var age, again quantity.Age
		if err := age.UnmarshalText([]byte(text)); err != nil || time.Duration(age) != want {
			t.Errorf("%q became %v, %v", text, age, err)
		}
		if err := again.UnmarshalText([]byte(age.String())); err != nil || again != age {
			t.Errorf("%v became %v, %v", age, again, err)
		}
	}
	for text, want := range map[string]int64{"500MiB": 500 << 20, "2 TiB": 2 << 40, "7": 7} {
		var size quantity.Size
		if err := size.UnmarshalText([]byte(text)); err != nil || int64(size) != want {
			t.Errorf("%q became %d, %v", text, size, err)
		}
	}
	for _, text := range []string{"", "-1d", "x", "99999d", "-5h"} {
		if new(quantity.Age).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is taken for an age", text)
		}
	}
	for _, text := range []string{"", "-1", "1.5GiB", "9999999TiB", "1GB"} {
		if new(quantity.Size).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is taken for a size", text)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 people", 1: "1 person", 2: "2 people"} {
		if got := quantity.Count(n, "person", "people"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestSome(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	for n, want := range map[int]string{0: "", 1: "a", 3: "a, b, c", 4: "a, b, c and 1 more", 5: "a, b, c and 2 more"} {
		if got := quantity.Some(names[:n]); got != want {
			t.Errorf("%d names: %q, want %q", n, got, want)
		}
	}
}
