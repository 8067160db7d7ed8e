package peers

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"sync/atomic"
	"time"
)

// Keys keeps the key that all instances of a pool have.
type Keys interface {
	// PeerKey returns the key that is kept; where none is, it keeps fresh, and returns that.
	PeerKey(ctx context.Context, fresh []byte) ([]byte, error)
}

// bounds of a key. What is shorter was made by nobody of us.
const (
	keySize = 32
	maxKey  = 1024
)

// Identity is the key of the pool, as this instance knows it, and what it shows and demands because of it. It may be used by
// several at once, once Refresh has succeeded.
type Identity struct {
	Keys Keys

	mu    sync.Mutex
	key   []byte
	shown atomic.Pointer[shown]
}

// shown is what is made from a key.
type shown struct {
	certificate tls.Certificate
	public      ed25519.PublicKey
}

// Refresh takes over the key that is kept. Where the store has lost it, the one that this instance has is put back, so that
// those that run go on to understand one another. Who starts later and finds none makes one.
func (i *Identity) Refresh(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	mine := i.key
	if mine == nil {
		mine = make([]byte, keySize)
		_, _ = rand.Read(mine) // never fails
	}
	kept, err := i.Keys.PeerKey(ctx, mine)
	if err != nil {
		return fmt.Errorf("read the key of the instances: %w", err)
	}
	if i.key != nil && subtle.ConstantTimeCompare(kept, i.key) == 1 {
		return nil
	}
	s, err := show(kept)
	if err != nil {
		return err
	}
	i.key = kept
	i.shown.Store(s)
	return nil
}

// errKey says nothing of the key itself.
var errKey = errors.New("the key of the instances, in the shared store, is none of ours: remove it there while no instance runs")

// show makes the pair of keys and the certificate that all who have the key make. The certificate is only a coat for the
// public key, for TLS wants one.
func show(key []byte) (*shown, error) {
	if len(key) < keySize || len(key) > maxKey {
		return nil, errKey
	}
	seed, err := hkdf.Key(sha256.New, key, nil, "bbbpool instances, ed25519", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	public, ok := private.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errKey
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bbbpool"}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, public, private)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of the instances: %w", err)
	}
	return &shown{certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, public: public}, nil
}

// errStranger is for whoever has another key.
var errStranger = errors.New("this is no instance of our pool: it has another key")

// check tells whether the other end has the key. That it has the private half is proven by the handshake.
func (i *Identity) check(state tls.ConnectionState) error {
	s := i.shown.Load()
	if s == nil || len(state.PeerCertificates) == 0 {
		return errStranger
	}
	theirs, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || subtle.ConstantTimeCompare(theirs, s.public) != 1 {
		return errStranger
	}
	return nil
}

// errNoKey is for connections before the key was read.
var errNoKey = errors.New("the key of the instances is not known yet")

func (i *Identity) certificate() (*tls.Certificate, error) {
	s := i.shown.Load()
	if s == nil {
		return nil, errNoKey
	}
	return &s.certificate, nil
}

// Server is how connections of other instances are taken.
func (i *Identity) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert, SessionTicketsDisabled: true,
		NextProtos:       []string{"http/1.1"},
		GetCertificate:   func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return i.certificate() },
		VerifyConnection: i.check,
	}
}

// Client is how connections to other instances are made.
func (i *Identity) Client() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: "bbbpool", NextProtos: []string{"http/1.1"},
		InsecureSkipVerify:   true, //nolint:gosec // VerifyConnection demands the one key that is right; names do not matter
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return i.certificate() },
		VerifyConnection:     i.check,
	}
}
