package rooms

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what BigBlueButton makes internal IDs with
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// The alphabets of what BigBlueButton makes up.
const (
	Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" // passwords, secrets
	Lowercase    = "abcdefghijklmnopqrstuvwxyz0123456789"                           // users, tokens
	decimal      = "0123456789"                                                     // voice bridges
)

// RandomText returns n characters of an alphabet that cannot be guessed.
func RandomText(n int, alphabet string) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

// RandomUserID returns what a server calls somebody.
func RandomUserID() string { return "w_" + RandomText(12, Lowercase) }

// SHA1 returns a text's SHA-1 in hexadecimal: what most of BigBlueButton's IDs are made of.
func SHA1(s string) string {
	sum := sha1.Sum([]byte(s)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// internalID makes the ID that servers, recordings and callbacks know a meeting by.
func internalID(meetingID string, created time.Time) string {
	return SHA1(meetingID) + "-" + strconv.FormatInt(created.UnixMilli(), 10)
}

// IsURL tells an address that BigBlueButton redirects to or calls.
func IsURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// Pair is a name and a value.
type Pair struct{ Name, Value string }

// Pairs are names and their values, in the order they came in.
type Pairs []Pair

// With gives a name a value, in its place or at the end. It may change the pairs themselves, as append does.
func (p Pairs) With(name, value string) Pairs {
	for i := range p {
		if p[i].Name == name {
			p[i].Value = value
			return p
		}
	}
	return append(p, Pair{name, value})
}

// Get returns the value of a name, or "".
func (p Pairs) Get(name string) string {
	for _, pair := range p {
		if pair.Name == name {
			return pair.Value
		}
	}
	return ""
}

// Render writes an element for each pair.
func (p Pairs) Render(x *bbb.Builder) {
	for _, pair := range p {
		x.Text(pair.Name, pair.Value)
	}
}

// EncodeJSON returns one of our own values as JSON, without escaping "&" and the like.
func EncodeJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // a channel in it, or a function: a mistake of ours
	}
	return bytes.TrimSpace(b.Bytes())
}
