package recordings

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// term is whether this instance works on the recordings.
type term struct {
	attended atomic.Bool // the disk is looked after, whoever works
	running  atomic.Int32
	before   atomic.Bool // there was a term
	epoch    atomic.Uint64
}

// shared tells whether several instances share the recordings.
func (s *Service) shared() bool { return s.Epoch != nil }

// share hands on what tells who may work on the recordings. It is asked when that is needed, as it is known late.
func (s *Service) share() {
	if s.May == nil && s.Epoch == nil {
		return
	}
	s.Library.Guard(s.allowed, s.term.epoch.Load)
	s.importer.May = s.may
	if s.shared() {
		s.importer.Epoch = s.term.epoch.Load
	}
	if s.Uploads != nil {
		s.Uploads.Shared = s.shared()
	}
}

// Share tells that several instances share the recordings, after Init and before anything is called: see the fields.
func (s *Service) Share(
	epoch func() uint64, may func(ctx context.Context) (context.Context, context.CancelFunc, bool), arrived func(),
) {
	s.Epoch, s.May, s.Arrived = epoch, may, arrived
	s.share()
}

// may tells whether this instance may change files and records, in a context that ends before another one may.
func (s *Service) may(ctx context.Context) (context.Context, context.CancelFunc, bool) {
	if s.May == nil {
		return ctx, func() {}, true
	}
	return s.May(ctx)
}

// allowed returns store.ErrFenced where nothing may be changed now.
func (s *Service) allowed() error {
	_, done, ok := s.may(context.Background())
	if done != nil {
		done()
	}
	if !ok {
		return fmt.Errorf("files of recordings: %w", store.ErrFenced)
	}
	return nil
}

// arrived tells whoever imports that an archive has come.
func (s *Service) arrived() {
	if s.Arrived != nil {
		s.Arrived()
	}
}

// Waiting looks for what other instances have accepted, if this one imports.
func (s *Service) Waiting(ctx context.Context) error {
	if s.term.running.Load() == 0 {
		return nil
	}
	return s.importer.LookForUploads(ctx)
}

// beginTerm notes that this instance works on the recordings, and tells whether another one may have before.
func (s *Service) beginTerm() (renew bool) {
	s.term.running.Add(1)
	s.importer.Working(true)
	return s.term.before.Swap(true) || s.shared()
}

// endTerm ends what operators have asked for: what is left of it is the next one's.
func (s *Service) endTerm() {
	s.works.interrupt()
	s.importer.Working(false)
	s.term.running.Add(-1)
}

// working tells whether what is known in memory of the work on recordings is of now.
func (s *Service) working() bool { return !s.shared() || s.term.running.Load() > 0 }

const (
	// soon is how often it is looked whether this instance may.
	soon = 50 * time.Millisecond
	// patience is how long a change waits for that: whoever leads anew may not at once.
	patience = 10 * time.Second
)

// enter waits until this instance may change files and records, and notes the epoch that it may under, which stays for the whole
// term whatever is heard of later ones. It returns false if ctx ended before.
func (s *Service) enter(ctx context.Context) bool {
	for s.authority(ctx) {
		if !s.shared() {
			return true
		}
		epoch := s.Epoch()
		if s.allowed() == nil { // else it may be another one's
			s.term.epoch.Store(epoch)
			return true
		}
	}
	return false
}

// authority waits until this instance may change files and records. It returns false if ctx ended before.
func (s *Service) authority(ctx context.Context) bool {
	for s.allowed() != nil {
		if !pause(ctx, soon) {
			return false
		}
	}
	return true
}

// decide returns once this instance may change a recording, or store.ErrFenced where it may not soon.
func (s *Service) decide(ctx context.Context) error {
	if s.allowed() == nil {
		return nil
	}
	if !s.working() {
		return fmt.Errorf("change a recording: %w", store.ErrFenced)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !s.authority(ctx) {
		return fmt.Errorf("change a recording: %w", store.ErrFenced)
	}
	return nil
}
