package backups

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/files"
	"github.com/bbbpool/bbbpool/store/moving"
)

// Backups makes them.
type Backups struct {
	Config  Config
	Head    backup.Head // but for when
	State   store.Whole
	Index   store.Whole
	Data    string      // the data directory, which has room for a copy that nobody sees
	Leading func() bool // only then they are made by themselves; nil is always
	Now     func() time.Time
	Log     zerolog.Logger

	mu     sync.Mutex
	since  time.Time // when this process began to look after them
	record Record
	making sync.Mutex // one at a time
}

// Record is how the last ones went, as it lies beside them.
type Record struct {
	Verified *Made     `json:"verified,omitempty"` // the last that was made and proven
	Failed   *Failure  `json:"failed,omitempty"`   // the last that was not, where it is the later one
	Tried    time.Time `json:"tried"`              // when one was begun last
}

// Made is a backup that was proven: all of it was restored into a directory, opened and compared, and the file read again.
type Made struct {
	At     time.Time `json:"at"` // of the records
	File   string    `json:"file"`
	Rows   int       `json:"rows"`
	Bytes  int64     `json:"bytes"`  // of the file
	SHA256 string    `json:"sha256"` // of the file
	Sealed bool      `json:"sealed"` // it is encrypted
}

// Failure is one that came to nothing.
type Failure struct {
	At    time.Time `json:"at"`
	Error string    `json:"error"`
}

const (
	prefix     = "bbbpool-"
	suffix     = ".backup"
	recordName = "status.json"
	maxRecord  = 1 << 20

	look       = 30 * time.Second // how often the record is read
	patience   = 15 * time.Minute // until one that failed is tried again
	unfinished = time.Hour        // how old what was left must be to be taken away
)

// Spool writes a backup to a file without a name in the data directory, at the speed of its disk, so that no store waits for
// whoever reads it. Whoever gets it closes it.
func (b *Backups) Spool(ctx context.Context) (*os.File, backup.Manifest, error) {
	file, err := backup.Spool(b.Data)
	if err != nil {
		return nil, backup.Manifest{}, fmt.Errorf("make room for a backup: %w", err)
	}
	head := b.Head
	head.Made = b.Now().UTC().Truncate(time.Second)
	m, err := backup.Write(ctx, file, head, b.State, b.Index)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, m, errors.Join(err, file.Close())
	}
	return file, m, nil
}

// Open is Spool for whoever wants no more than the file.
func (b *Backups) Open(ctx context.Context) (*os.File, error) {
	file, _, err := b.Spool(ctx)
	return file, err
}

// Run makes backups by themselves, until ctx ends.
func (b *Backups) Run(ctx context.Context) error {
	b.begin()
	if b.Config.Dir == "" {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		b.read()
		if b.due() {
			b.Make(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (b *Backups) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.since.IsZero() {
		b.since = b.Now()
	}
}

// due tells whether it is time for one, and this instance is the one to make it.
func (b *Backups) due() bool {
	if b.Leading != nil && !b.Leading() {
		return false
	}
	r, now := b.Last(), b.Now()
	if r.Failed != nil && now.Sub(r.Tried) < min(patience, b.Config.Every) {
		return false
	}
	return r.Verified == nil || now.Sub(r.Verified.At) >= b.Config.Every || r.Verified.At.After(now.Add(time.Minute))
}

// Last is how the last ones went.
func (b *Backups) Last() Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.record
}

// Make makes one in the directory, proves it, and writes down how it went.
func (b *Backups) Make(ctx context.Context) {
	b.making.Lock()
	defer b.making.Unlock()
	r := b.Last()
	r.Tried = b.Now().UTC()
	made, err := b.make(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		r.Failed = &Failure{At: r.Tried, Error: err.Error()}
		b.Log.Error().Err(err).Msg("backup failed")
	default:
		r.Verified, r.Failed = &made, nil
		b.Log.Info().Str("file", made.File).Int("rows", made.Rows).Int64("bytes", made.Bytes).Msg("backup made and verified")
	}
	if err := b.write(r); err != nil {
		b.Log.Error().Err(err).Msg("how the backup went cannot be written down")
	}
	b.mu.Lock()
	b.record = r
	b.mu.Unlock()
}

func (b *Backups) make(ctx context.Context) (Made, error) {
	if err := os.MkdirAll(b.Config.Dir, 0o700); err != nil {
		return Made{}, err
	}
	if err := errors.Join(backup.Sweep(b.Config.Dir, unfinished), backup.Sweep(b.Data, unfinished)); err != nil {
		return Made{}, err
	}
	spool, m, err := b.Spool(ctx)
	if err != nil {
		return Made{}, err
	}
	defer func() { _ = spool.Close() }()
	if _, err := moving.Prove(ctx, inSpool(spool), b.Data, func(int, int) {}, nil); err != nil {
		return Made{}, fmt.Errorf("it cannot be restored: %w", err)
	}
	made, err := b.keep(spool, m)
	if err != nil {
		return Made{}, err
	}
	return made, b.prune()
}

// inSpool reads a file that has no name from its beginning.
func inSpool(file *os.File) moving.File {
	return func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(file, 0, 1<<62)), nil
	}
}

// keep puts what was proven into the directory, encrypted on wish, and reads it again: a disk that loses what it was given
// is found out at once.
func (b *Backups) keep(spool io.ReadSeeker, m backup.Manifest) (Made, error) {
	recipients, err := backup.Recipients(b.Config.Recipients)
	if err != nil {
		return Made{}, err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return Made{}, err
	}
	made := Made{At: m.Made, Rows: m.Rows, Sealed: len(recipients) > 0, File: prefix + m.Made.Format("20060102T150405Z") + suffix}
	if made.Sealed {
		made.File += ".age"
	}
	path := filepath.Join(b.Config.Dir, made.File)
	sum := sha256.New()
	err = backup.Create(path, func(w io.Writer) error {
		sealed, err := backup.Seal(io.MultiWriter(w, sum), recipients)
		if err != nil {
			return err
		}
		_, err = io.Copy(sealed, spool)
		return errors.Join(err, sealed.Close())
	})
	if err != nil {
		return Made{}, err
	}
	made.SHA256 = hex.EncodeToString(sum.Sum(nil))
	again, size, err := digest(path)
	if err == nil && again != made.SHA256 {
		err = fmt.Errorf("%s is not what was written to it: its digest is %s, and was to be %s", path, again, made.SHA256)
	}
	made.Bytes = size
	return made, err
}

// digest is that of a file, as it is read now.
func digest(path string) (string, int64, error) {
	file, err := os.Open(path) //nolint:gosec // it was made a moment ago
	if err != nil {
		return "", 0, err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, file)
	return hex.EncodeToString(sum.Sum(nil)), n, errors.Join(err, file.Close())
}

// prune takes away what is more than is to be kept, the oldest first.
func (b *Backups) prune() error {
	entries, err := os.ReadDir(b.Config.Dir)
	if err != nil {
		return err
	}
	var mine []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, prefix) && (strings.HasSuffix(name, suffix) || strings.HasSuffix(name, suffix+".age")) {
			mine = append(mine, name)
		}
	}
	slices.Sort(mine) // by time
	for len(mine) > b.Config.Keep {
		err = errors.Join(err, os.Remove(filepath.Join(b.Config.Dir, mine[0])))
		mine = mine[1:]
	}
	return err
}

// read takes over what another instance has written down. What cannot be read is no news.
func (b *Backups) read() {
	file, err := os.Open(filepath.Join(b.Config.Dir, recordName))
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxRecord))
	var r Record
	if err != nil || json.NewDecoder(bytes.NewReader(text)).Decode(&r) != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !r.Tried.Before(b.record.Tried) {
		b.record = r
	}
}

func (b *Backups) write(r Record) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	err = backup.Create(filepath.Join(b.Config.Dir, recordName), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	return errors.Join(err, files.SyncDirIfAble(b.Config.Dir))
}
