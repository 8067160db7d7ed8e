package terminal_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

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
