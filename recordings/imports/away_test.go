package imports_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/store"
)

// shaky is an index that goes away.
type shaky struct {
	roles
	mu      sync.Mutex
	fails   int  // calls that fail from now on
	failed  int  // calls that have failed
	commits bool // a commit is done, although it says that it failed
}

// fail tells whether the index is away now.
func (s *shaky) fail() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails == 0 {
		return nil
	}
	s.fails--
	s.failed++
	return fmt.Errorf("connection refused: %w", store.ErrAway)
}

func (s *shaky) UpdateJob(ctx context.Context, id string, change func(*store.Job) error) (store.Job, error) {
	if err := s.fail(); err != nil {
		return store.Job{}, err
	}
	return s.roles.UpdateJob(ctx, id, change)
}

func (s *shaky) Commit(
	ctx context.Context, job store.Job, ids []string, change func(*store.Recording) error, tell ...func(store.Recording) []store.Callback,
) ([]store.Recording, error) {
	s.mu.Lock()
	first := s.failed == 0 && s.fails == 0
	if first {
		s.fails = 5
	}
	s.mu.Unlock()
	if first && s.commits {
		if _, err := s.roles.Commit(ctx, job, ids, change, tell...); err != nil {
			return nil, err
		}
	}
	if err := s.fail(); err != nil {
		return nil, err
	}
	return s.roles.Commit(ctx, job, ids, change, tell...)
}

// An index that goes away in the middle of an import is waited for, which is said: the archive is not to blame, is not tried less
// often for that, and does not go into quarantine; and what the index has taken without saying so is not done again.
func TestImport_IndexAway(t *testing.T) {
	for _, commits := range []bool{false, true} {
		r := newRig(t)
		index := &shaky{roles: r.db, commits: commits}
		r.Index, r.Config.Retry = index, 5*time.Millisecond
		id := recordID(1)
		r.drop(t, id+".tar", pack(t, id, "presentation", "video"))
		r.run(t)
		said := false
		eventually(t, "the import is done", func() bool {
			list := r.Problems(t.Context())
			said = said || slices.ContainsFunc(list, func(p problems.Problem) bool { return p.Name == imports.Away })
			return r.job(t, id+".tar").State == store.JobDone
		})
		job := r.job(t, id+".tar")
		if !said || job.Attempts > 2 {
			t.Errorf("commits %t: said %t, %d attempts: %s", commits, said, job.Attempts, job.Reason)
		}
		if left, err := r.Quarantined(); err != nil || len(left) > 0 {
			t.Errorf("in quarantine: %v, %v", left, err)
		}
		if recording, err := r.db.Recording(t.Context(), id); err != nil || len(recording.Formats) != 2 {
			t.Errorf("imported: %+v, %v", recording, err)
		}
		if places, err := r.lib.Formats(id); err != nil || len(places[store.Published]) != 2 {
			t.Errorf("in the library: %v, %v", places, err)
		}
		if left := names(t, filepath.Clean(r.Config.Spool)); slices.ContainsFunc(left, func(n string) bool { return strings.HasSuffix(n, ".tar") }) {
			t.Errorf("in the spool: %v", left)
		}
		if slices.ContainsFunc(r.Problems(t.Context()), func(p problems.Problem) bool { return p.Name == imports.Away }) {
			t.Error("it is still said that the index is away")
		}
	}
}
