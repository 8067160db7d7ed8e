package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

// confirm says what is about to be done, and returns nil if that is wanted.
func (e *Env) confirm(sure Sure, what string) error {
	if sure.Yes || sure.Force {
		return nil
	}
	what = printable(what)
	if !e.Terminal {
		return fmt.Errorf("%s Nobody is there to be asked: pass --yes if that is wanted", what)
	}
	if _, err := fmt.Fprintf(e.Err, "%s\nDo it? [y/N] ", what); err != nil {
		return err
	}
	answer, err := line(e.In)
	if err != nil {
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was done")
}

// secret returns a secret that may have to be read first, so that it need not stand in the list of processes.
func (e *Env) secret(given store.Secret) (store.Secret, error) {
	if given != "-" {
		return given, nil
	}
	text, err := line(e.In)
	if err == nil && text == "" {
		err = errors.New("there is none on the standard input")
	}
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	return store.Secret(text), nil
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
