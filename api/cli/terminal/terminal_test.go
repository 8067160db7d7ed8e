package terminal_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

const nasty = "a\x1b[2J\u202eb\U000e0001"

// Whatever is printed, nothing of it is obeyed or hidden by a terminal, and programs get all of it.
func TestHarmless(t *testing.T) {
	var table, sheet, json bytes.Buffer
	err := errors.Join(terminal.Table(&table, "ID NAME", [][]string{{"1", nasty}, {"2", ""}}),
		terminal.Sheet(&sheet, [2]string{"name", nasty}), terminal.PrintJSON(&json, map[string]string{"name": nasty}))
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		table.String():                      "ID  NAME\n1   a\\x1b[2J\\u202eb\\U000e0001\n2   -\n",
		sheet.String():                      "name  a\\x1b[2J\\u202eb\\U000e0001\n",
		json.String():                       "{\n  \"name\": \"a\\u001b[2J\\u202eb\\udb40\\udc01\"\n}\n",
		terminal.HarmlessYAML("\u202e\n"):   "\\U0000202E\n",
		terminal.MiddleCut("0123456789", 6): "01…789",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	failed := terminal.PrintableError(errors.Join(io.EOF, errors.New("\a")))
	if failed.Error() != `EOF\n\a` || !errors.Is(failed, io.EOF) {
		t.Errorf("the error is %q", failed)
	}
}

// A question that nobody can answer is none, and only a yes is one.
func TestPrompt_Confirm(t *testing.T) {
	for answer, done := range map[string]bool{"y\n": true, "YES": true, "no\n": false, "": false, "yesterday\n": false} {
		var asked bytes.Buffer
		p := terminal.Prompt{In: strings.NewReader(answer), Err: &asked, Attended: true}
		err := p.Confirm(t.Context(), "It ends \x1b.")
		if (err == nil) != done || asked.String() != "It ends \\x1b.\nDo it? [y/N] " {
			t.Errorf("%q: %v after %q", answer, err, asked.String())
		}
	}
	err := terminal.Prompt{In: strings.NewReader("y\n"), Err: io.Discard}.Confirm(t.Context(), "It ends.")
	if err == nil || !strings.Contains(err.Error(), "pass --yes if this is wanted: It ends.") {
		t.Errorf("nobody was there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in, keep := io.Pipe()
	defer func() { _ = keep.Close() }()
	if _, err := (terminal.Prompt{In: in, Err: io.Discard}).Secret(ctx); !errors.Is(err, terminal.ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

// Numbers, times and sizes are told in as few characters as say it, and in the largest unit.
func TestWords(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.FixedZone("CET", 3600))
	var never time.Time
	for got, want := range map[string]string{
		terminal.Number(2):             "2",
		terminal.Number(0.5):           "0.5",
		terminal.Limit(0) + "|":        "|",
		terminal.Limit(7):              "7",
		terminal.Moment(nil) + "!":     "!",
		terminal.Moment(&never) + "!!": "!!",
		terminal.Moment(&at):           "2026-03-01T09:00:00Z",
		terminal.Plural(1, "session"):  "1 session",
		terminal.Plural(0, "session"):  "0 sessions",
		terminal.IsAre(1):              "is",
		terminal.IsAre(2):              "are",
		terminal.Span(59):              "59s",
		terminal.Span(60):              "1m",
		terminal.Span(3599):            "59m",
		terminal.Span(3600):            "1h",
		terminal.Span(48*3600 - 1):     "47h",
		terminal.Span(48 * 3600):       "2d",
		terminal.Size(0):               "0 B",
		terminal.Size(1023):            "1023 B",
		terminal.Size(1024):            "1.0 KiB",
		terminal.Size(1<<20 - 1):       "1.0 MiB", // and not 1024.0 KiB
		terminal.Size(1<<20 - 60<<10):  "964.0 KiB",
		terminal.Size(3 << 40):         "3.0 TiB",
		terminal.Size(1<<63 - 1):       "8192.0 PiB",
		terminal.MiddleCut("short", 5): "short",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A secret is one line without the blanks around it, as long as lines are. Only who sits at a terminal is asked for it.
func TestPrompt_Secret(t *testing.T) {
	for _, c := range []struct {
		in       string
		attended bool
		want     string
		asked    string
	}{
		{"s3cret\nmore\n", false, "s3cret", ""},
		{" \ts3cret ", false, "s3cret", ""},
		{"", false, "", ""},
		{"s3cret\n", true, "s3cret", "secret: \n"},
		{strings.Repeat("x", 5000), false, strings.Repeat("x", 4096), ""},
	} {
		var asked bytes.Buffer
		got, err := terminal.Prompt{In: strings.NewReader(c.in), Err: &asked, Attended: c.attended}.Secret(t.Context())
		if err != nil || got != c.want || asked.String() != c.asked {
			t.Errorf("%.20q: got %.20q, %v after %q", c.in, got, err, asked.String())
		}
	}
	in, keep, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(in.Close(), keep.Close()) }()
	if _, err := (terminal.Prompt{In: in, Err: io.Discard, Attended: true}).Secret(t.Context()); err == nil {
		t.Error("a file that is no terminal can hide nothing")
	}
}

// full takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// Where nothing can be written, nobody is told that it was, and nobody is asked.
func TestUnwritable(t *testing.T) {
	p := terminal.Prompt{In: strings.NewReader("y\n"), Err: full{}, Attended: true}
	_, secret := p.Secret(t.Context())
	for name, err := range map[string]error{
		"a sentence": terminal.Say(full{}, "x"), "a table": terminal.Table(full{}, "A B", [][]string{{"a", "b"}}),
		"a sheet": terminal.Sheet(full{}, [2]string{"a", "b"}), "JSON": terminal.PrintJSON(full{}, 1),
		"a question": p.Confirm(t.Context(), "x"), "a secret": secret,
	} {
		if !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := terminal.PrintJSON(io.Discard, func() {}); err == nil {
		t.Error("a function is no JSON")
	}
}
