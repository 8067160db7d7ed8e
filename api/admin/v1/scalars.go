package v1

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/api/quantity"
)

// Secret is a shared secret on its way to the pool, or from it to those who have asked for it. Every way of printing it
// yields "***", JSON included: the calls that send one say so.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "***", or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString redacts the secret under %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText redacts the secret in JSON and in every other text encoding.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Stamp is a time as it goes over the wire; the zero time is null.
func Stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// Milliseconds is a duration as it goes over the wire, to one decimal.
func Milliseconds(d time.Duration) float64 {
	return quantity.Tenths(float64(d) / float64(time.Millisecond))
}

// IsText tells whether s is text of that size in bytes, without control characters.
func IsText(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
