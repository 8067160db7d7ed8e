package grammar_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

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

// commands is a small grammar, with what shells and people must not be told of.
type commands struct {
	Data string `env:"BBBPOOL_DATA" help:"Where it is. By default here."`
	Old  string `hidden:"" env:"BBBPOOL_OLD"`

	Pool struct {
		List struct {
			Kind string `enum:"all,some" default:"all" short:"k" help:"Which; all by default."`
			Hard bool   `negatable:"" help:"It's hard."`
		} `cmd:"" help:"List the pools. All of them."`
		Secret struct{} `cmd:"" hidden:"" help:"Nobody knows."`
	} `cmd:"" help:"Pools."`
}

func parserOf(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := grammar.New(&commands{}, kong.Name("bbbpool"))
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// A name in the environment that begins like ours and means nothing is a typing error, and all of them are named; those of
// others, and those that only a command below or nobody should know of, are none.
func TestCheckEnvironment(t *testing.T) {
	model := parserOf(t).Model
	known := []string{"BBBPOOL_DATA=x", "BBBPOOL_OLD=", "BBBPOOL_TEST_MAIN=1", "HOME=/root", "XBBBPOOL_Y=1", "nonsense", ""}
	if err := grammar.CheckEnvironment(model, known); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
	err := grammar.CheckEnvironment(model, append(known, "BBBPOOL_LISTE=:1", "BBBPOOL_DATUM", "BBBPOOL_=1"))
	const want = "unknown in the environment: BBBPOOL_, BBBPOOL_DATUM, BBBPOOL_LISTE; correct or remove it, bbbpool serve --help " +
		"lists the names"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Whoever is wrong is told where the right use stands: that of the command, as far as it is known which one was meant.
func TestAdvised(t *testing.T) {
	for line, want := range map[string]string{
		"pool list --nothing": "unknown flag --nothing\n`bbbpool pool list --help` tells how to use it",
		"nonsense":            "unexpected argument nonsense\n`bbbpool --help` lists the commands",
	} {
		_, err := parserOf(t).Parse(strings.Fields(line))
		if got := grammar.Advised(err); got == nil || got.Error() != want {
			t.Errorf("%s: %v, want %s", line, got, want)
		}
	}
	if err := grammar.Advised(io.EOF); err.Error() != "EOF\n`bbbpool --help` lists the commands" || !errors.Is(err, io.EOF) {
		t.Errorf("what is not kong's: %v", err)
	}
}

// Wrong use is told from failure however deep it lies, and keeps what it came of.
func TestUsageError(t *testing.T) {
	err := fmt.Errorf("while reading: %w", grammar.Misused("--since %s: %w", "x", io.EOF))
	wrong, is := errors.AsType[grammar.UsageError](err)
	if !is || wrong.Error() != "--since x: EOF" || !errors.Is(err, io.EOF) {
		t.Errorf("%v is %v", err, wrong)
	}
	if _, is := errors.AsType[grammar.UsageError](io.EOF); is {
		t.Error("a failure is no wrong use")
	}
}

// Shells complete what people should know of, and nothing else.
func TestCompletion(t *testing.T) {
	top := parserOf(t).Model.Node
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, err := grammar.Completion(shell, top)
		if err != nil {
			t.Fatal(err)
		}
		for word, want := range map[string]bool{"list": true, "hard": true, "no-hard": true, "secret": false, "old": false} {
			if got := regexp.MustCompile(`\b` + word + `\b`).MatchString(script); got != want {
				t.Errorf("%s offers %s: %t", shell, word, got)
			}
		}
	}
	script, err := grammar.Completion("fish", top)
	for _, want := range []string{
		`-a list -d 'List the pools'`, `-l kind -x -a "all some" -d 'Which'`, `-s k -x -a "all some"`, `-d 'It\'s hard'`,
	} {
		if err != nil || !strings.Contains(script, want) {
			t.Errorf("%v, no %s in\n%s", err, want, script)
		}
	}
	if _, err := grammar.Completion("tcsh", top); err == nil {
		t.Error("tcsh is not known")
	}
	pool := grammar.Child(top, "pool")
	if grammar.Child(pool, "list") == nil || grammar.Child(pool, "secret") != nil || grammar.Child(pool, "lis") != nil {
		t.Error("what is hidden is nobody's child, and what is not has its own name")
	}
}
