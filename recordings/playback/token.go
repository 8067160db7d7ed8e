package playback

import (
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bbbpool/bbbpool/store"
)

// purpose is what a signature is for. Each has a key of its own, so that one can never stand in for the other.
type purpose int

const (
	forLink   purpose = iota // in the address that a front end hands out
	forCookie                // in the browser of whoever has followed it
)

// linkLabel is what the key for links is derived with.
const linkLabel = "bbbpool link to a recording"

// signer makes the tokens that are in links and cookies, and knows its own again.
type signer struct {
	keys   map[purpose][]byte
	parser *jwt.Parser
}

func newSigner(secret store.Secret, now func() time.Time) signer {
	key := []byte(secret.Reveal())
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(linkLabel))
	return signer{
		// Cookies are signed as Scalelite signs them: whoever is watching while a site moves over goes on watching.
		keys: map[purpose][]byte{forLink: mac.Sum(nil), forCookie: key},
		parser: jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(),
			jwt.WithTimeFunc(now), jwt.WithStrictDecoding()),
	}
}

// subject says what a token is good for: one format of one recording.
func subject(format, recordID string) string { return "/" + format + "/" + recordID }

// sign makes a token that is good for one format of one recording until it expires.
func (s signer) sign(why purpose, format, recordID, id string, expires time.Time) string {
	claims := jwt.RegisteredClaims{Subject: subject(format, recordID), ID: id, ExpiresAt: jwt.NewNumericDate(expires)}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.keys[why])
	if err != nil {
		return "" // which verifies nowhere
	}
	return token
}

// verify returns what a token says if it was signed here for that purpose and that format, and has not expired.
func (s signer) verify(why purpose, at place, token string) (jwt.RegisteredClaims, bool) {
	var claims jwt.RegisteredClaims
	key := s.keys[why]
	if len(key) == 0 || token == "" || len(token) > maxToken {
		return claims, false
	}
	_, err := s.parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return key, nil })
	return claims, err == nil && claims.Subject == subject(at.format, at.recordID)
}

// maxToken bounds what is taken for a token.
const maxToken = 1 << 10
