package storm_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// tokens are those that were seen, with the secret that has signed each, for another library to verify.
type tokens struct {
	mu   sync.Mutex
	seen map[string]string
}

// open verifies a token by hand: by an algorithm, and one of the tenant's secrets, which it names.
func (w *world) open(alg, tenant, token string, claims any) (secret, wrong string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", fmt.Sprintf("it is signed with %q", token)
	}
	var head struct{ Alg string }
	if err := decode(parts[0], &head); err != nil || head.Alg != alg {
		return "", fmt.Sprintf("it is signed by %q: %v", head.Alg, err)
	}
	for _, name := range secretNames {
		mac := hmac.New(hashes[alg], []byte(w.secret(tenant, name)))
		mac.Write([]byte(parts[0] + "." + parts[1]))
		if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != parts[2] {
			continue
		}
		w.tokens.mu.Lock()
		w.tokens.seen[token] = w.secret(tenant, name)
		w.tokens.mu.Unlock()
		if err := decode(parts[1], claims); err != nil {
			return name, err.Error()
		}
		return name, ""
	}
	return "", "no secret of its tenant has signed it"
}

// hashes are those of the algorithms: recordings are told of by the first, attendance by the second.
var hashes = map[string]func() hash.Hash{"HS256": sha256.New, "HS512": sha512.New}

// decode reads a part of a token. The names of claims are written with underscores.
func decode(part string, to any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(bytes.ReplaceAll(text, []byte("_id\":"), []byte("ID\":")), to)
}

// script verifies tokens as Greenlight does, with its library: each line is a token and a secret.
const script = `require "jwt"
STDIN.each_line { |l| token, secret = l.chomp.split(" ", 2); JWT.decode(token, secret, true, algorithms: %w[HS256 HS512]) }
puts "verified"`

// verifyElsewhere has all tokens verified by Ruby's library, where that is there.
func (w *world) verifyElsewhere() {
	w.t.Helper()
	if err := exec.Command("ruby", "-rjwt", "-e", "1").Run(); err != nil {
		if os.Getenv("BBBPOOL_TEST_REQUIRE") != "" {
			w.t.Errorf("Ruby's jwt is not there, Debian's ruby-jwt: %v", err)
		}
		return
	}
	var lines strings.Builder
	w.tokens.mu.Lock()
	for token, secret := range w.tokens.seen {
		lines.WriteString(token + " " + secret + "\n")
	}
	n := len(w.tokens.seen)
	w.tokens.mu.Unlock()
	cmd := exec.Command("ruby", "-e", script)
	cmd.Stdin = strings.NewReader(lines.String())
	if said, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(said)) != "verified" {
		w.t.Errorf("Ruby's jwt does not verify: %v %.500s", err, said)
	}
	w.t.Logf("%d tokens verified by Ruby's jwt", n)
}
