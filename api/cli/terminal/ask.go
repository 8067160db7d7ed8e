package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// ErrInterrupted is why a question has no answer: the command was told to end.
var ErrInterrupted = errors.New("interrupted: nothing was done")

// Prompt asks whoever runs the command. Every question blocks until it is answered, or until the context ends.
type Prompt struct {
	In       io.Reader
	Err      io.Writer // takes the questions, so that they never get between what is printed
	Attended bool      // somebody sits there
}

// Confirm says what is about to be done, and returns nil if that is wanted.
func (p Prompt) Confirm(ctx context.Context, what string) error {
	what = Printable(what)
	if !p.Attended {
		return fmt.Errorf("nothing was done, for nobody is there to be asked; pass --yes if this is wanted: %s", what)
	}
	if _, err := fmt.Fprintf(p.Err, "%s\nDo it? [y/N] ", what); err != nil {
		return err
	}
	answer, err := await(ctx, func() (string, error) { return line(p.In) })
	if err != nil {
		_, _ = fmt.Fprintln(p.Err) // nobody has ended the line
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was done")
}

// Secret reads a line that a terminal does not show while it is typed.
func (p Prompt) Secret(ctx context.Context) (string, error) {
	read := func() (string, error) { return line(p.In) }
	if !p.Attended {
		return await(ctx, read)
	}
	if file, ok := p.In.(*os.File); ok {
		fd := int(file.Fd())
		before, err := term.GetState(fd)
		if err != nil {
			return "", err
		}
		defer func() { _ = term.Restore(fd, before) }() // an interrupted reading leaves it as it is
		read = func() (string, error) {
			text, err := term.ReadPassword(fd)
			return strings.TrimSpace(string(text)), err
		}
	}
	if _, err := fmt.Fprint(p.Err, "secret: "); err != nil {
		return "", err
	}
	defer func() { _, _ = fmt.Fprintln(p.Err) }() // the one that was typed is not shown either
	text, err := await(ctx, read)
	if errors.Is(err, io.EOF) {
		return text, nil
	}
	return text, err
}

// await waits for somebody to type, or for the end of the command. A reading that nobody waits for any more ends with
// the process: no terminal can be made to let go of it.
func await(ctx context.Context, read func() (string, error)) (string, error) {
	done := make(chan struct{})
	var typed string
	var failed error
	go func() {
		defer close(done)
		typed, failed = read()
	}()
	select {
	case <-done:
		return typed, failed
	case <-ctx.Done():
		return "", ErrInterrupted
	}
}

// maxLine is how many bytes are read in search of the end of a line.
const maxLine = 4096

// line reads one line, without the blanks around it.
func line(r io.Reader) (string, error) {
	text, err := bufio.NewReader(io.LimitReader(r, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimSpace(text), nil
}
