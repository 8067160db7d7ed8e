package grammar_test

import (
	"os"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/cli/grammar"
)

type flags struct {
	Wait time.Duration `env:"BBBPOOL_WAIT" default:"7s"`
	Age  grammar.Age
	Size grammar.Size
	When grammar.When
}

// Durations may be bare numbers of seconds, as Scalelite has them; ages and sizes may not. A name without a value counts as
// not set.
func TestNew(t *testing.T) {
	t.Setenv("BBBPOOL_WAIT", "")
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for flag, want := range map[string]flags{
		"":             {Wait: 7 * time.Second},
		"--wait=1.5":   {Wait: 1500 * time.Millisecond},
		"--wait=5m":    {Wait: 5 * time.Minute},
		"--age=2d":     {Wait: 7 * time.Second, Age: grammar.Age(48 * time.Hour)},
		"--size=1KiB":  {Wait: 7 * time.Second, Size: 1024},
		"--wait=soon":  {},
		"--wait=1e3":   {},
		"--age=2":      {},
		"--size=1024":  {},
		"--when=never": {},
	} {
		var got flags
		parser, err := grammar.New(&got)
		if err != nil {
			t.Fatal(err)
		}
		if _, set := os.LookupEnv("BBBPOOL_WAIT"); set {
			t.Error("the empty name is still set")
		}
		var args []string
		if flag != "" {
			args = []string{flag}
		}
		if _, err := parser.Parse(args); (err != nil) != (want == flags{}) || err == nil && got != want {
			t.Errorf("%s: %+v, %v", flag, got, err)
		}
	}
	var when grammar.When
	for text, want := range map[string]time.Time{
		"1d": now.Add(-24 * time.Hour), "2026-02-01": time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
	} {
		if err := when.UnmarshalText([]byte(text)); err != nil || !when.At(now).Equal(want) {
			t.Errorf("%s: %v, %v", text, when.At(now), err)
		}
	}
}
