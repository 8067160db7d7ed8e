package recordings_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// marked is what the disk alone tells of a recording.
func (p *pool) marked(t *testing.T, id string) bool {
	t.Helper()
	_, protected, err := p.Library.Shelved(id)
	if err != nil {
		t.Fatal(err)
	}
	return protected
}

// Whether a recording is protected can be told from the disk alone, before anybody sees it and whatever becomes of it.
func TestMarks(t *testing.T) {
	p := open(t, t.TempDir(), func(s *recordings.Service) { s.Config.Protect = true })
	resign := (&instance{pool: p}).lead(t)
	id, no, yes := recordID(1), false, true
	protect := func(to *bool) {
		t.Helper()
		if n, err := p.Update(t.Context(), store.DefaultTenant, []string{id}, nil, to); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	p.drop(t, id+".tar", pack(t, made{id: id, format: "video", media: "film"}))
	p.waitFor(t, id+".tar", store.JobDone)
	eventually(t, "marks are relied on", func() bool {
		_, _, err := p.Library.Shelved(id)
		return err == nil
	})
	if !p.marked(t, id) {
		t.Error("a recording that came protected is not marked")
	}
	if protect(&no); p.marked(t, id) {
		t.Error("one that is not protected any more is marked")
	}
	p.drop(t, id+"-presentation.tar", pack(t, made{id: id, format: "presentation", media: "slides"}))
	p.waitFor(t, id+"-presentation.tar", store.JobDone)
	if p.marked(t, id) {
		t.Error("a format that came later is marked, and its recording is not protected")
	}
	protect(&yes)
	for _, published := range []bool{false, true} {
		if _, err := p.Publish(t.Context(), store.DefaultTenant, []string{id}, published); err != nil {
			t.Fatal(err)
		}
	}
	if !p.marked(t, id) {
		t.Error("the mark is lost when a recording comes and goes")
	}
	if f, err := p.Library.Open(id, "video", ".protected"); err == nil {
		_ = f.Close()
		t.Error("the mark is delivered")
	}
	resign()
	p.sound(t)
}

// A library from before there were marks says nothing until all that is in it was marked, as it is at the next start.
func TestMarks_Old(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	resign := (&instance{pool: p}).lead(t)
	id, yes := recordID(1), true
	p.drop(t, id+".tar", pack(t, made{id: id, format: "video", media: "film"}))
	p.waitFor(t, id+".tar", store.JobDone)
	if _, err := p.Update(t.Context(), store.DefaultTenant, []string{id}, nil, &yes); err != nil {
		t.Fatal(err)
	}
	eventually(t, "marks are relied on", func() bool {
		_, _, err := p.Library.Shelved(id)
		return err == nil
	})
	resign()
	for _, path := range []string{".bbbpool/marks", "video/" + id + "/.protected"} {
		if err := os.Remove(filepath.Join(p.Config.Published, path)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := p.Library.Shelved(id); !errors.Is(err, library.ErrMarks) {
		t.Errorf("without marks: %v", err)
	}
	if err := p.Library.(*library.Library).RelyOnMarks(); err != nil { //nolint:forcetypeassert // as assemble has made it
		t.Fatal(err)
	}
	if _, protected, err := p.Shelved(id); err != nil || !protected {
		t.Errorf("put there by a version that knows no marks: protected %t, %v", protected, err)
	}
	if err := os.Remove(filepath.Join(p.Config.Published, ".bbbpool/marks")); err != nil {
		t.Fatal(err)
	}
	(&instance{pool: p}).lead(t)
	eventually(t, "marks are made", func() bool {
		_, protected, err := p.Library.Shelved(id)
		return err == nil && protected
	})
}
