package recordings_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// owned is a library whose files belong to somebody else for a while.
type owned struct {
	recordings.Library
	refuse atomic.Bool
	tried  atomic.Int64
}

func (o *owned) denied(id string) error {
	o.tried.Add(1)
	if o.refuse.Load() {
		return &fs.PathError{Op: "rename", Path: id, Err: syscall.EACCES}
	}
	return nil
}

func (o *owned) Remove(r *library.Held) error {
	if err := o.denied(r.ID); err != nil {
		return err
	}
	return o.Library.Remove(r)
}

func (o *owned) Move(r *library.Held, state store.RecordingState) error {
	if err := o.denied(r.ID); err != nil {
		return err
	}
	return o.Library.Move(r, state)
}

// What cannot be deleted or moved is said, to who asked for it and in the status, is tried again less and less often, also
// after a restart, and is over when it was done.
func TestBehind(t *testing.T) {
	for what, change := range map[string]func(p *pool, id string) (int, error){
		"deleted": func(p *pool, id string) (int, error) { return p.Delete(t.Context(), "default", []string{id}) },
		"recordings are not where": func(p *pool, id string) (int, error) {
			return p.Publish(t.Context(), "default", []string{id}, false)
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir, files, now := t.TempDir(), &owned{}, time.Now()
			reopen := func() *pool {
				return open(t, dir, func(s *recordings.Service) {
					files.Library, s.Library, s.Now = s.Library, files, func() time.Time { return now }
				})
			}
			p, id := reopen(), recordID(1)
			p.take(t, made{id: id, format: "video", meetingID: "room", media: "film"})
			if err := p.Library.RelyOnMarks(); err != nil {
				t.Fatal(err)
			}
			if formats, _, err := p.Shelved(id); err != nil || len(formats) != 1 {
				t.Fatalf("published are %v, %v", formats, err)
			}
			files.refuse.Store(true)
			if n, err := change(p, id); n != 1 || err != nil {
				t.Fatalf("%d %v", n, err)
			}
			says := func() bool {
				text := strings.Join(p.Trouble(), "\n")
				return strings.Contains(text, what) && strings.Contains(text, id) && errors.Is(p.Behind(id), recordings.ErrBehind)
			}
			if !says() || !strings.Contains(p.get(t, id).Behind, "permission denied") {
				t.Errorf("says %q, %v; %+v", p.Trouble(), p.Behind(id), p.get(t, id))
			}
			withheld := func(where string) { // while the index is away it does not play, either
				if formats, _, err := p.Shelved(id); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s %v play without the index, %v", where, formats, err)
				}
			}
			withheld("here")
			files.tried.Store(0)
			for range 120 { // in two hours
				now = now.Add(time.Minute)
				if err := p.Urge(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if tried := files.tried.Load(); tried < 5 || tried > 20 {
				t.Errorf("tried %d times in two hours", tried)
			}
			p.stop()
			p = reopen()
			withheld("where only the disk tells")
			if err := p.Tidy(t.Context()); err != nil || !says() {
				t.Errorf("after a restart: %v %q", err, p.Trouble())
			}
			files.refuse.Store(false)
			now = now.Add(time.Hour)
			if err := p.Urge(t.Context()); err != nil || len(p.Trouble()) != 0 || p.Behind(id) != nil || p.get(t, id).Behind != "" {
				t.Errorf("at last: %v %q %v", err, p.Trouble(), p.Behind(id))
			}
			places, err := p.Library.Formats(id)
			if err != nil || len(places[store.Published]) != 0 || (what == "deleted") != (len(places) == 0) {
				t.Errorf("lies in %v %v", places, err)
			}
			p.sound(t)
		})
	}
}

// stuck is a library in which whoever looks where the files of a recording are is kept by a disk that does not answer.
type stuck struct {
	recordings.Library
	armed           atomic.Bool // the next one to look is kept
	reached, answer chan struct{}
}

func (s *stuck) Formats(id string) (map[store.RecordingState][]string, error) {
	if s.armed.CompareAndSwap(true, false) {
		s.reached <- struct{}{}
		<-s.answer
	}
	return s.Library.Formats(id)
}

// Whoever is kept by the disk while he looks at the files of a recording keeps nobody from changing it: front ends get their
// answer from the index.
func TestChange_BesideStuckLook(t *testing.T) {
	for what, look := range map[string]func(p *pool){
		"verify": func(p *pool) {
			_, _ = p.Verify(t.Context(), recordings.VerifyOptions{}, func(recordings.Progress) {})
		},
		"restore": func(p *pool) { _, _ = p.Restore(t.Context(), recordID(1)) },
		"import": func(p *pool) {
			_, _ = p.Import(t.Context(), recordings.ImportOptions{Path: filepath.Join(p.data, "1")}, func(recordings.Progress) {})
		},
	} {
		t.Run(what, func(t *testing.T) {
			files := &stuck{reached: make(chan struct{}), answer: make(chan struct{})}
			p := open(t, t.TempDir(), func(s *recordings.Service) { files.Library, s.Library = s.Library, files })
			film := made{id: recordID(1), format: "video", meetingID: "room", media: "film"}
			p.take(t, film)
			lay(t, filepath.Join(p.data, "1"), film)
			ended := make(chan struct{})
			files.armed.Store(true)
			go func() {
				defer close(ended)
				look(p)
			}()
			<-files.reached
			published := make(chan error, 1)
			go func() {
				_, err := p.Publish(t.Context(), "default", []string{recordID(1)}, false)
				published <- err
			}()
			select {
			case err := <-published:
				if err != nil || p.get(t, recordID(1)).State != store.Unpublished {
					t.Errorf("%v, %+v", err, p.get(t, recordID(1)))
				}
			case <-time.After(5 * time.Second):
				t.Error("kept by somebody who looks")
			}
			close(files.answer)
			<-ended
		})
	}
}
