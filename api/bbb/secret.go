package bbb

import (
	"errors"
	"fmt"
	"io"
)

// Secret is the shared secret of a server or a front end. It prints as "***", and will not be marshalled.
type Secret string

// String returns "***", so that no log, list or error ever shows a secret.
func (Secret) String() string { return "***" }

// Format redacts the secret under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText fails: who has to write a secret into JSON or a file says so with string(secret).
func (Secret) MarshalText() ([]byte, error) {
	return nil, errors.New("a secret is not marshalled as it is")
}
