package backups

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
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
	text   []byte     // of the record, as it was last read or written
	blind  error      // why it cannot be read, where it is there
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
	stamp      = "20060102T150405Z"
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
	m, err := backup.Write(ctx, &sparing{Writer: file, room: b.room}, head, b.State, b.Index)
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
	if !b.leads() {
		return false
	}
	r, now := b.Last(), b.Now()
	// What seems to have been in the future was told by a clock that was wrong.
	if ago := now.Sub(r.Tried); r.Failed != nil && ago >= 0 && ago < min(patience, b.Config.Every) {
		return false
	}
	return r.Verified == nil || now.Sub(r.Verified.At) >= b.Config.Every || r.Verified.At.After(now.Add(time.Minute))
}

// idle has nobody looking after the backups, as in a command about a pool that does not run: then the record is read at once.
func (b *Backups) idle() {
	b.mu.Lock()
	idle := b.since.IsZero()
	b.mu.Unlock()
	if idle {
		b.read()
	}
}

// Last is how the last ones went.
func (b *Backups) Last() Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.record
}

// errCeased is that another instance leads meanwhile: how that one's backups go is what is written down.
var errCeased = errors.New("this instance has ceased to lead")

// leads tells whether this instance is the one to make them.
func (b *Backups) leads() bool { return b.Leading == nil || b.Leading() }

// Make makes one in the directory, proves it, and writes down how it went.
func (b *Backups) Make(ctx context.Context) {
	b.making.Lock()
	defer b.making.Unlock()
	r := b.Last()
	r.Tried = b.Now().UTC()
	made, err := b.make(ctx)
	if ctx.Err() != nil || !b.leads() {
		return
	}
	if made.File != "" {
		r.Verified, r.Failed = &made, nil
		b.Log.Info().Str("file", made.File).Int("rows", made.Rows).Int64("bytes", made.Bytes).Msg("backup made and verified")
		if err = b.prune(made.File); err != nil {
			err = fmt.Errorf("this one was made, and older ones cannot be taken away: %w", err)
		}
	}
	if err != nil {
		r.Failed = &Failure{At: r.Tried, Error: err.Error()}
		b.Log.Error().Err(err).Msg("backup failed")
	}
	b.mu.Lock()
	b.record = r
	b.mu.Unlock()
	if err := b.write(r); err != nil {
		b.Log.Error().Err(err).Msg("how the backup went cannot be written down")
	}
}

func (b *Backups) make(ctx context.Context) (Made, error) {
	if err := os.MkdirAll(b.Config.Dir, 0o700); err != nil {
		return Made{}, err
	}
	if err := errors.Join(backup.Sweep(b.Config.Dir, unfinished), backup.Sweep(b.Data, unfinished)); err != nil {
		b.Log.Warn().Err(err).Msg("what was left of a backup cannot be taken away")
	}
	var before int64
	if last := b.Last().Verified; last != nil {
		before = last.Bytes
	}
	if err := b.room(2 * before); err != nil {
		return Made{}, err
	}
	spool, m, err := b.Spool(ctx)
	if err != nil {
		return Made{}, err
	}
	defer func() { _ = spool.Close() }()
	raw := int64(0)
	for _, s := range m.Sums {
		raw += s.Bytes
	}
	if err := b.room(3 * raw); err != nil {
		return Made{}, err
	}
	if _, err := moving.Prove(ctx, inSpool(spool), b.Data, func(int, int) {}, nil); err != nil {
		return Made{}, fmt.Errorf("it cannot be restored: %w", err)
	}
	if !b.leads() {
		return Made{}, errCeased
	}
	return b.keep(spool, m)
}

// spare is what is left free in the data directory in any case: meetings are written there.
const spare = 64 << 20

// room tells whether the data directory has room for so many bytes that are gone again afterwards.
func (b *Backups) room(bytes int64) error {
	free, known := files.Room(b.Data)
	if need := uint64(max(0, bytes)) + spare; known && free < need {
		return fmt.Errorf("%s has no room for it: %w: %d MB are free, and %d are needed", b.Data, syscall.ENOSPC, free>>20, need>>20)
	}
	return nil
}

// sparing ends what it is written before the disk is full.
type sparing struct {
	io.Writer
	room func(bytes int64) error
	left int // bytes until it looks again
}

func (s *sparing) Write(p []byte) (int, error) {
	if s.left -= len(p); s.left <= 0 {
		if err := s.room(int64(len(p))); err != nil {
			return 0, err
		}
		s.left = 1 << 20
	}
	return s.Writer.Write(p)
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
	made := Made{At: m.Made, Rows: m.Rows, Sealed: len(recipients) > 0, File: prefix + m.Made.Format(stamp) + suffix}
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
	if err != nil { // it would count as one that is kept
		return Made{}, errors.Join(err, os.Remove(path))
	}
	made.Bytes = size
	return made, nil
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

// begun is when a file was begun that bears such a name as we give, and "" for all others.
func begun(name string) string {
	rest, ours := strings.CutPrefix(name, prefix)
	at, ends := strings.CutSuffix(strings.TrimSuffix(rest, ".age"), suffix)
	if _, err := time.Parse(stamp, at); !ours || !ends || err != nil {
		return ""
	}
	return at
}

// prune takes away what is more than is to be kept beside the last one, the oldest first. What seems to be younger than that was
// made when a clock was wrong, and counts as the oldest.
func (b *Backups) prune(last string) error {
	entries, err := os.ReadDir(b.Config.Dir)
	if err != nil {
		return err
	}
	var others []string
	for _, e := range entries {
		if begun(e.Name()) != "" && e.Name() != last && e.Type().IsRegular() {
			others = append(others, e.Name())
		}
	}
	younger := func(name string) int { return max(0, strings.Compare(begun(name), begun(last))) }
	slices.SortFunc(others, func(a, b string) int {
		return cmp.Or(cmp.Compare(younger(b), younger(a)), cmp.Compare(a, b)) // by time
	})
	for len(others) >= b.Config.Keep {
		err = errors.Join(err, os.Remove(filepath.Join(b.Config.Dir, others[0])))
		others = others[1:]
	}
	return err
}

// read takes over what another instance has written down. What is no record is no news.
func (b *Backups) read() {
	text, err := b.written()
	var r Record
	if err == nil && json.NewDecoder(bytes.NewReader(text)).Decode(&r) != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blind = store.Ignore(err, fs.ErrNotExist)
	if err == nil && !bytes.Equal(text, b.text) { // else what this one knows is younger: it may not have been able to write it down
		b.record, b.text = r, text
	}
}

// written is the record as it stands beside the backups.
func (b *Backups) written() ([]byte, error) {
	file, err := os.Open(filepath.Join(b.Config.Dir, recordName))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxRecord))
	return text, errors.Join(err, file.Close())
}

func (b *Backups) write(r Record) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	err = backup.Create(filepath.Join(b.Config.Dir, recordName), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = text
	return nil
}
