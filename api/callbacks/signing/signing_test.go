package signing_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/signing"
	"github.com/bbbpool/bbbpool/store"
)

var now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// hashes are the algorithms, as RFC 7518 has them.
var hashes = map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}

// handmade makes a token without the library that is tested.
func handmade(t *testing.T, header, claims, secret, alg string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(hashes[alg], []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// opened checks a token by hand and returns its header and claims.
func opened(t *testing.T, token, secret, alg string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token %q", token)
	}
	mac := hmac.New(hashes[alg], []byte(secret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if got := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); got != parts[2] {
		t.Errorf("%s does not verify", alg)
	}
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// What is signed has the claims of BigBlueButton's scripts and no others, and the algorithm that was asked for.
func TestSign(t *testing.T) {
	for asked, alg := range map[string]string{"": "HS256", "HS256": "HS256", "HS384": "HS384", "HS512": "HS512"} {
		token, err := signing.Recording("room <1>", "abc-1", "s3cret", asked)
		if err != nil {
			t.Fatal(err)
		}
		header, claims := opened(t, token, "s3cret", alg)
		if header["alg"] != alg || header["typ"] != "JWT" || len(header) != 2 {
			t.Errorf("%q: header %v", asked, header)
		}
		if claims["meeting_id"] != "room <1>" || claims["record_id"] != "abc-1" || len(claims) != 2 {
			t.Errorf("%q: claims %v", asked, claims)
		}
		bearer, err := signing.Bearer("s3cret", asked, now)
		if err != nil {
			t.Fatal(err)
		}
		if asked == "" {
			alg = "HS512" // as BigBlueButton, and as Moodle alone takes it
		}
		if _, claims = opened(t, bearer, "s3cret", alg); claims["exp"] != float64(now.Unix()+86400) || len(claims) != 1 {
			t.Errorf("%q: claims %v", asked, claims)
		}
	}
}

// Without a secret, or by an algorithm that is none of ours, nothing is signed.
func TestSign_Refused(t *testing.T) {
	if token, err := signing.Bearer("", "", now); !errors.Is(err, signing.ErrNoSecret) || token != "" {
		t.Errorf("signed with no secret: %q, %v", token, err)
	}
	for _, alg := range []string{"none", "None", "RS256", "hs256", "ES256"} {
		if token, err := signing.Recording("m", "r", "s", alg); err == nil || token != "" {
			t.Errorf("signed by %s: %q", alg, token)
		}
	}
}

// A server's token verifies by each of the algorithms; anything else does not, and the error tells nothing.
func TestVerifyBearer(t *testing.T) {
	const good = `{"exp":1772532000}` // a day after now
	head := func(alg string) string { return `{"typ":"JWT","alg":"` + alg + `"}` }
	unsigned := handmade(t, head("none"), good, "s", "HS256")
	unsigned = unsigned[:strings.LastIndex(unsigned, ".")+1]
	for what, give := range map[string]struct {
		token   string
		secrets []store.Secret
		ok      bool
	}{
		"HS512":                {handmade(t, head("HS512"), good, "s", "HS512"), []store.Secret{"s"}, true},
		"HS384":                {handmade(t, head("HS384"), good, "s", "HS384"), []store.Secret{"s"}, true},
		"HS256":                {handmade(t, head("HS256"), good, "s", "HS256"), []store.Secret{"s"}, true},
		"the second secret":    {handmade(t, head("HS512"), good, "s", "HS512"), []store.Secret{"", "t", "s"}, true},
		"a minute over":        {handmade(t, head("HS512"), `{"exp":1772445540}`, "s", "HS512"), []store.Secret{"s"}, true},
		"an hour over":         {handmade(t, head("HS512"), `{"exp":1772442000}`, "s", "HS512"), []store.Secret{"s"}, false},
		"no expiry":            {handmade(t, head("HS512"), `{}`, "s", "HS512"), []store.Secret{"s"}, false},
		"expiry in words":      {handmade(t, head("HS512"), `{"exp":"never"}`, "s", "HS512"), []store.Secret{"s"}, false},
		"another secret":       {handmade(t, head("HS512"), good, "t", "HS512"), []store.Secret{"s"}, false},
		"another algorithm":    {handmade(t, head("HS512"), good, "s", "HS256"), []store.Secret{"s"}, false},
		"no secret":            {handmade(t, head("HS512"), good, "s", "HS512"), nil, false},
		"an empty secret":      {handmade(t, head("HS512"), good, "", "HS512"), []store.Secret{""}, false},
		"none":                 {handmade(t, head("none"), good, "s", "HS512"), []store.Secret{"s"}, false},
		"none, unsigned":       {unsigned, []store.Secret{"s"}, false},
		"no algorithm":         {handmade(t, `{"typ":"JWT"}`, good, "s", "HS512"), []store.Secret{"s"}, false},
		"a public key's":       {handmade(t, head("RS256"), good, "s", "HS256"), []store.Secret{"s"}, false},
		"nothing":              {"", []store.Secret{"s"}, false},
		"two parts":            {"e30.e30", []store.Secret{"s"}, false},
		"four parts":           {handmade(t, head("HS512"), good, "s", "HS512") + ".e30", []store.Secret{"s"}, false},
		"no base64":            {"***.***.***", []store.Secret{"s"}, false},
		"long":                 {strings.Repeat("a", 1<<20), []store.Secret{"s"}, false},
		"not yet":              {handmade(t, head("HS512"), `{"exp":1772532000,"nbf":1772452800}`, "s", "HS512"), []store.Secret{"s"}, false},
		"more than the expiry": {handmade(t, head("HS512"), `{"exp":1772532000,"sub":"x"}`, "s", "HS512"), []store.Secret{"s"}, true},
	} {
		err := signing.VerifyBearer(give.token, now, give.secrets...)
		if ok := err == nil; ok != give.ok {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && (!errors.Is(err, signing.ErrToken) || err.Error() != signing.ErrToken.Error()) {
			t.Errorf("%s: the error tells more: %v", what, err)
		}
	}
}

func FuzzVerifyBearer(f *testing.F) {
	token, _ := signing.Bearer("s", "HS512", now)
	f.Add(token, "s")
	f.Add("a.b.c", "")
	f.Fuzz(func(t *testing.T, token, secret string) {
		if signing.VerifyBearer(token, now, store.Secret(secret)) == nil && secret == "" {
			t.Error("an empty secret verifies")
		}
	})
}
