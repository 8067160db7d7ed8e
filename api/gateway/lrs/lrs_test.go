package lrs_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/gateway/lrs"
	"github.com/bbbpool/bbbpool/store"
)

// opened is what a server reads in a payload.
func opened(t *testing.T, text, secret string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) < 32 {
		t.Fatalf("%q: %v", text, err)
	}
	derived, err := pbkdf2.Key(sha256.New, secret, raw[8:16], 10_000, 48)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := aes.NewCipher(derived[:32])
	plain := raw[16:]
	cipher.NewCBCDecrypter(block, derived[32:]).CryptBlocks(plain, plain)
	return string(plain[:len(plain)-int(plain[len(plain)-1])])
}

func TestPayload_Basic(t *testing.T) {
	var p lrs.Payloads
	tenant := store.LRS{Endpoint: "https://lrs.example.org/xapi", User: "u", Password: "p<>"}
	first, err := p.Payload(t.Context(), tenant, "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"lrs_endpoint":"https://lrs.example.org/xapi","lrs_username":"u","lrs_password":"p\u003c\u003e"}`
	if got := opened(t, first, "s3cret"); got != want {
		t.Errorf("payload %s, want %s", got, want)
	}
	if again, err := p.Payload(t.Context(), tenant, "s3cret"); err != nil || again == first {
		t.Errorf("the same text again: %v", err)
	}
	if other, err := p.Payload(t.Context(), tenant, "other"); err != nil || opened(t, other, "other") != want {
		t.Errorf("for another server: %q, %v", other, err)
	}
	if none, err := p.Payload(t.Context(), store.LRS{}, "s3cret"); none != "" || err != nil {
		t.Errorf("without a record store: %q, %v", none, err)
	}
	if text, err := p.Payload(t.Context(), tenant, ""); err == nil {
		t.Errorf("encrypted with no secret: %q", text)
	}
}

// A token is got once for all who want one, and again once it is over.
func TestPayload_Token(t *testing.T) {
	var asked atomic.Int64
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.FormValue("grant_type") != "password" || r.FormValue("client_secret") != "cs" || r.FormValue("password") != "tp" {
			t.Errorf("asked with %v", r.Form)
		}
		_, _ = w.Write([]byte(`{"access_token":"t0ken","expires_in":300}`))
	}))
	defer provider.Close()
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	p := lrs.Payloads{Now: func() time.Time { return now }}
	tenant := store.LRS{
		Endpoint: "https://lrs", TokenURL: provider.URL, ClientID: "c", ClientSecret: "cs", TokenUser: "tu", TokenPassword: "tp",
	}
	want := `{"lrs_endpoint":"https://lrs","lrs_token":"t0ken"}`
	for _, after := range []time.Duration{0, 269 * time.Second, 2 * time.Second} {
		now = now.Add(after)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				text, err := p.Payload(t.Context(), tenant, "s3cret")
				if err != nil || opened(t, text, "s3cret") != want {
					t.Errorf("after %v: %v", after, err)
				}
			})
		}
		all.Wait()
	}
	if n := asked.Load(); n < 2 || n > 16 {
		t.Errorf("asked %d times", n)
	}
	before := asked.Load()
	if _, err := p.Payload(t.Context(), tenant, "s3cret"); err != nil || asked.Load() != before {
		t.Errorf("asked for one that is there: %v", err)
	}
}

// What goes wrong says so, and nothing of what was sent.
func TestPayload_Refused(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"status":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/else", http.StatusFound) },
		"no JSON":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no token": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) },
		"cut":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			provider := httptest.NewServer(answer)
			defer provider.Close()
			var p lrs.Payloads
			text, err := p.Payload(t.Context(), store.LRS{
				Endpoint: "https://lrs", TokenURL: provider.URL + "/?k=s3cret", ClientSecret: "cs3cret", TokenPassword: "tp3cret",
			}, "s")
			if err == nil || strings.Contains(err.Error(), "3cret") {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}

// A key has a salt of its own, and another after some minutes, also where the clock was set back.
func TestPayload_Salts(t *testing.T) {
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	p := lrs.Payloads{Now: func() time.Time { return now }}
	salt := func(server store.Secret) string {
		text, err := p.Payload(t.Context(), store.LRS{Endpoint: "https://lrs"}, server)
		raw, err2 := base64.StdEncoding.DecodeString(text)
		if err != nil || err2 != nil || opened(t, text, server.Reveal()) != `{"lrs_endpoint":"https://lrs"}` {
			t.Fatal(text, err, err2)
		}
		return string(raw[8:16])
	}
	first, other := salt("s3cret"), salt("other")
	now = now.Add(4 * time.Minute)
	soon := salt("s3cret")
	now = now.Add(time.Minute)
	later := salt("s3cret")
	now = now.Add(-time.Hour)
	back := salt("s3cret")
	if first == other || soon != first || later == first || back == later {
		t.Errorf("salts %x, of another server %x, soon %x, later %x, back %x", first, other, soon, later, back)
	}
}
