package recordings_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// What is erased is gone with its files, also out of the trash, and no archive that comes late brings it back.
func TestErase(t *testing.T) {
	for name, deletedBefore := range map[string]bool{"published": false, "in the trash": true} {
		p := open(t, t.TempDir(), func(s *recordings.Service) { s.Config.KeepDeleted = quantity.Age(24 * time.Hour) })
		id, ctx := recordID(1), t.Context()
		archive := made{id: id, format: "video", meetingID: "room", media: "film"}
		p.take(t, archive)
		if deletedBefore {
			if _, err := p.Delete(ctx, "default", []string{id}); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Erase(ctx, "other", id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: of another tenant: %v", name, err)
		}
		for range 2 {
			if err := p.Erase(ctx, "default", id); err != nil {
				t.Fatal(err)
			}
		}
		if left := files(t, p.Config.Root); len(left) != 0 {
			t.Errorf("%s: left on the disk: %v", name, left)
		}
		r := p.get(t, id)
		if r.State != store.Deleted || r.Name != "" || len(r.Meta) > 0 || len(r.Formats) > 0 || r.MeetingID != "room" {
			t.Errorf("%s: left in the index: %+v", name, r)
		}
		if _, err := p.Restore(ctx, id); !errors.Is(err, recordings.ErrNotInTrash) {
			t.Errorf("%s: restored: %v", name, err)
		}
		p.take(t, archive)
		if r := p.get(t, id); r.State != store.Deleted || p.media(t, id, "video") != "" {
			t.Errorf("%s: brought back: %+v", name, r)
		}
		p.sound(t)
	}
}

// What is taken out of the metadata of a recording stays out when its archive comes once more.
func TestClean(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	id := recordID(1)
	archive := made{id: id, format: "video", meetingID: "room", media: "film"}
	p.take(t, archive)
	var key, value string
	for key, value = range p.get(t, id).Meta {
		break
	}
	if value == "" {
		t.Fatal("nothing to be taken out")
	}
	err := p.Clean(t.Context(), "default", id, func(r *store.Recording) error {
		delete(r.Meta, key)
		r.Edits.Meta = map[string]string{key: ""}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.take(t, archive)
	if r := p.get(t, id); r.Meta[key] != "" || p.media(t, id, "video") != "film" {
		t.Errorf("%+v", r)
	}
	p.sound(t)
}
