package recorded_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/recorded"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

var now = time.UnixMilli(1_760_000_000_000)

// ended is a meeting that is over.
func ended(t *testing.T, id string) *rooms.Meeting {
	t.Helper()
	r := rooms.New(0, rooms.Hooks{Over: func(*rooms.Meeting, time.Time) {}, Taken: func(string) bool { return false }})
	m, _, failed := r.Admit(rooms.Wanted{ID: id, Name: "Room", Record: true}, now)
	if failed != nil {
		t.Fatal(failed)
	}
	r.End(m, now.Add(time.Minute))
	return m
}

// A shelf keeps so many recordings, and the oldest go.
func TestShelf(t *testing.T) {
	s := recorded.NewShelf([]string{"video"}, time.Minute)
	first := ended(t, "0")
	s.Add(first, now)
	for i := range recorded.MaxRecordings {
		s.Add(ended(t, strconv.Itoa(i+1)), now)
	}
	if len(s.All()) != recorded.MaxRecordings || s.Find(first.Internal) != nil {
		t.Errorf("%d are kept", len(s.All()))
	}
	if done := s.Process(now.Add(time.Minute - 1)); done != nil {
		t.Errorf("%d are done too early", len(done))
	}
	if done := s.Process(now.Add(time.Minute)); len(done) != recorded.MaxRecordings || done[0].State != recorded.Published {
		t.Errorf("%d are done", len(done))
	}
}

// An archive is there whole or not at all.
func TestArchive_NoDirectory(t *testing.T) {
	s := recorded.NewShelf([]string{"presentation"}, 0)
	s.Add(ended(t, "room"), now)
	r := s.Process(now)[0]
	dir := t.TempDir()
	if err := r.Archive(dir+"/none", "http://host"); err == nil {
		t.Error("archived into nothing")
	}
	if err := r.Archive(dir, "http://host"); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != r.ID+".tar" {
		t.Errorf("there are %v, %v", files, err)
	}
}

// Tracks are bounded, and one of a kind and language replaces the other.
func TestRecording_AddTrack(t *testing.T) {
	var r recorded.Recording
	for i := range 20 {
		if !r.AddTrack(recorded.Track{Kind: "captions", Lang: "l" + strconv.Itoa(i)}) {
			t.Fatalf("track %d did not fit", i)
		}
	}
	if r.AddTrack(recorded.Track{Kind: "captions", Lang: "more"}) {
		t.Error("too many fit")
	}
	if r.AddTrack(recorded.Track{Kind: "captions", Lang: "l1", VTT: make([]byte, 65<<10)}) {
		t.Error("too large a one fits")
	}
	if !r.AddTrack(recorded.Track{Kind: "captions", Lang: "l1", VTT: []byte("WEBVTT")}) || string(r.Tracks[1].VTT) != "WEBVTT" {
		t.Error("it was not replaced")
	}
}
