package playback

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// secretBytes is how much randomness a generated secret has.
const secretBytes = 32

// LoadSecret reads the secret that this data directory signs with, from playback.key in it, and makes one at the first
// call. Whoever removes the file makes all links and cookies that are out invalid, and nothing else.
func LoadSecret(dataDir string) (store.Secret, error) {
	path := filepath.Join(dataDir, "playback.key")
	secret, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := writeSecret(dataDir, path); err != nil {
		return "", fmt.Errorf("make the secret of playback: %w", err)
	}
	return readSecret(path) // of two that make one at the same time, both get the winner's
}

// readSecret reads the secret, and refuses a file that has none.
func readSecret(path string) (store.Secret, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator's own data directory
	if err != nil {
		return "", fmt.Errorf("read the secret of playback: %w", err)
	}
	text := strings.TrimSpace(string(data))
	if raw, err := hex.DecodeString(text); err != nil || len(raw) < secretBytes {
		return "", fmt.Errorf("%s is damaged: remove it, a new one is made at the next start", path)
	}
	return store.Secret(text), nil
}

// writeSecret puts a new secret in place whole and durable, or not at all, and never over one that is there.
func writeSecret(dir, path string) (err error) {
	file, err := os.CreateTemp(dir, ".playback.key-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	var raw [secretBytes]byte
	_, _ = rand.Read(raw[:]) // never fails
	_, err = file.WriteString(hex.EncodeToString(raw[:]) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return files.SyncDir(dir)
}

// Keys keeps secrets that all instances have together.
type Keys interface {
	// Key returns the key by that name, which is fresh where there was none.
	Key(ctx context.Context, name string, fresh []byte) ([]byte, error)
}

// keyName is the name of the secret that all instances sign with.
const keyName = "playback"

// loadSecret reads the secret of the data directory. Where several instances play recordings that is the one of all of them: as
// long as it cannot be asked for, the one that is at hand, which is the same unless this instance has never been started before.
func (p *Playback) loadSecret(dataDir string) (store.Secret, error) {
	own, err := LoadSecret(dataDir)
	if err != nil || p.Keys == nil {
		return own, err
	}
	shared, err := p.Keys.Key(context.Background(), keyName, []byte(own.Reveal()))
	if errors.Is(err, store.ErrAway) {
		p.unsure.Store(true)
		p.Log.Warn().Err(err).Msg("the secret that all instances sign with cannot be read: the one of before is used")
		return own, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the secret of playback: %w", err)
	}
	if secret := store.Secret(shared); secret != own {
		return secret, replaceSecret(dataDir, secret)
	}
	return own, nil
}

// Unsure tells whether the secret that all instances sign with could not be read.
func (p *Playback) Unsure() bool { return p.unsure.Load() }

// Learn reads the secret that all instances sign with, where it could not be read when playback was opened.
func (p *Playback) Learn(ctx context.Context, dataDir string) error {
	own, err := LoadSecret(dataDir)
	if err != nil {
		return err
	}
	shared, err := p.Keys.Key(ctx, keyName, []byte(own.Reveal()))
	if err != nil {
		return fmt.Errorf("read the secret of playback: %w", err)
	}
	secret := store.Secret(shared)
	if len(secret.Reveal()) < minSecret {
		return errors.New("the secret of playback in the index is too short: it is none of ours")
	}
	if secret != own {
		if err := replaceSecret(dataDir, secret); err != nil {
			return err
		}
	}
	p.sign(secret)
	p.unsure.Store(false)
	return nil
}

// sign has links and cookies signed with a secret from now on.
func (p *Playback) sign(secret store.Secret) {
	s := newSigner(secret, p.Now)
	p.signing.Store(&s)
}

func (p *Playback) signer() *signer { return p.signing.Load() }

// replaceSecret keeps another secret in the data directory.
func replaceSecret(dataDir string, secret store.Secret) error {
	root, err := os.OpenRoot(dataDir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	const name, temp = "playback.key", ".playback.key.new"
	if err := files.Write(root, temp, []byte(secret.Reveal()+"\n")); err != nil {
		return err
	}
	return root.Rename(temp, name)
}
