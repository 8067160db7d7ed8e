package recordings_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// Text tracks are added to what is here, by the tenant whose it is, as long as the disk is well; what is imported later
// keeps them, and an index that is lost does, too.
func TestTextTracks(t *testing.T) {
	p := start(t, nil)
	id, ctx := recordID(1), t.Context()
	one := made{id: id, format: "presentation", meetingID: "room", media: "one"}
	track := store.TextTrack{Kind: "captions", Lang: "de", Label: "Deutsch"}
	add := func(tenant string) error { return p.AddTextTrack(ctx, tenant, id, track, []byte("WEBVTT")) }
	if err := add("default"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before there is a recording: %v", err)
	}
	p.drop(t, "one.tar", pack(t, one))
	p.waitFor(t, "one.tar", store.JobDone)
	if err := add("other"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("to another tenant's: %v", err)
	}
	if _, err := p.TextTracks(ctx, "other", id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant's: %v", err)
	}
	p.disk.set("full", nil)
	if err := add("default"); !errors.Is(err, recordings.ErrVolume) {
		t.Errorf("on a disk that is not well: %v", err)
	}
	p.disk.set("", errors.New("no room"))
	if err := add("default"); err == nil {
		t.Error("without room")
	}
	p.disk.set("", nil)
	if err := add("default"); err != nil {
		t.Fatal(err)
	}
	one.media = "two"
	p.drop(t, "two.tar", pack(t, one))
	p.waitFor(t, "two.tar", store.JobDone)
	if p.media(t, id, "presentation") != "two" {
		t.Error("the newer presentation is not here")
	}
	want := []store.TextTrack{{Kind: "captions", Lang: "de", Label: "Deutsch", Source: "upload", File: "caption_de.vtt"}}
	if got, err := p.TextTracks(ctx, "default", id); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	p.sound(t)
	if _, err := p.Delete(ctx, "default", []string{id}); err != nil {
		t.Fatal(err)
	}
	if err := add("default"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("to one that was deleted: %v", err)
	}
}

// A recording without slides has no player that would show text tracks.
func TestTextTracks_NoPresentation(t *testing.T) {
	p := start(t, nil)
	p.drop(t, "film.tar", pack(t, made{id: recordID(1), format: "video", meetingID: "room", media: "film"}))
	p.waitFor(t, "film.tar", store.JobDone)
	err := p.AddTextTrack(t.Context(), "default", recordID(1), store.TextTrack{Kind: "captions", Lang: "de"}, []byte("WEBVTT"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if got, err := p.TextTracks(t.Context(), "default", recordID(1)); err != nil || len(got) > 0 {
		t.Errorf("got %v, %v", got, err)
	}
}
