package frontend

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Verdict says what is to be made of a signature.
type Verdict string

// The verdicts.
const (
	Verified Verdict = "verified"
	Forged   Verdict = "not verified" // by our secret, or not at all
	Unsigned Verdict = "unsigned"     // what is told of an end bears no signature
)

func verdict(ok bool) Verdict {
	if ok {
		return Verified
	}
	return Forged
}

var hashes = map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}

// openJWT reads what a JSON Web Token says, and tells whether it is signed by the secret and has not expired.
func openJWT(token string, secret bbb.Secret, now time.Time, payload any) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || secret == "" {
		return false
	}
	var header struct{ Alg string }
	var limits struct{ Exp int64 }
	if !decode(parts[0], &header) || !decode(parts[1], payload) || !decode(parts[1], &limits) {
		return false
	}
	made := hashes[header.Alg]
	given, err := base64.RawURLEncoding.DecodeString(parts[2])
	if made == nil || err != nil {
		return false
	}
	mac := hmac.New(made, []byte(secret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	return hmac.Equal(mac.Sum(nil), given) && (limits.Exp == 0 || now.Unix() < limits.Exp)
}

func decode(part string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, v) == nil
}

// checksumFits tells whether a delivery of a hook is signed by the secret, with any of the algorithms.
func checksumFits(registered, body, checksum string, secret bbb.Secret) bool {
	return bbb.Verify(registered, body, checksum, []bbb.Secret{secret}) >= 0
}
