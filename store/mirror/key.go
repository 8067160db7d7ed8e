package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// maxKey bounds what is read of a copy: a key is some dozens of bytes.
const maxKey = 4 << 10

// Key is a key that all instances have together, which lies in a database, with a copy of it in the data directory for when the
// database is away. It is safe for concurrent use.
type Key struct {
	Dir  string // the data directory; with "" there is no copy
	File string // the copy's name there
	// Ask asks the database for the key; where that has none, fresh becomes it.
	Ask func(ctx context.Context, fresh []byte) ([]byte, error)

	mu   sync.Mutex
	kept []byte // what the copy has, as far as known
	sure bool   // the database has said so
}

// Get returns the key, as the database has it; while that is away, as the copy has it. Where there is no copy, fresh is the key
// until the database can be asked, which takes it over if it has none either. A copy that cannot be written is tried again the
// next time, and that the data directory cannot be written others say.
func (k *Key) Get(ctx context.Context, fresh []byte) ([]byte, error) {
	key, err := k.Ask(ctx, fresh)
	k.mu.Lock()
	defer k.mu.Unlock()
	if errors.Is(err, store.ErrAway) {
		if key, err = k.copied(); err != nil || key != nil {
			return key, err
		}
		_ = k.keep(fresh)
		return fresh, nil
	}
	if err != nil {
		return nil, err
	}
	k.sure = true
	_ = k.keep(key)
	return key, nil
}

// Sure tells whether the key is known to be that in the database.
func (k *Key) Sure() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sure
}

// copied reads the copy, and returns nil where there is none.
func (k *Key) copied() ([]byte, error) {
	if k.kept != nil || k.Dir == "" {
		return k.kept, nil
	}
	root, err := os.OpenRoot(k.Dir)
	if err != nil {
		return nil, fmt.Errorf("read the copy of a key: %w", err)
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(k.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && (info.Size() == 0 || info.Size() > maxKey) {
		err = fmt.Errorf("the file %s in %s is damaged: remove it", k.File, k.Dir)
	}
	if err == nil {
		k.kept, err = root.ReadFile(k.File)
	}
	if err != nil {
		return nil, fmt.Errorf("read the copy of a key: %w", err)
	}
	return k.kept, nil
}

// keep makes the copy that key, whole or not at all. Its owner alone may read it.
func (k *Key) keep(key []byte) error {
	if kept, err := k.copied(); k.Dir == "" || err == nil && bytes.Equal(kept, key) {
		return nil
	}
	root, err := os.OpenRoot(k.Dir)
	if err != nil {
		return fmt.Errorf("keep a copy of a key: %w", err)
	}
	defer func() { _ = root.Close() }()
	next := k.File + ".next"
	err = files.Write(root, next, key)
	if err == nil {
		err = root.Rename(next, k.File)
	}
	if err == nil {
		err = files.SyncDirIfAble(k.Dir)
	}
	if err != nil {
		return fmt.Errorf("keep a copy of a key: %w", err)
	}
	k.kept = bytes.Clone(key)
	return nil
}
