package bbb_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

const (
	secret      = bbb.Secret("639259d4-9dd8-4b25-bf01-95f9567eaf4b")
	createQuery = "name=Test+Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444"
)

// vectors are checksums that other implementations agree on.
var vectors = []struct {
	call, query string
	alg         bbb.Algorithm
	sum         string
}{
	{"create", createQuery, bbb.SHA1, "1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17"},
	{"create", createQuery, bbb.SHA256, "da9185f7f333cfdfcd6eeac32dca3777510c4c436020d8b887ba5515bd1d189e"},
	{
		"create", createQuery, bbb.SHA384,
		"891ac633df39d0a1b4f8d597f3e190833216c4b29c4fb51ea3ca72757eeb958d6e7b49a845cf29f5c6019c7d29d029d1",
	},
	{
		"create", createQuery, bbb.SHA512,
		"de73ad61d11a5c801b68d4bd6ec5248546085cefb0b25c85f3c46249ea93a3a4" +
			"b120f92c0a8a58d7512cb77821884951a3b01245f3435dbbef49fff3cc3988b4",
	},
	{"getMeetings", "", bbb.SHA1, "2027baa7771026e9e93392f55031535d1444c41f"},
	{"getMeetings", "", bbb.SHA256, "a5370c5f3d97d56d53b435684cdbc429c2898a3bf9f435518b4279e1e0dbfc8c"},
}

// The checksum is the one that every other implementation of the protocol computes.
func TestAlgorithm_Checksum(t *testing.T) {
	for _, v := range vectors {
		if got := v.alg.Checksum(v.call, v.query, secret); got != v.sum {
			t.Errorf("%s of %s?%s: got %s, want %s", v.alg, v.call, v.query, got, v.sum)
		}
		for _, sum := range []string{v.sum, strings.ToUpper(v.sum)} {
			if bbb.Verify(v.call, v.query, sum, []bbb.Secret{secret}) != 0 {
				t.Errorf("%s of %s?%s: %s does not verify", v.alg, v.call, v.query, sum)
			}
		}
	}
}

// A checksum is only good for its call, its query, its secret and an algorithm that is allowed.
func TestVerify(t *testing.T) {
	sha1, sha256 := vectors[0].sum, vectors[1].sum
	for _, test := range []struct {
		name, call, query, sum string
		secrets                []bbb.Secret
		allowed                []bbb.Algorithm
		want                   int
	}{
		{name: "first", sum: sha256, secrets: []bbb.Secret{secret, "other"}, want: 0},
		{name: "last", sum: sha256, secrets: []bbb.Secret{"a", "b", secret}, want: 2},
		{name: "middle", sum: sha256, secrets: []bbb.Secret{"a", secret, "b"}, want: 1},
		{name: "twice the same", sum: sha256, secrets: []bbb.Secret{"a", secret, secret}, want: 1},
		{name: "wrong secret", sum: sha256, secrets: []bbb.Secret{"a"}, want: -1},
		{name: "no secret", sum: sha256, want: -1},
		{name: "wrong call", call: "join", sum: sha256, secrets: []bbb.Secret{secret}, want: -1},
		{name: "wrong query", query: createQuery + "&", sum: sha256, secrets: []bbb.Secret{secret}, want: -1},
		{name: "no checksum", sum: "", secrets: []bbb.Secret{secret}, want: -1},
		{name: "too short", sum: sha256[:63], secrets: []bbb.Secret{secret}, want: -1},
		{name: "two short", sum: sha256[:62], secrets: []bbb.Secret{secret}, want: -1},
		{name: "too long", sum: sha256 + "00", secrets: []bbb.Secret{secret}, want: -1},
		{name: "no hex", sum: sha256[:62] + "zz", secrets: []bbb.Secret{secret}, want: -1},
		{name: "MD5", sum: sha256[:32], secrets: []bbb.Secret{secret}, want: -1},
		{name: "other of the same length", sum: sha1[:38] + "00", secrets: []bbb.Secret{secret}, want: -1},
		{name: "allowed", sum: sha1, secrets: []bbb.Secret{secret}, allowed: bbb.Algorithms, want: 0},
		{name: "not allowed", sum: sha1, secrets: []bbb.Secret{secret}, allowed: []bbb.Algorithm{bbb.SHA256}, want: -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			call, query := test.call, test.query
			if call == "" {
				call = "create"
			}
			if query == "" {
				query = createQuery
			}
			if got := bbb.Verify(call, query, test.sum, test.secrets, test.allowed...); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

// An empty secret, which anybody knows, verifies nothing, not even what was signed with it.
func TestVerify_EmptySecret(t *testing.T) {
	for _, alg := range bbb.Algorithms {
		sum := alg.Checksum("create", createQuery, "")
		if got := bbb.Verify("create", createQuery, sum, []bbb.Secret{"", secret, ""}); got != -1 {
			t.Errorf("%s: got %d, want -1", alg, got)
		}
	}
}

// Only the checksum is cut out; every other byte of the query stays, wherever the checksum stood.
func TestSplitChecksum(t *testing.T) {
	for _, test := range []struct{ raw, query, checksum string }{
		{"", "", ""},
		{"a=1", "a=1", ""},
		{"checksum=c", "", "c"},
		{"checksum=c&a=1&b=2", "a=1&b=2", "c"},
		{"a=1&checksum=c&b=2", "a=1&b=2", "c"},
		{"a=1&b=2&checksum=c", "a=1&b=2", "c"},
		{"&checksum=c", "", "c"},
		{"&a=1&checksum=c", "&a=1", "c"},
		{"a=1&&b=2&checksum=c", "a=1&&b=2", "c"},
		{"a=1&checksum=c&", "a=1&", "c"},
		{"a=x+y%20z%3a%3A;q=~!*'()&checksum=c", "a=x+y%20z%3a%3A;q=~!*'()", "c"},
		{"checksum=%61B%20&a=1", "a=1", "aB"},
		{"checksum=one&a=1&checksum=two", "a=1", "one"},
		{"checksum=&a=1&checksum=two", "a=1", ""},
		{"mychecksum=c&a=1", "mychecksum=c&a=1", ""},
		{"a=checksum=c", "a=checksum=c", ""},
		{"%63hecksum=c", "%63hecksum=c", ""},
		{"Checksum=c", "Checksum=c", ""},
	} {
		query, checksum := bbb.SplitChecksum(test.raw)
		if query != test.query || checksum != test.checksum {
			t.Errorf("%q: got %q and %q, want %q and %q", test.raw, query, checksum, test.query, test.checksum)
		}
	}
}

// What Sign makes is split and verified again, with an empty query too.
func TestAlgorithm_Sign(t *testing.T) {
	for _, query := range []string{"", "a=1", "&a=1", "a=%zz", "a;b"} {
		for _, alg := range bbb.Algorithms {
			got, checksum := bbb.SplitChecksum(alg.Sign("create", query, secret))
			if got != query || bbb.Verify("create", got, checksum, []bbb.Secret{secret}, alg) != 0 {
				t.Errorf("%s of %q: got %q, which does not verify", alg, query, got)
			}
		}
	}
}

// Names of algorithms come from people.
func TestParseAlgorithm(t *testing.T) {
	for in, want := range map[string]bbb.Algorithm{"": bbb.SHA256, "SHA512": bbb.SHA512, "sha1": bbb.SHA1} {
		if got, err := bbb.ParseAlgorithm(in); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
	if _, err := bbb.ParseAlgorithm("md5"); err == nil || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("md5: got %v, want an error that names those there are", err)
	}
}

// However a secret is printed, alone or in a struct, it does not show; and nobody marshals it by accident.
func TestSecret(t *testing.T) {
	e := bbb.Endpoint{URL: "https://h", Secret: secret}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, v := range []any{secret, e, &e, []bbb.Secret{secret}} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, string(secret)) || strings.Contains(text, hex.EncodeToString([]byte(secret))) {
				t.Errorf("%s of %T shows the secret: %s", verb, v, text)
			}
		}
	}
	if text, err := json.Marshal(e); err == nil {
		t.Errorf("json: got %s, want an error", text)
	}
}

// BenchmarkVerify compares the check of a typical create with the bare hash of the same bytes.
func BenchmarkVerify(b *testing.B) {
	sum, secrets := vectors[1].sum, []bbb.Secret{secret}
	for b.Loop() {
		if bbb.Verify("create", createQuery, sum, secrets) != 0 {
			b.Fatal("does not verify")
		}
	}
	b.StopTimer()
	text, ours, start := []byte("create"+createQuery+string(secret)), b.Elapsed(), time.Now()
	for range b.N {
		sha256.Sum256(text)
	}
	b.ReportMetric(float64(ours)/float64(time.Since(start)), "x-bare-hash")
}
