package rows

import (
	"errors"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Use is when a credential was last used.
type Use struct {
	Credential store.Credential
	At         time.Time
}

// Token is a one-time token that was used.
type Token struct {
	ID      string
	Expires time.Time // after which it may be forgotten
}

// Key is a secret key that records are made with.
type Key struct {
	Name string
	Key  []byte
}

// errTime is for a row that is no time.
var errTime = errors.New("it is no time")

func encodeUse(u Use) ([]byte, error) { return TimeKey(u.At), nil }

func decodeUse(key, value []byte) (Use, error) {
	parts := strings.SplitN(string(key), "\x00", 3)
	if len(parts) != 3 || len(value) != TimeSize {
		return Use{}, errTime
	}
	return Use{store.Credential{Kind: parts[0], Tenant: parts[1], Name: parts[2]}, TimeOf(value)}, nil
}

func encodeToken(t Token) ([]byte, error) { return TimeKey(t.Expires), nil }

func decodeToken(key, value []byte) (Token, error) {
	if len(value) != TimeSize {
		return Token{}, errTime
	}
	return Token{string(key), TimeOf(value)}, nil
}

func encodeKey(k Key) ([]byte, error) { return k.Key, nil }

func decodeKey(key, value []byte) (Key, error) { return Key{string(key), value}, nil }

// UseKey is nil for a credential that could be taken for another one.
func UseKey(c store.Credential) []byte {
	if c.Kind == "" || strings.Contains(c.Kind+c.Tenant, "\x00") {
		return nil
	}
	return []byte(c.Kind + "\x00" + c.Tenant + "\x00" + c.Name)
}
