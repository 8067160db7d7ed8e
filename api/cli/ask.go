package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

var errInterrupted = errors.New("interrupted: nothing was done")

// confirm says what is about to be done, and returns nil if that is wanted.
func (e *Env) confirm(sure Sure, what string) error {
	if sure.Yes || sure.Force {
		return nil
	}
	what = printable(what)
	if !e.Terminal {
		return fmt.Errorf("nothing was done, for nobody is there to be asked; pass --yes if this is wanted: %s", what)
	}
	if _, err := fmt.Fprintf(e.Err, "%s\nDo it? [y/N] ", what); err != nil {
		return err
	}
	answer, err := e.await(func() (string, error) { return line(e.In) })
	if err != nil {
		_, _ = fmt.Fprintln(e.Err) // nobody has ended the line
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was done")
}

// secret returns a secret that may have to be read first, so that it need not stand in the list of processes.
func (e *Env) secret(given v1.Secret) (v1.Secret, error) {
	if given != "-" {
		return given, nil
	}
	text, err := e.hidden()
	if errors.Is(err, errInterrupted) {
		return "", err
	}
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	if text == "" {
		return "", misused("--secret -: there is none on the standard input")
	}
	return v1.Secret(text), nil
}

// hidden reads a line that a terminal does not show while it is typed.
func (e *Env) hidden() (string, error) {
	read := func() (string, error) { return line(e.In) }
	if !e.Terminal {
		return e.await(read)
	}
	if file, ok := e.In.(*os.File); ok {
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
	if _, err := fmt.Fprint(e.Err, "secret: "); err != nil {
		return "", err
	}
	defer func() { _, _ = fmt.Fprintln(e.Err) }() // the one that was typed is not shown either
	text, err := e.await(read)
	if errors.Is(err, io.EOF) {
		return text, nil
	}
	return text, err
}

// await waits for somebody to type, or for the end of the command. A reading that nobody waits for any more ends with
// the process: no terminal can be made to let go of it.
func (e *Env) await(read func() (string, error)) (string, error) {
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
	case <-e.Ctx.Done():
		return "", errInterrupted
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
