// Package signing makes the tokens by which receivers know that a callback comes from who shares a secret with them, and checks
// those of servers.
//
// It owns the form of the tokens: JWTs with the claims, and the header, that BigBlueButton's own scripts have. It never chooses a
// secret, and keeps none. An empty secret signs nothing and verifies nothing.
package signing

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bbbpool/bbbpool/store"
)

// Algorithms are those that a tenant may ask for.
var Algorithms = []string{"HS256", "HS384", "HS512"}

// Where a tenant asks for none, each token is signed as BigBlueButton signs it. Greenlight and Moodle verify what tells of a
// recording by the first alone, and Moodle what goes with analytics by the second alone.
const (
	usualRecording = "HS256"
	usualBearer    = "HS512"
)

// Lifetime is how long a bearer token is good for, as BigBlueButton has it.
const Lifetime = 24 * time.Hour

// Leeway is how far the clock of a server may be behind ours.
const Leeway = 5 * time.Minute

// ErrNoSecret is that there is nothing to sign with.
var ErrNoSecret = errors.New("there is no secret to sign with")

// Recording is the value of signed_parameters, which tells of a recording. It never expires, as BigBlueButton's own.
func Recording(meetingID, recordID string, secret store.Secret, algorithm string) (string, error) {
	return sign(jwt.MapClaims{"meeting_id": meetingID, "record_id": recordID}, secret, cmp.Or(algorithm, usualRecording))
}

// Bearer is the token that goes with analytics. It says nothing but when it expires.
func Bearer(secret store.Secret, algorithm string, now time.Time) (string, error) {
	return sign(jwt.MapClaims{"exp": now.Add(Lifetime).Unix()}, secret, cmp.Or(algorithm, usualBearer))
}

func sign(claims jwt.MapClaims, secret store.Secret, algorithm string) (string, error) {
	method, err := methodOf(algorithm)
	if err != nil {
		return "", err
	}
	if secret == "" {
		return "", ErrNoSecret
	}
	return jwt.NewWithClaims(method, claims).SignedString([]byte(secret.Reveal()))
}

// methodOf finds an algorithm by its name.
func methodOf(algorithm string) (jwt.SigningMethod, error) {
	switch algorithm {
	case "HS256":
		return jwt.SigningMethodHS256, nil
	case "HS384":
		return jwt.SigningMethodHS384, nil
	case "HS512":
		return jwt.SigningMethodHS512, nil
	}
	return nil, fmt.Errorf("algorithm %q: want one of %v", algorithm, Algorithms)
}

// maxToken bounds what is taken for a token.
const maxToken = 4 << 10

// ErrToken is that a token does not come from who has one of the secrets, or has expired. Which of it is not said: who sent it
// must not learn.
var ErrToken = errors.New("the token does not verify")

// VerifyBearer checks the token that a server has sent with analytics: signed with one of the secrets, by whichever of the
// algorithms, and not expired. What has no expiry is refused: it would be good for ever.
func VerifyBearer(token string, now time.Time, secrets ...store.Secret) error {
	if token == "" || len(token) > maxToken {
		return ErrToken
	}
	parser := jwt.NewParser(jwt.WithValidMethods(Algorithms), jwt.WithExpirationRequired(), jwt.WithLeeway(Leeway),
		jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithStrictDecoding())
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		key := []byte(secret.Reveal())
		if _, err := parser.Parse(token, func(*jwt.Token) (any, error) { return key, nil }); err == nil {
			return nil
		}
	}
	return ErrToken
}
