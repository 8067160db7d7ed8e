package recordings_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// slow is a library in which whoever walks is kept until he is told to end.
type slow struct {
	recordings.Library
	reached chan struct{}
}

func (s *slow) Walk(ctx context.Context, visit func(library.Found) error) error {
	close(s.reached)
	<-ctx.Done()
	return errors.Join(ctx.Err(), s.Library.Walk(ctx, visit))
}

// opened is a pool as the program opens it.
func opened(t *testing.T, log *bytes.Buffer) *recordings.Service {
	t.Helper()
	data := t.TempDir()
	db, err := bolt.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c := quick(data)
	c.Volume = volume.Config{Interval: time.Second, Timeout: 10 * time.Second}
	s, err := recordings.Open(t.Context(), recordings.Parts{
		Config: c, Data: data, Index: db.Index(), State: db.State(), Log: zerolog.New(log), Metrics: metrics.NewSet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// When the program is told to end, what an operator has asked for and takes long is ended, and no more begins.
func TestLongCalls(t *testing.T) {
	s := opened(t, &bytes.Buffer{})
	kept := &slow{s.Library, make(chan struct{})}
	s.Library = kept
	s.Init()
	ctx, cancel := context.WithCancel(t.Context())
	ended, verified := make(chan error, 1), make(chan error, 1)
	go func() { ended <- recordings.LongCalls{Service: s}.Run(ctx) }()
	go func() {
		_, err := s.Verify(t.Context(), recordings.VerifyOptions{}, func(recordings.Progress) {})
		verified <- err
	}()
	<-kept.reached
	cancel()
	if err := <-verified; !errors.Is(err, context.Canceled) {
		t.Errorf("the work under way: %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	tell := func(recordings.Progress) {}
	_, verify := s.Verify(t.Context(), recordings.VerifyOptions{}, tell)
	_, prune := s.Prune(t.Context(), recordings.PruneOptions{KeepUnder: 1}, tell)
	_, imported := s.Import(t.Context(), recordings.ImportOptions{Path: t.TempDir()}, tell)
	for _, err := range []error{verify, prune, imported} {
		if !errors.Is(err, recordings.ErrEnding) {
			t.Errorf("begun after that: %v", err)
		}
	}
}

// What is mounted is taken for the right volume when somebody says so, and not before.
func TestVerify_Mark(t *testing.T) {
	s := opened(t, &bytes.Buffer{})
	s.Disk.Check(t.Context())
	if problem := s.Disk.Problem(); problem != "" {
		t.Fatal(problem)
	}
	if err := volume.Mark(s.Config.Published, "another"); err != nil {
		t.Fatal(err)
	}
	verify := func(mark bool) error {
		_, err := s.Verify(t.Context(), recordings.VerifyOptions{Mark: mark}, func(recordings.Progress) {})
		return err
	}
	if err := verify(false); !errors.Is(err, recordings.ErrVolume) || !strings.Contains(err.Error(), "another volume") {
		t.Errorf("another volume: %v", err)
	}
	if list := s.Volume(); len(list) != 3 || !strings.Contains(list[0].Problem, "is another volume") {
		t.Errorf("%+v", list)
	}
	if err := verify(true); err != nil {
		t.Errorf("taken for the right one: %v", err)
	}
}

// A disk that goes away and comes back is said, and then it is looked what was missed. One that hangs keeps nobody from
// ending: what is stuck in it is left.
func TestRun_Disk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := &hanging{disk: &disk{}, end: make(chan struct{})}
		var log logged
		s := &recordings.Service{
			Config: quick(filepath.Join("/nonexistent", "pool")), Index: nothing{},
			Library: nowhere{}, Disk: hung, Pool: &servers{}, Log: zerolog.New(&log),
		}
		s.Init()
		hung.set("published is full", nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if !strings.Contains(log.text(), `"problem":"published is full","message":"recordings wait for the disk"`) {
			t.Errorf("log: %s", log.text())
		}
		if !strings.Contains(log.text(), "recordings cannot be worked on: tried again") {
			t.Errorf("begun on a disk with a problem: %s", log.text())
		}
		hung.set("", nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if !strings.Contains(log.text(), "the disk of the recordings is well again") {
			t.Errorf("log: %s", log.text())
		}
		hung.mu.Lock()
		hung.hung = true
		hung.mu.Unlock()
		before := time.Now()
		cancel()
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "the disk of the recordings does not answer") {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(before); took != 10*time.Second {
			t.Errorf("took %s", took)
		}
		close(hung.end)
		synctest.Wait()
	})
}

// hanging is a disk whose guard ends only when it is told to.
type hanging struct {
	*disk
	hung bool
	end  chan struct{}
}

func (h *hanging) Hung() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hung
}

func (h *hanging) Run(context.Context) error {
	<-h.end
	return nil
}

// nothing is a store without anything, and nowhere a library without a place.
type (
	nothing struct{ recordings.Index }
	nowhere struct{ recordings.Library }
)

func (nothing) Jobs(context.Context, store.JobFilter) ([]store.Job, error) { return nil, nil }
func (nothing) OwedRecordings(context.Context) ([]store.Recording, error)  { return nil, nil }
func (nowhere) Prepare() error                                             { return errors.New("nowhere") }
