package recordings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

// laggards are the recordings whose files are not where the index says: not deleted, or not moved, because the disk, or
// whoever owns them, does not let us. The index keeps that, too; here is when each is tried again.
type laggards struct {
	mu sync.Mutex
	of map[string]laggard
}

type laggard struct {
	reason  string
	deleted bool
	tries   int
	next    time.Time
}

func (l *laggards) note(r store.Recording, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Behind == "" {
		delete(l.of, r.RecordID)
		return
	}
	if l.of == nil {
		l.of = map[string]laggard{}
	}
	tries := l.of[r.RecordID].tries + 1
	wait := min(catchUp<<min(tries-1, 10), maxPause)
	l.of[r.RecordID] = laggard{r.Behind, r.State == store.Deleted, tries, now.Add(wait)}
}

// meet takes over what the index has of one that a former run has left. It is tried at once.
func (l *laggards) meet(r store.Recording) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.of[r.RecordID]; known || r.Behind == "" {
		return
	}
	if l.of == nil {
		l.of = map[string]laggard{}
	}
	l.of[r.RecordID] = laggard{reason: r.Behind, deleted: r.State == store.Deleted}
}

func (l *laggards) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, id)
}

func (l *laggards) due(now time.Time) (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, g := range l.of {
		if !g.next.After(now) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// maxNamed is how many recordings are named in a sentence.
const maxNamed = 3

// trouble says in words what somebody has to mend.
func (l *laggards) trouble() (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, deleted := range []bool{true, false} {
		var ids []string
		for _, id := range slices.Sorted(maps.Keys(l.of)) {
			if l.of[id].deleted == deleted {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			continue
		}
		what := "files of recordings are not where their state says"
		if deleted {
			what = "files of deleted recordings are still there"
		}
		named, more := ids[:min(len(ids), maxNamed)], ""
		if n := len(ids) - len(named); n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		list = append(list, fmt.Sprintf("%s, and it is tried again: %s%s: %s", what, strings.Join(named, ", "), more,
			l.of[ids[0]].reason))
	}
	return list
}

// follow brings the files of a recording to where the index says. What cannot be done now is noted as work to be done.
// The recording is held.
func (s *Service) follow(ctx context.Context, r store.Recording) error {
	err := s.move(r)
	behind := ""
	if err != nil {
		behind = shorten(err.Error())
		level := zerolog.ErrorLevel
		if r.Behind == behind {
			level = zerolog.DebugLevel // said before
		}
		s.Log.WithLevel(level).Err(err).Str("recordID", r.RecordID).Str("state", string(r.State)).
			Msg("the files of a recording did not follow its state: tried again later")
	}
	if r.Behind != behind {
		_, unnoted := s.Index.UpdateRecording(ctx, r.Tenant, r.RecordID, func(now *store.Recording) error {
			now.Behind = behind
			return nil
		})
		err = errors.Join(err, store.Ignore(unnoted, store.ErrNotFound))
	}
	r.Behind = behind
	s.laggards.note(r, s.Now())
	return err
}

// move does what follow wants.
func (s *Service) move(r store.Recording) error {
	if s.Disk.Hung() {
		return errors.New(s.Disk.Problem())
	}
	switch {
	case r.State == store.Deleted && len(r.Formats) == 0:
		return s.Library.Remove(r.RecordID)
	case r.State == store.Awaited || r.State == store.Processing || r.State == store.Processed:
		return nil
	}
	if err := s.Library.Move(r.RecordID, r.State); err != nil {
		return err
	}
	s.noteLater(r)
	return nil
}

// urge tries again what is due.
func (s *Service) urge(ctx context.Context) error {
	var errs []error
	for _, id := range s.laggards.due(s.Now()) {
		if s.Disk.Problem() != "" || ctx.Err() != nil {
			break
		}
		errs = append(errs, s.urgeOne(ctx, id))
	}
	return errors.Join(errs...)
}

func (s *Service) urgeOne(ctx context.Context, id string) error {
	defer s.locks.Hold(id)()
	r, err := s.Index.Recording(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		s.laggards.forget(id)
		return nil
	}
	if err != nil {
		return err
	}
	if s.follow(ctx, r) == nil {
		s.Log.Info().Str("recordID", id).Str("state", string(r.State)).Msg("the files of a recording have followed its state")
	}
	return nil // said by follow
}

// Behind tells why the files of a recording are not where its state says, or nil where they are. What a change could not
// do is kept as work to be done.
func (s *Service) Behind(id string) error {
	s.laggards.mu.Lock()
	defer s.laggards.mu.Unlock()
	if g, ok := s.laggards.of[id]; ok {
		return fmt.Errorf("%w: %s", ErrBehind, cmp.Or(g.reason, "nobody has said why"))
	}
	return nil
}

// ErrBehind is that the index has a change and the files could not follow.
var ErrBehind = errors.New("its files are still where they were, and it is tried again")
