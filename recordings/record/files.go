package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// Index is where it stands in which state recordings are.
type Index interface {
	// Recording returns one, or store.ErrNotFound.
	Recording(ctx context.Context, recordID string) (store.Recording, error)
	// UpdateRecording changes a tenant's recording, or returns store.ErrNotFound.
	UpdateRecording(ctx context.Context, tenant, recordID string, change func(*store.Recording) error) (store.Recording, error)
}

// Scanner reads recordings in the order of their IDs.
type Scanner interface {
	// ScanRecordings returns so many, those after the given ID.
	ScanRecordings(ctx context.Context, after string, limit int) ([]store.Recording, error)
}

// page is how many recordings are read at a time when all are looked at.
const page = 500

// All calls visit with every recording that the index has, until that returns an error.
func All(ctx context.Context, index Scanner, visit func(store.Recording) error) error {
	for after := ""; ; {
		list, err := index.ScanRecordings(ctx, after, page)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			if err := visit(r); err != nil {
				return err
			}
		}
		after = list[len(list)-1].RecordID
	}
}

// Notes keeps beside the files of recordings what the files do not tell.
type Notes interface {
	// SetNote keeps what the index knows of a recording beyond its files, and Note returns it.
	SetNote(r *library.Held, note []byte) error
	Note(r *library.Held) ([]byte, error)
}

// Library is where files of recordings are, and the notes beside them.
type Library interface {
	Notes
	// Prepare makes what it needs before anything else is called.
	Prepare() error
	// Hold waits until nobody else works on a recording, and hands out the right to do so.
	Hold(recordID string) *library.Held
	// Move takes a recording from where it is to where its state says, and Remove takes it away. Both can be repeated.
	Move(r *library.Held, state store.RecordingState) error
	Remove(r *library.Held) error
	// Protect marks what is there of a recording as protected, or as open to all. It can be repeated.
	Protect(r *library.Held, protected bool) error
	// Formats tells which formats of a recording are where. What it does not find may be on its way, unless it is held.
	Formats(recordID string) (map[store.RecordingState][]string, error)
}

// Disk is what is asked before the files of a recording are touched.
type Disk interface {
	// Problem is why the disk cannot be used now, or "".
	Problem() string
	// Hung tells that it does not answer: nothing may be asked of it then.
	Hung() bool
	// Check looks at it again now.
	Check(ctx context.Context)
}

// Files lets the files of recordings follow the index. What the disk, or whoever owns the files, does not let it do is
// noted in the index, and tried again; here it is remembered when. All but its own fields must be set.
type Files struct {
	Index   Index
	Library Library
	Disk    Disk
	Log     zerolog.Logger
	Now     func() time.Time

	mu       sync.Mutex
	laggards map[string]laggard // by record ID
	again    atomic.Bool
}

// laggard is a recording whose files are not where the index says: not deleted, or not moved.
type laggard struct {
	reason  string
	deleted bool
	tries   int
	next    time.Time
}

// ErrBehind is that the index has a change and the files could not follow.
var ErrBehind = errors.New("its files are still where they were, and it is tried again")

const (
	// firstPause is how soon it is tried again to let files follow the index. It doubles up to maxPause.
	firstPause = time.Minute
	maxPause   = 15 * time.Minute
)

// LookAgain has all recordings looked through once more: files may not have followed the index somewhere, and nobody
// knows where.
func (f *Files) LookAgain() { f.again.Store(true) }

// TakeLookAgain tells whether all recordings are to be looked through, and takes it for done.
func (f *Files) TakeLookAgain() bool { return f.again.Swap(false) }

// Usable looks at the disk, and returns volume.ErrUnusable unless it is as it should be.
func (f *Files) Usable(ctx context.Context) error {
	f.Disk.Check(ctx)
	return volume.Unusable(f.Disk.Problem())
}

// Prepare makes the library ready, which may only be done on the right disk.
func (f *Files) Prepare(ctx context.Context) error {
	if err := f.Usable(ctx); err != nil {
		return err
	}
	return f.Library.Prepare()
}

// Hold waits until nobody else works on a recording, and hands out the right to do so.
func (f *Files) Hold(recordID string) *library.Held { return f.Library.Hold(recordID) }

// Places tells where which formats of a recording are that has to have some there. It reads from the disk. Nobody is kept
// from changing the recording meanwhile, or a disk that does not answer would keep front ends, too. Only where something is
// missing it holds the recording and looks again: it may have been on its way.
func (f *Files) Places(
	recordID string, complete func(places map[store.RecordingState][]string) bool,
) (map[store.RecordingState][]string, error) {
	places, err := f.Library.Formats(recordID)
	if err != nil || complete(places) {
		return places, err
	}
	held := f.Hold(recordID)
	defer held.Release()
	return f.Library.Formats(recordID)
}

// Missing returns the formats of a recording that are not on the disk. It looks as Places does.
func (f *Files) Missing(r store.Recording) ([]store.Format, error) {
	missing := func(places map[store.RecordingState][]string) []store.Format {
		return slices.DeleteFunc(slices.Clone(r.Formats), func(format store.Format) bool { return InPlace(places, format.Type) })
	}
	places, err := f.Places(r.RecordID, func(places map[store.RecordingState][]string) bool { return len(missing(places)) == 0 })
	if err != nil {
		return nil, err
	}
	return missing(places), nil
}

// Complete tells whether all formats of a recording are on the disk. It looks as Places does.
func (f *Files) Complete(r store.Recording) (bool, error) {
	missing, err := f.Missing(r)
	return err == nil && len(missing) == 0, err
}

// Follow brings the files of a recording to where the index says. What cannot be done now is written to the index as work
// to be done, and logged; who changes a recording need not look at the error.
func (f *Files) Follow(ctx context.Context, held *library.Held, r store.Recording) error {
	err := f.Bring(held, r)
	behind := ""
	if err != nil {
		behind = Shorten(err.Error())
		level := zerolog.ErrorLevel
		if r.Behind == behind {
			level = zerolog.DebugLevel // said before
		}
		f.Log.WithLevel(level).Err(err).Str("recordID", r.RecordID).Str("state", string(r.State)).
			Msg("the files of a recording did not follow its state: tried again later")
	}
	if r.Behind != behind {
		_, unnoted := f.Index.UpdateRecording(ctx, r.Tenant, r.RecordID, func(now *store.Recording) error {
			now.Behind = behind
			return nil
		})
		err = errors.Join(err, store.Ignore(unnoted, store.ErrNotFound))
	}
	r.Behind = behind
	f.remember(r)
	return err
}

// Bring moves the files of a recording to where the index says, or removes them, and writes the note beside them. Unlike
// Follow it remembers nothing about an error.
func (f *Files) Bring(held *library.Held, r store.Recording) error {
	if f.Disk.Hung() {
		return errors.New(f.Disk.Problem())
	}
	switch {
	case r.State == store.Deleted && len(r.Formats) == 0:
		err := f.Library.Remove(held)
		if err != nil {
			f.withhold(held, r)
		}
		return err
	case r.State == store.Awaited || r.State == store.Processing || r.State == store.Processed:
		return nil
	}
	if err := f.Library.Move(held, r.State); err != nil {
		f.withhold(held, r)
		return err
	}
	if err := f.Library.Protect(held, r.Protected); err != nil {
		return err
	}
	f.WriteNote(held, r)
	return nil
}

// remember notes in memory whether a recording is behind, and when it is tried again.
func (f *Files) remember(r store.Recording) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Behind == "" {
		delete(f.laggards, r.RecordID)
		return
	}
	if f.laggards == nil {
		f.laggards = map[string]laggard{}
	}
	tries := f.laggards[r.RecordID].tries + 1
	wait := min(firstPause<<min(tries-1, 10), maxPause)
	f.laggards[r.RecordID] = laggard{r.Behind, r.State == store.Deleted, tries, f.Now().Add(wait)}
}

// Meet takes over what the index has of a recording that a former run has left behind. It is tried at once.
func (f *Files) Meet(r store.Recording) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.laggards[r.RecordID]; known || r.Behind == "" {
		return
	}
	if f.laggards == nil {
		f.laggards = map[string]laggard{}
	}
	f.laggards[r.RecordID] = laggard{reason: r.Behind, deleted: r.State == store.Deleted}
}

// Retry tries again what is due of the files that have not followed the index. It moves and removes files, and ends early
// with ctx, or when the disk has a problem.
func (f *Files) Retry(ctx context.Context) error {
	var errs []error
	for _, id := range f.due() {
		if f.Disk.Problem() != "" || ctx.Err() != nil {
			break
		}
		errs = append(errs, f.retry(ctx, id))
	}
	return errors.Join(errs...)
}

// due are the recordings that may be tried again now.
func (f *Files) due() (ids []string) {
	now := f.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, l := range f.laggards {
		if !l.next.After(now) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// retry holds a recording and lets its files follow.
func (f *Files) retry(ctx context.Context, id string) error {
	held := f.Hold(id)
	defer held.Release()
	r, err := f.Index.Recording(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		f.remember(store.Recording{RecordID: id}) // nothing of it can be behind
		return nil
	}
	if err != nil {
		return err
	}
	if f.Follow(ctx, held, r) == nil {
		f.Log.Info().Str("recordID", id).Str("state", string(r.State)).Msg("the files of a recording have followed its state")
	}
	return nil // said by Follow
}

// Behind returns ErrBehind and why, where the files of a recording are not where its state says.
func (f *Files) Behind(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l, ok := f.laggards[id]; ok {
		return fmt.Errorf("%w: %s", ErrBehind, cmp.Or(l.reason, "nobody has said why"))
	}
	return nil
}

// Problems says which files have not followed the index: those of deleted recordings that are still there, and those that
// are not where the state says.
func (f *Files) Problems(context.Context) (list []problems.Problem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, kind := range []struct {
		deleted    bool
		name, what string
	}{
		{true, "undeleted", "files of deleted recordings are still there"},
		{false, "unmoved", "files of recordings are not where their state says"},
	} {
		var ids []string
		for _, id := range slices.Sorted(maps.Keys(f.laggards)) {
			if f.laggards[id].deleted == kind.deleted {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			continue
		}
		list = append(list, problems.Problem{
			Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume}, Name: kind.name, Logged: true,
			Text: fmt.Sprintf("%s, and it is tried again: %s: %s", kind.what, quantity.Some(ids), f.laggards[ids[0]].reason),
		})
	}
	return list
}
