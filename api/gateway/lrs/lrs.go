// Package lrs makes what servers are told of a tenant's learning record store (xAPI) at a create, in the form that Scalelite
// has given it: encrypted with the server's secret, in meta_secret-lrs-payload.
//
// It owns the form and the tokens that it gets from the tenant's OpenID provider, and keeps them until they expire. It never
// calls a record store.
package lrs

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/bbbpool/bbbpool/store"
)

// Parameter is the one that a server finds the payload in.
const Parameter = "meta_secret-lrs-payload"

// payload is what is encrypted.
type payload struct {
	Endpoint string `json:"lrs_endpoint"`
	Token    string `json:"lrs_token,omitempty"`
	User     string `json:"lrs_username,omitempty"`
	Password string `json:"lrs_password,omitempty"`
}

// Payloads makes payloads. It is safe for concurrent use.
type Payloads struct {
	Client *http.Client // asks for tokens; one with a deadline if nil
	Now    func() time.Time

	keys     keys
	failures atomic.Uint64
	flights  singleflight.Group
	mu       sync.Mutex
	tokens   map[string]token // by who is asked for whom
}

// token is one that was got, and until when it is used.
type token struct {
	text  string
	until time.Time
}

// Payload is what the server with that secret is told; "" for a tenant that has no record store.
func (p *Payloads) Payload(ctx context.Context, l store.LRS, server store.Secret) (string, error) {
	if l.Endpoint == "" {
		return "", nil
	}
	if server == "" {
		return "", errors.New("the server has no secret to encrypt with")
	}
	told := payload{Endpoint: l.Endpoint}
	if l.TokenURL != "" {
		text, err := p.token(ctx, l)
		if err != nil {
			p.failures.Add(1)
			return "", err
		}
		told.Token = text
	} else {
		told.User, told.Password = l.User, l.Password.Reveal()
	}
	text, err := json.Marshal(told) //nolint:gosec // it is encrypted
	if err != nil {
		return "", err
	}
	k, err := p.keys.get(server, p.now())
	if err != nil {
		return "", err
	}
	return k.seal(text)
}

// The form: 8 bytes that say nothing, the salt, and AES-256-CBC by a key and a vector that are both derived from the secret.
const (
	saltSize   = 8
	keySize    = 32
	iterations = 10_000
)

// seal encrypts a payload.
func (k key) seal(text []byte) (string, error) {
	head := make([]byte, 8, 8+saltSize)
	_, _ = rand.Read(head) // never fails, as crypto/rand documents
	head = append(head, k.salt...)
	block, err := aes.NewCipher(k.derived[:keySize])
	if err != nil {
		return "", err
	}
	padding := aes.BlockSize - len(text)%aes.BlockSize
	padded := append(text, bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, k.derived[keySize:]).CryptBlocks(padded, padded)
	return base64.StdEncoding.EncodeToString(slices.Concat(head, padded)), nil
}

const (
	tokenTimeout = 5 * time.Second
	maxAnswer    = 256 << 10
	// early is how long before its end a token is not given to servers any more: a meeting begins with it.
	early = 30 * time.Second
	// shortest is how long a token is kept whose provider does not say how long it is good.
	shortest = time.Minute
	// maxTokens bounds what is kept: more tenants than that get theirs anew.
	maxTokens = 1000
)

// token is one of the tenant's provider, which is asked once for all who want one at the same time.
func (p *Payloads) token(ctx context.Context, l store.LRS) (string, error) {
	key := strings.Join([]string{
		l.TokenURL, l.ClientID, l.ClientSecret.Reveal(), l.TokenUser, l.TokenPassword.Reveal(),
	}, "\x00")
	p.mu.Lock()
	known, now := p.tokens[key], p.now()
	p.mu.Unlock()
	if now.Before(known.until) {
		return known.text, nil
	}
	got, err, _ := p.flights.Do(key, func() (any, error) { return p.ask(context.WithoutCancel(ctx), l) })
	if err != nil {
		return "", fmt.Errorf("get a token for the learning record store: %w", err)
	}
	fresh := got.(token) //nolint:forcetypeassert // what the function above returns
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tokens == nil || len(p.tokens) >= maxTokens {
		p.tokens = map[string]token{}
	}
	p.tokens[key] = fresh
	return fresh.text, nil
}

// ask asks the provider for a token, by a user's name and password (RFC 6749, section 4.3). No error says what was sent.
func (p *Payloads) ask(ctx context.Context, l store.LRS) (token, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	form := url.Values{
		"grant_type": {"password"}, "client_id": {l.ClientID}, "client_secret": {l.ClientSecret.Reveal()},
		"username": {l.TokenUser}, "password": {l.TokenPassword.Reveal()},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return token{}, errors.New("the address of the provider is none")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	began := p.now()
	answer, err := p.client().Do(r)
	if err != nil {
		return token{}, plain(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return token{}, plain(err)
	}
	if answer.StatusCode/100 != 2 {
		return token{}, fmt.Errorf("the provider answers %d", answer.StatusCode)
	}
	var told struct {
		Token   string  `json:"access_token"`
		Seconds float64 `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &told); err != nil || told.Token == "" {
		return token{}, errors.New("the provider's answer has no access_token")
	}
	good := time.Duration(min(told.Seconds, 24*3600) * float64(time.Second))
	return token{told.Token, began.Add(max(good-early, min(good/2, shortest)))}, nil
}

// plain is an error without the address, which may have secrets in it.
func plain(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// noRedirects: what is sent is for the provider alone.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

var standard = &http.Client{Timeout: tokenTimeout, CheckRedirect: noRedirects}

func (p *Payloads) client() *http.Client {
	if p.Client != nil {
		return p.Client
	}
	return standard
}

func (p *Payloads) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}
