package playback

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Marks tells from the disk alone what is published and what of it is protected.
type Marks interface {
	// Shelved returns which formats of a recording are published, and whether it is protected. It returns an error where that
	// cannot be told.
	Shelved(recordID string) (formats []string, protected bool, err error)
}

// blindFor is how long an index that is away is not asked again: those who watch would wait for it with every piece of a film.
const blindFor = 2 * time.Second

// sight is whether the index can be asked.
type sight struct {
	mu    sync.Mutex
	until time.Time // until when it is taken to be away
	why   error
}

// lost notes that the index is away.
func (s *sight) lost(now time.Time, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until, s.why = now.Add(blindFor), why
}

// gone returns why the index is not to be asked now, or nil.
func (s *sight) gone(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.until) {
		return s.why
	}
	return nil
}

// errUnsure is that nobody can say who may see something. The link stays good.
var errUnsure = errors.New("links to protected recordings cannot be checked now")

// recording finds a recording. While the index is away what lies published plays, and what is marked as protected plays for whoever
// has a cookie.
func (p *Playback) recording(ctx context.Context, id string) (store.Recording, error) {
	if why := p.sight.gone(p.Now()); why != nil {
		return p.unindexed(id, why)
	}
	r, err := p.Recordings.Recording(ctx, id)
	if p.Marks == nil || !errors.Is(err, store.ErrAway) {
		return r, err
	}
	p.sight.lost(p.Now(), err)
	return p.unindexed(id, err)
}

// unindexed is as much of a recording as the disk tells, where the index does not answer.
func (p *Playback) unindexed(id string, why error) (store.Recording, error) {
	release, err := p.hold()
	if err != nil {
		return store.Recording{}, err
	}
	defer release()
	formats, protected, err := p.Marks.Shelved(id)
	if err != nil { // also where there is nothing: nobody knows whether that is so
		return store.Recording{}, fmt.Errorf("%w; without the index: %w", why, err)
	}
	r := store.Recording{RecordID: id, MeetingID: id, State: store.Published, Protected: protected}
	for _, format := range formats {
		f := store.Format{Type: format, Path: place{kind: file, format: format, recordID: id}.path()}
		if format == presentation && p.player != "" {
			f.Path = place{rest: []string{id}}.playerPath(present)
		}
		r.Formats = append(r.Formats, f)
	}
	return r, nil
}
