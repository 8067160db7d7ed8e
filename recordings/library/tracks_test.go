package library_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store"
)

// presents puts a presentation in place that tells of these text tracks.
func (r rig) presents(t *testing.T, state store.RecordingState, content, list string, locales ...string) {
	t.Helper()
	dir, err := r.Stage("presents")
	succeed(t, err)
	dir = filepath.Join(dir, "presentation", id)
	write(t, dir, content)
	if list != "" {
		writeFile(t, filepath.Join(dir, "captions.json"), list)
	}
	for _, locale := range locales {
		writeFile(t, filepath.Join(dir, "caption_"+locale+".vtt"), content+" "+locale)
	}
	succeed(t, r.Seal("presents"), r.Place("presents", id, []string{"presentation"}, state), r.Move(id, state), r.Discard("presents"))
}

// tracks are what a recording has, as kind, language, label, source and content.
func (r rig) tracks(t *testing.T) (list []string) {
	t.Helper()
	tracks, err := r.Tracks(id)
	succeed(t, err)
	for _, track := range tracks {
		f, err := r.Open(id, "presentation", track.File)
		succeed(t, err)
		b := make([]byte, 100)
		n, _ := f.Read(b)
		_ = f.Close()
		list = append(list, fmt.Sprintf("%s %s %s %s: %s", track.Kind, track.Lang, track.Label, track.Source, b[:n]))
	}
	return list
}

func (r rig) wantsTracks(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.tracks(t)); diff != "" {
		t.Errorf("text tracks (-want +got):\n%s", diff)
	}
}

func german(kind, label string) store.TextTrack {
	return store.TextTrack{Kind: kind, Lang: "de", Label: label}
}

// Captions that a server has published are listed as far as they are there; no list, and one that is nonsense, tells of none.
func TestTracks(t *testing.T) {
	r := newRig(t)
	r.wantsTracks(t)
	r.presents(t, store.Published, "a", `[{"localeName":"English","locale":"en"},{"locale":"pt_BR","localeName":"Brasil"},{"locale":"fr"},`+
		`{"locale":"../x"},{"locale":""},{"locale":"en/../../x"}]`, "en", "pt_BR")
	r.wantsTracks(t, "captions en English live: a en", "captions pt_BR Brasil live: a pt_BR")
	for _, list := range []string{"", "[", "{}", `"x"`, "null", `[1]`, `[{"locale":5}]`, "[" + strings.Repeat(" ", 64<<10) + "]"} {
		r.presents(t, store.Published, "a", list, "en")
		r.wantsTracks(t)
	}
}

// What people add is there for the player and for the list, replaces what they added before, and takes nothing from what
// the server has published.
func TestAddTrack(t *testing.T) {
	for _, state := range []store.RecordingState{store.Published, store.Unpublished} {
		r := newRig(t)
		r.presents(t, state, "a", `[{"localeName":"Deutsch live","locale":"de"}]`, "de")
		dir := filepath.Join(r.tree(state), "presentation", id)
		writeFile(t, filepath.Join(dir, "captions.json.gz"), "packed before")
		succeed(t, r.AddTrack(id, german("subtitles", "Deutsch"), []byte("one")))
		r.wantsTracks(t, "captions de Deutsch live live: a de", "subtitles de Deutsch upload: one")
		succeed(t, r.AddTrack(id, german("subtitles", "Deutsch 2"), []byte("two")))
		succeed(t, r.AddTrack(id, german("captions", "Deutsch 3"), []byte("three")))
		r.wantsTracks(t, "captions de Deutsch 3 upload: three", "subtitles de Deutsch 2 upload: two")
		var seen []map[string]string
		text, err := os.ReadFile(filepath.Join(dir, "captions.json"))
		succeed(t, err, json.Unmarshal(text, &seen))
		for _, e := range seen { // as the player does
			if _, err := os.Stat(filepath.Join(dir, "caption_"+e["locale"]+".vtt")); err != nil || e["localeName"] == "" {
				t.Errorf("%v: %v", e, err)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "captions.json.gz")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the compressed copy of the old list is still there: %v", err)
		}
		hidden, _ := filepath.Glob(filepath.Join(dir, ".*"))
		if len(hidden) > 0 {
			t.Errorf("left: %s", hidden)
		}
	}
}

// What cannot be added is refused, and changes nothing.
func TestAddTrack_Refuses(t *testing.T) {
	r := newRig(t)
	mentions(t, r.AddTrack(id, german("captions", ""), nil), fs.ErrNotExist, id)
	r.put(t, "a", store.Published, "video")
	mentions(t, r.AddTrack(id, german("captions", ""), nil), fs.ErrNotExist, "no presentation")
	r.presents(t, store.Deleted, "a", "")
	mentions(t, r.AddTrack(id, german("captions", ""), nil), fs.ErrNotExist, "no presentation")
	r.presents(t, store.Published, "a", "")
	mentions(t, r.AddTrack(id, german("slides", ""), nil), nil, "slides")
	mentions(t, r.AddTrack("../x", german("captions", ""), nil), nil, "../x")
	for _, lang := range []string{"", "../x", "de/x", "d", "de\x00", "x.y", strings.Repeat("de-", 50) + "de"} {
		mentions(t, r.AddTrack(id, store.TextTrack{Kind: "captions", Lang: lang}, nil), nil, "text tracks")
	}
	huge := "[" + strings.Repeat(" ", 64<<10) + "]"
	r.presents(t, store.Published, "a", huge)
	mentions(t, r.AddTrack(id, german("captions", ""), nil), store.ErrTooLarge, "more than 65536 bytes")
	if list, err := os.ReadFile(filepath.Join(r.Published, "presentation", id, "captions.json")); err != nil || string(list) != huge {
		t.Errorf("a list that is too large was replaced: %.100q, %v", list, err)
	}
	r.presents(t, store.Published, "a", "")
	mentions(t, r.AddTrack(id, german("captions", ""), make([]byte, 4<<20+1)), store.ErrTooLarge, "4194305 bytes")
	for i := range 100 {
		succeed(t, r.AddTrack(id, store.TextTrack{Kind: "captions", Lang: fmt.Sprintf("de-%03d", i)}, []byte("x")))
	}
	mentions(t, r.AddTrack(id, german("captions", ""), nil), store.ErrTooLarge, "100 text tracks")
	succeed(t, r.AddTrack(id, store.TextTrack{Kind: "captions", Lang: "de-007"}, []byte("y")))
	if n := len(r.tracks(t)); n != 100 {
		t.Errorf("%d tracks", n)
	}
}

// A newer presentation from the server keeps what people have added, wherever the old one was, and brings what is new.
func TestPlace_KeepsTracks(t *testing.T) {
	for _, old := range []store.RecordingState{store.Published, store.Unpublished} {
		for _, state := range []store.RecordingState{store.Published, store.Unpublished} {
			r := newRig(t)
			r.presents(t, old, "a", `[{"locale":"en","localeName":"English"},{"locale":"fr","localeName":"Français"}]`, "en", "fr")
			succeed(t, r.AddTrack(id, german("subtitles", "Deutsch"), []byte("added")))
			succeed(t, r.AddTrack(id, store.TextTrack{Kind: "captions", Lang: "en", Label: "better"}, []byte("better")))
			for range 2 {
				r.presents(t, state, "b", `[{"locale":"en","localeName":"English"},{"locale":"de","localeName":"live"}]`, "en", "de")
				r.wantsTracks(t, "captions en better upload: better", "captions de live live: b de", "subtitles de Deutsch upload: added")
				r.wants(t, map[string]string{string(state) + "/presentation": "b"})
			}
		}
	}
}

// What is no text track any more keeps nothing from being replaced.
func TestPlace_OddTracks(t *testing.T) {
	for title, spoil := range map[string]func(dir string) error{
		"gone": func(dir string) error { return os.Remove(dir + "/caption_de.vtt") },
		"directory": func(dir string) error {
			return errors.Join(os.Remove(dir+"/caption_de.vtt"), os.Mkdir(dir+"/caption_de.vtt", 0o755))
		},
		"FIFO": func(dir string) error {
			return errors.Join(os.Remove(dir+"/caption_de.vtt"), syscall.Mkfifo(dir+"/caption_de.vtt", 0o600))
		},
		"link out": func(dir string) error {
			return errors.Join(os.Remove(dir+"/caption_de.vtt"), os.Symlink("/etc/passwd", dir+"/caption_de.vtt"))
		},
		"huge": func(dir string) error { return os.Truncate(dir+"/caption_de.vtt", 5<<20) },
		"list FIFO": func(dir string) error {
			return errors.Join(os.Remove(dir+"/captions.json"), syscall.Mkfifo(dir+"/captions.json", 0o600))
		},
		"list link": func(dir string) error {
			return errors.Join(os.Remove(dir+"/captions.json"), os.Symlink("/etc/passwd", dir+"/captions.json"))
		},
	} {
		t.Run(title, func(t *testing.T) {
			r := newRig(t)
			r.presents(t, store.Published, "a", "")
			succeed(t, r.AddTrack(id, german("captions", "Deutsch"), []byte("added")), spoil(filepath.Join(r.Published, "presentation", id)))
			r.presents(t, store.Published, "b", "")
			r.wantsTracks(t)
			r.wants(t, map[string]string{"published/presentation": "b"})
		})
	}
}

// Directories where files should be keep nobody's text tracks away.
func TestPlace_DirectoriesForTracks(t *testing.T) {
	r := newRig(t)
	r.presents(t, store.Published, "a", "")
	succeed(t, r.AddTrack(id, german("captions", "Deutsch"), []byte("added")))
	r.stage(t, "job", id, "b", "presentation")
	staged := filepath.Join(r.Published, ".bbbpool/staging/job/presentation", id)
	for _, dir := range []string{"captions.json", "captions.json.gz", "caption_de.vtt", ".caption_de.vtt.new"} {
		writeFile(t, filepath.Join(staged, dir, "x"), "x")
	}
	succeed(t, r.Place("job", id, []string{"presentation"}, store.Published), r.Discard("job"))
	r.wantsTracks(t, "captions de Deutsch upload: added")
	r.presents(t, store.Unpublished, "c", "")
	live := filepath.Join(r.Unpublished, "presentation", id)
	succeed(t, os.Remove(filepath.Join(live, "captions.json")), os.Mkdir(filepath.Join(live, "captions.json"), 0o755))
	r.wantsTracks(t)
}

// A crash while a track is carried over, or while one is replaced, leaves what the next call finishes.
func TestPlace_TracksAgain(t *testing.T) {
	r := newRig(t)
	r.presents(t, store.Published, "a", "")
	succeed(t, r.AddTrack(id, german("captions", "Deutsch"), []byte("added")))
	r.stage(t, "job", id, "b", "presentation")
	staged := filepath.Join(r.Published, ".bbbpool/staging/job/presentation", id)
	writeFile(t, filepath.Join(staged, ".caption_de.vtt.new"), "half")
	writeFile(t, filepath.Join(staged, "caption_de.vtt"), "of a crash")
	succeed(t, r.Place("job", id, []string{"presentation"}, store.Published), r.Discard("job"))
	r.wantsTracks(t, "captions de Deutsch upload: added")
}
