package lrs

import (
	"crypto/aes"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

const (
	// keyTime is how long a key is used. To derive one takes 5 ms and more of a processor, at every create, which is as much as
	// all the rest of one.
	keyTime = 5 * time.Minute
	// maxKeys bounds what is kept: more servers than that have theirs derived anew.
	maxKeys = 1000
)

// key is what encrypts for a server, and what that derives the same of from its secret.
type key struct {
	salt    []byte
	derived []byte // key and vector
	until   time.Time
}

// keys are those of servers that were derived lately, each with a salt of its own. All payloads for a server within that time
// have the same key and vector. What that tells whoever sees two of them, and has not the secret, is that they begin alike, as
// do all that name the same record store; nobody is shown any but the server that can read them all.
type keys struct {
	mu sync.Mutex
	of map[store.Secret]key
}

// get is the key for a server at a time.
func (k *keys) get(server store.Secret, now time.Time) (key, error) {
	k.mu.Lock()
	known := k.of[server]
	k.mu.Unlock()
	if left := known.until.Sub(now); left > 0 && left <= keyTime {
		return known, nil
	}
	fresh := key{salt: make([]byte, saltSize), until: now.Add(keyTime)}
	_, _ = rand.Read(fresh.salt) // never fails, as crypto/rand documents
	var err error
	fresh.derived, err = pbkdf2.Key(sha256.New, server.Reveal(), fresh.salt, iterations, keySize+aes.BlockSize)
	if err != nil {
		return key{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil || len(k.of) >= maxKeys {
		k.of = map[store.Secret]key{}
	}
	k.of[server] = fresh
	return fresh, nil
}
