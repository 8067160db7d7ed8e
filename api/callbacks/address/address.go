// Package address makes the addresses that servers call back, and reads them: what an address is about is sealed in it, so that
// nobody can guess one, change one, or learn from one which tenants and servers there are.
//
// It owns the form of the addresses and nothing else: no address is kept anywhere, and none is believed because it can be read.
// Whoever is called compares what it says with the claim that stands.
//
// Sealing is AES-GCM. Its nonce is made of what is sealed, so that a create that is repeated has the same addresses, and no two
// texts ever share one.
package address

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Path is where the addresses begin, behind the base that servers know the pool by.
const Path = "/callbacks/"

// Kind is what a server tells by an address.
type Kind string

// The kinds of addresses. They stand in the path, where an operator can read them.
const (
	Ended     Kind = "ended"     // meetingEndedURL: the meeting is over
	Marks     Kind = "end"       // meta_endCallbackUrl: whether something was marked for recording; participants can read it
	Ready     Kind = "ready"     // a recording is ready at the server
	Analytics Kind = "analytics" // who did what
	Event     Kind = "event"     // of a webhook, of one server and no meeting
)

// Place is what an address is about: a meeting, on a server, since it was placed there. A meeting that was created again, or
// has moved, has other addresses.
type Place struct {
	Kind   Kind
	Server string
	store.MeetingKey
	Placed time.Time // to the millisecond
	Name   string    // of Analytics: the metadata, without "meta_", that the address stands for; "" for store.MetaAnalytics
}

// Of is the place of a meeting's claim.
func Of(kind Kind, c store.Claim) Place {
	return Place{Kind: kind, Server: c.Server, MeetingKey: c.MeetingKey, Placed: c.Placed.Truncate(time.Millisecond).UTC()}
}

// Is tells whether the place is that of a claim, which may have several addresses of a kind.
func (p Place) Is(c store.Claim) bool {
	of := Of(p.Kind, c)
	of.Name = p.Name
	return of == p
}

// Meta is the metadata, without "meta_", that the address stands for; "" where it is none that a server is given.
func (p Place) Meta() string {
	switch p.Kind {
	case Marks:
		return store.MetaEnd
	case Analytics:
		return cmp.Or(p.Name, store.MetaAnalytics)
	case Ready:
		return store.MetaReady
	case Ended, Event:
	}
	return ""
}

// KeySize is the length of a key in bytes.
const KeySize = 32

// Sealer makes addresses and reads them. It is safe for concurrent use.
type Sealer struct {
	keys atomic.Pointer[[]sealing] // the present one first; never empty
}

// sealing is what is sealed with one key.
type sealing struct {
	key   []byte
	aead  cipher.AEAD
	nonce []byte // the key that nonces are made with
}

// New returns a sealer. All instances of a pool have the same key, or they do not know each other's addresses.
func New(key []byte) (*Sealer, error) {
	s := &Sealer{}
	return s, s.Use(key)
}

// mostKeys is how many keys are read with: the present one, and one from before it was known.
const mostKeys = 2

// Use seals with another key from now on. What was sealed with the one before is read still: it was the best that was known.
func (s *Sealer) Use(key []byte) error {
	fresh, err := newSealing(key)
	if err != nil {
		return err
	}
	list := []sealing{fresh}
	if before := s.keys.Load(); before != nil {
		for _, one := range *before {
			if !bytes.Equal(one.key, key) && len(list) < mostKeys {
				list = append(list, one)
			}
		}
	}
	s.keys.Store(&list)
	return nil
}

func newSealing(key []byte) (s sealing, err error) {
	if len(key) != KeySize {
		return s, fmt.Errorf("the key of callback addresses has %d bytes, want %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(derived(key, "seal"))
	if err != nil {
		return s, err
	}
	aead, err := cipher.NewGCM(block)
	return sealing{bytes.Clone(key), aead, derived(key, "nonce")}, err
}

func derived(key []byte, what string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("callback addresses: " + what))
	return mac.Sum(nil)
}

// URL is the address of a place, below the base that servers know the pool by, as https://pool.example.edu.
func (s *Sealer) URL(base string, p Place) string {
	return strings.TrimSuffix(base, "/") + Path + string(p.Kind) + "/" + s.seal(p)
}

// seal returns the last element of the path.
func (s *Sealer) seal(p Place) string {
	with, text := (*s.keys.Load())[0], p.encode()
	mac := hmac.New(sha256.New, with.nonce)
	mac.Write(text)
	nonce := mac.Sum(nil)[:with.aead.NonceSize()]
	return base64.RawURLEncoding.EncodeToString(with.aead.Seal(nonce, nonce, text, nil))
}

// ErrForeign is that an address is not one of ours.
var ErrForeign = errors.New("no callback address of this pool")

// maxToken bounds what is looked at: the longest IDs of tenant, meeting and server make less.
const maxToken = 4 << 10

// Open reads what stands behind [Path] in an address: kind and token. Whatever is not ours is [ErrForeign].
func (s *Sealer) Open(kind Kind, token string) (Place, error) {
	if len(token) > maxToken {
		return Place{}, ErrForeign
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return Place{}, ErrForeign
	}
	for _, with := range *s.keys.Load() {
		if p, ok := with.open(sealed); ok && p.Kind == kind {
			return p, nil
		}
	}
	return Place{}, ErrForeign
}

// open reads what was sealed with the key.
func (s sealing) open(sealed []byte) (Place, bool) {
	size := s.aead.NonceSize()
	if len(sealed) < size {
		return Place{}, false
	}
	text, err := s.aead.Open(nil, sealed[:size], sealed[size:], nil)
	if err != nil {
		return Place{}, false
	}
	return decode(text)
}

// Read finds the place in a whole address, whatever base it has: what a server shows in metadata may be from before the pool
// had another name.
func (s *Sealer) Read(address string) (Place, error) {
	_, place, found := strings.Cut(address, Path)
	place, _, _ = strings.Cut(place, "?")
	kind, token, both := strings.Cut(place, "/")
	if !found || !both {
		return Place{}, ErrForeign
	}
	return s.Open(Kind(kind), token)
}

// Callable tells whether somebody can be called at an address that a front end gave: it is an absolute one of http or https, and
// none of ours, however it is written. A front end that has got hold of one of ours must not have us call ourselves.
func (s *Sealer) Callable(given string) bool {
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return false
	}
	if s == nil {
		return true
	}
	_, err = s.Read(path.Clean(u.Path))
	return err != nil
}

// encode writes the place: the time, then kind, server and tenant with their lengths, then the meeting ID. Behind the kind
// stands the name, if there is one.
func (p Place) encode() []byte {
	text := binary.BigEndian.AppendUint64(nil, uint64(p.Placed.UnixMilli()))
	kind := string(p.Kind)
	if p.Name != "" {
		kind += "\x00" + p.Name
	}
	for _, part := range []string{kind, p.Server, p.Tenant} {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	return append(text, p.MeetingID...)
}

// decode reads what encode has written.
func decode(text []byte) (p Place, ok bool) {
	if len(text) < 8 {
		return p, false
	}
	p.Placed = time.UnixMilli(int64(binary.BigEndian.Uint64(text))).UTC()
	rest := text[8:]
	var parts [3]string
	for i := range parts {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return p, false
		}
		parts[i], rest = string(rest[size:size+int(n)]), rest[size+int(n):]
	}
	kind, name, _ := strings.Cut(parts[0], "\x00")
	p.Kind, p.Name = Kind(kind), name
	p.Server, p.Tenant, p.MeetingID = parts[1], parts[2], string(rest)
	return p, true
}
