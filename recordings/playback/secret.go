package playback

import (
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
