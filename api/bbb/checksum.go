package bbb

import (
	"crypto/sha1" //nolint:gosec // the protocol's oldest algorithm; front ends still send it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// Algorithm is a hash that a checksum can be made with.
type Algorithm string

// The algorithms that BigBlueButton knows. A checksum tells its own by its length.
const (
	SHA1   Algorithm = "sha1"
	SHA256 Algorithm = "sha256"
	SHA384 Algorithm = "sha384"
	SHA512 Algorithm = "sha512"
)

// Algorithms is all of them, the usual one first.
var Algorithms = []Algorithm{SHA256, SHA512, SHA384, SHA1}

// ParseAlgorithm reads the name of an algorithm in any case; "" is SHA256.
func ParseAlgorithm(s string) (Algorithm, error) {
	if s == "" {
		return SHA256, nil
	}
	if a := Algorithm(strings.ToLower(s)); slices.Contains(Algorithms, a) {
		return a, nil
	}
	return "", fmt.Errorf("checksum algorithm %q: want one of sha1, sha256, sha384, sha512", s)
}

func (a Algorithm) hash() hash.Hash {
	switch a {
	case SHA1:
		return sha1.New() //nolint:gosec // see above
	case SHA384:
		return sha512.New384()
	case SHA512:
		return sha512.New()
	case SHA256:
	}
	return sha256.New()
}

// Checksum returns the checksum of a call in lower-case hex: the hash of call, query and secret, joined without
// separators. The query is raw, without a checksum of its own.
func (a Algorithm) Checksum(call, query string, secret Secret) string {
	h := a.hash()
	h.Write([]byte(call + query + string(secret)))
	return hex.EncodeToString(h.Sum(nil))
}

// Sign returns the query with its checksum behind it, ready to be sent.
func (a Algorithm) Sign(call, query string, secret Secret) string {
	if query == "" {
		return "checksum=" + a.Checksum(call, query, secret)
	}
	return query + "&checksum=" + a.Checksum(call, query, secret)
}

// algorithmOf tells the algorithm of a checksum from its length in hex.
func algorithmOf(checksum string) (Algorithm, bool) {
	switch len(checksum) {
	case 2 * sha1.Size:
		return SHA1, true
	case 2 * sha256.Size:
		return SHA256, true
	case 2 * sha512.Size384:
		return SHA384, true
	case 2 * sha512.Size:
		return SHA512, true
	}
	return "", false
}

// SplitChecksum cuts the checksum out of a raw query, wherever it stands, and leaves every other byte as it was: also
// empty parts, so that a leading "&" survives. Of several checksums the first counts and all are cut.
func SplitChecksum(raw string) (query, checksum string) {
	const name = "checksum="
	first := strings.Index(raw, name)
	if first < 0 {
		return raw, ""
	}
	if value := raw[first+len(name):]; first > 0 && raw[first-1] == '&' && !strings.Contains(value, "&") {
		return raw[:first-1], clean(unescape(value)) // where nearly everybody puts it: at the end
	}
	parts := strings.Split(raw, "&")
	kept := parts[:0]
	found := false
	for _, part := range parts {
		value, ok := strings.CutPrefix(part, name)
		switch {
		case !ok:
			kept = append(kept, part)
		case !found:
			checksum, found = clean(unescape(value)), true
		}
	}
	return strings.Join(kept, "&"), checksum
}

// countChecksums tells how many parameters of a raw query or form are called checksum, as BigBlueButton reads their names.
func countChecksums(raw string) (n int) {
	for part := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(part, "=")
		if len(name) >= len("checksum") && clean(unescape(name)) == "checksum" {
			n++
		}
	}
	return n
}

// Verify tells which of the secrets made the checksum of a call, as an index, or -1 if none did. The algorithm follows
// from the length and must be among those allowed (none named: all). Hex digits count in either case, digests are
// compared in constant time, and an empty secret never verifies anything.
func Verify(call, query, checksum string, secrets []Secret, allowed ...Algorithm) int {
	return verify(call, query, checksum, secrets, nil, allowed)
}

// verify is Verify with a question to each secret that has made the checksum: whether it counts now. Without one, all do.
func verify(call, query, checksum string, secrets []Secret, counts func(i int) bool, allowed []Algorithm) int {
	alg, known := algorithmOf(checksum)
	want, err := hex.DecodeString(checksum)
	if !known || err != nil || len(allowed) > 0 && !slices.Contains(allowed, alg) {
		return -1
	}
	return signer(alg.hash(), call+query, want, secrets, counts)
}

// signer returns the index of the secret that made a digest, or -1. The text is hashed once, however many secrets there
// are: a large body must not keep a pool with many tenants busy. All of them are tried, whichever it was.
func signer(h hash.Hash, text string, want []byte, secrets []Secret, counts func(i int) bool) int {
	h.Write([]byte(text))
	hashed, ok := h.(hash.Cloner) // as all hashes of the standard library are
	if !ok {
		return -1
	}
	found := -1
	var digest [sha512.Size]byte
	for i, secret := range secrets {
		own := h // the last one need not leave it as it is
		if i < len(secrets)-1 {
			var err error
			if own, err = hashed.Clone(); err != nil {
				return -1
			}
		}
		own.Write([]byte(secret))
		made := subtle.ConstantTimeCompare(own.Sum(digest[:0]), want) == 1 && secret != ""
		if made && found < 0 && (counts == nil || counts(i)) {
			found = i
		}
	}
	return found
}

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
