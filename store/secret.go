package store

import (
	"crypto/rand"
	"encoding/hex"
)

// Secret is a shared secret. Every way of printing it yields "***"; only Reveal gives the value, and every call of
// Reveal is a place to look at twice.
type Secret string

// NewSecret makes a secret of 32 random bytes, in hexadecimal digits.
func NewSecret() Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	return Secret(hex.EncodeToString(b[:]))
}

const redacted = "***"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "***", or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString redacts the secret under %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText redacts the secret in JSON and in every other text encoding: adapters store Reveal.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
