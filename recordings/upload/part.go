package upload

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bbbpool/bbbpool/store"
)

// The files of a part, behind its key.
const (
	partSuffix  = ".part"
	stateSuffix = ".state"
	newSuffix   = ".state.new"
)

// checkpoint says how much of a part is safe on the disk. Bytes behind Offset do not count.
type checkpoint struct {
	Server string `json:"server"`
	Name   string `json:"name"`
	Length int64  `json:"length"`
	SHA256 string `json:"sha256"`
	Offset int64  `json:"offset"`
	Hash   []byte `json:"hash"`   // state of the digest at Offset
	Broken bool   `json:"broken"` // the last connection did not end as it should
}

// part is an archive on its way in. One upload at a time has it.
type part struct {
	checkpoint
	path   string // without a suffix
	once   bool   // cannot be gone on with: it needs no checkpoints
	file   *os.File
	sum    hash.Hash
	synced int64 // the offset up to which it was made safe last
	gone   bool  // nothing is left of it
}

// saved reads a checkpoint. One that does not fit its part, or cannot be read as such, says that nothing is here.
func saved(path string) (checkpoint, error) {
	text, err := os.ReadFile(path + stateSuffix) //nolint:gosec // the path is made of a digest
	if errors.Is(err, fs.ErrNotExist) {
		return checkpoint{}, nil
	}
	if err != nil {
		return checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	info, err := os.Stat(path + partSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return checkpoint{}, nil
	}
	if err != nil {
		return checkpoint{}, fmt.Errorf("find part: %w", err)
	}
	if c := decode(text); c.Offset >= 0 && c.Offset <= min(info.Size(), c.Length) {
		return c, nil
	}
	return checkpoint{}, nil
}

// decode reads a checkpoint, or returns an empty one.
func decode(text []byte) (c checkpoint) {
	if json.Unmarshal(text, &c) != nil || restore(sha256.New(), c.Hash) != nil {
		return checkpoint{}
	}
	return c
}

// restore brings a digest to the state that a checkpoint has kept.
func restore(h hash.Hash, state []byte) error {
	u, ok := h.(encoding.BinaryUnmarshaler)
	if !ok {
		return errors.ErrUnsupported
	}
	return u.UnmarshalBinary(state)
}

// errBusy is that another instance is at a part.
var errBusy = errors.New("another instance receives this archive")

// open takes up a part where its checkpoint says, or begins it. Where it is shared with other instances, it returns errBusy while one
// of them is at it.
func open(path string, once, shared bool, c checkpoint) (*part, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make directory of parts: %w", err)
	}
	file, err := openPart(path+partSuffix, os.O_CREATE|os.O_WRONLY|os.O_APPEND, shared)
	if err != nil {
		return nil, fmt.Errorf("open part: %w", err)
	}
	p := &part{checkpoint: c, path: path, once: once, sum: sha256.New(), file: file}
	if err := p.resume(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return p, nil
}

// openPart opens a file, and where it is shared with other instances for one upload alone: one that was taken away or replaced
// meanwhile is somebody else's.
func openPart(path string, flags int, shared bool) (*os.File, error) {
	file, err := os.OpenFile(path, flags, 0o600) //nolint:gosec // the path is made of a digest
	if err != nil || !shared {
		return file, err
	}
	err = lock(file)
	if err == nil {
		err = stillAt(file, path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// stillAt returns errBusy unless a file is the one that is at a path.
func stillAt(file *os.File, path string) error {
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return errBusy
	}
	if err != nil {
		return err
	}
	here, err := file.Stat()
	if err == nil && !os.SameFile(here, there) {
		err = errBusy
	}
	return err
}

// resume goes on where the checkpoint says.
func (p *part) resume() error {
	old, err := saved(p.path)
	if err != nil {
		return err
	}
	if p.synced = old.Offset; old.Offset > 0 {
		p.Offset, p.Broken = old.Offset, old.Broken
		if err := restore(p.sum, old.Hash); err != nil {
			return fmt.Errorf("restore digest: %w", err)
		}
	}
	if err := p.file.Truncate(p.Offset); err != nil {
		return fmt.Errorf("cut part at its checkpoint: %w", err)
	}
	return nil
}

// elsewhere tells whether another instance is at a part.
func elsewhere(path string) (bool, error) {
	file, err := openPart(path+partSuffix, os.O_WRONLY, true)
	if errors.Is(err, errBusy) {
		return true, nil
	}
	if err != nil {
		return false, store.Ignore(err, fs.ErrNotExist)
	}
	return false, file.Close()
}

// add appends what has arrived, and makes it safe from time to time.
func (p *part) add(b []byte) error {
	if _, err := p.file.Write(b); err != nil {
		return fmt.Errorf("write part: %w", err)
	}
	p.sum.Write(b) // never fails
	if p.Offset += int64(len(b)); p.Offset-p.synced < syncEvery {
		return nil
	}
	return p.keep(true)
}

// keep makes everything so far safe. Broken is what to believe if nothing more is heard of this upload.
func (p *part) keep(broken bool) error {
	if p.gone {
		return nil
	}
	if err := p.file.Sync(); err != nil {
		return fmt.Errorf("sync part: %w", err)
	}
	p.synced = p.Offset
	if p.Broken = broken; p.once {
		return nil
	}
	m, ok := p.sum.(encoding.BinaryMarshaler)
	if !ok {
		return errors.ErrUnsupported
	}
	var err error
	if p.Hash, err = m.MarshalBinary(); err != nil {
		return fmt.Errorf("keep digest: %w", err)
	}
	text, err := json.Marshal(p.checkpoint)
	if err != nil {
		return fmt.Errorf("encode checkpoint: %w", err)
	}
	if err := replace(p.path+stateSuffix, p.path+newSuffix, text); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	return nil
}

// replace puts a file in the place of another in one step.
func replace(path, temp string, text []byte) error {
	//nolint:gosec // the path is made of a digest
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// digest is that of everything so far.
func (p *part) digest() string { return hex.EncodeToString(p.sum.Sum(nil)) }

// drop forgets everything that has arrived.
func (p *part) drop() error {
	p.gone = true
	if err := errors.Join(remove(p.path+stateSuffix), remove(p.path+partSuffix)); err != nil {
		return fmt.Errorf("drop part: %w", err)
	}
	return nil
}

// close lets go of the file, and of a part that nobody comes back for or that has nothing in it.
func (p *part) close() error {
	var err error
	if p.once || p.Offset == 0 {
		err = p.drop() // as long as nobody else gets at it
	}
	return errors.Join(err, p.file.Close())
}

// remove removes a file that may be gone already.
func remove(path string) error {
	return store.Ignore(os.Remove(path), fs.ErrNotExist)
}
