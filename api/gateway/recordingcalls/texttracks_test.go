package recordingcalls_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/recordingcalls"
	"github.com/bbbpool/bbbpool/store"
)

// What goes wrong with a text track is told in JSON. Only what is our fault is an error of ours beside it.
func TestPutRecordingTextTrack(t *testing.T) {
	full := errors.New("no space left")
	for _, c := range []struct {
		query, key string
		add        error
		ours       error
	}{
		{"recordID=r0&kind=captions&lang=de-AT", "", nil, nil},
		{"recordID=r9&kind=captions&lang=de", "noRecordings", nil, nil},
		{"recordID=r0&kind=poem&lang=de", "invalidKind", nil, nil},
		{"recordID=r0&kind=captions&lang=d!", "invalidLang", nil, nil},
		{"recordID=r0&kind=captions&lang=de", "upload_text_track_failed", fs.ErrNotExist, nil},
		{"recordID=r0&kind=captions&lang=de", "upload_text_track_failed", store.ErrTooLarge, nil},
		{"recordID=r0&kind=captions&lang=de", "upload_text_track_failed", full, full},
	} {
		s := open(recordingcalls.Calls{Recordings: newShelf(1), Tracks: &captions{err: c.add}})
		a, err := ask(t, s, "putRecordingTextTrack", c.query)
		text, broken := json.Marshal(a.JSON)
		if err != nil || broken != nil || a.Key != c.key || !errors.Is(a.Err, c.ours) ||
			!strings.Contains(string(text), `"messageKey":"`+c.key) {
			t.Errorf("%s: %+v %v", c.query, a, err)
		}
	}
}

// asJSON is an answer as it is sent.
func asJSON(t *testing.T, a recordingcalls.Answer) string {
	t.Helper()
	text, err := json.Marshal(a.JSON)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Text tracks are listed with links to their files. A recording of which the ID is but a beginning is not meant, and what
// cannot be read is an error of ours.
func TestGetRecordingTextTracks(t *testing.T) {
	gone := errors.New("the disk is gone")
	some := []store.TextTrack{
		{Kind: "captions", Lang: "de", Label: "Deutsch", Source: "upload", File: "de.vtt"},
		{Kind: "subtitles", Lang: "en", Label: "<b>", Source: "live", File: "en.vtt"},
	}
	index, without := newShelf(12), newShelf(12)
	without.err = gone
	for _, c := range []struct {
		name, id string
		on       *shelf
		tracks   captions
		none     bool
		key      string
		want     string
		err      error
	}{
		{name: "no ID", on: index, err: bbb.ErrMissingRecordID},
		{name: "no index", id: "r1", on: without, err: gone},
		{name: "no disk", id: "r1", on: index, tracks: captions{err: gone}, err: gone},
		{
			name: "unknown", id: "zz", on: index, key: "noRecordings",
			want: `{"message":"No recording found for zz","messageKey":"noRecordings","returncode":"FAILED"}`,
		},
		{
			name: "none are shown", id: "r1", on: index, none: true, key: "noRecordings",
			want: `{"message":"No recording found for r1","messageKey":"noRecordings","returncode":"FAILED"}`,
		},
		{
			name: "no tracks", id: "r1", on: index, key: "noCaptionsFound",
			want: `{"message":"No captions found for r1","messageKey":"noCaptionsFound","returncode":"FAILED"}`,
		},
		{
			name: "two", id: "r1", on: index, tracks: captions{list: some},
			want: `{"returncode":"SUCCESS","tracks":[` +
				`{"href":"https://pool/files/r1/presentation/de.vtt","kind":"captions","label":"Deutsch","lang":"de","source":"upload"},` +
				`{"href":"https://pool/files/r1/presentation/en.vtt","kind":"subtitles","label":"\u003cb\u003e","lang":"en","source":"live"}]}`,
		},
	} {
		s := open(recordingcalls.Calls{Recordings: c.on, Tracks: &c.tracks, None: c.none})
		a, err := ask(t, s, "getRecordingTextTracks", "recordID="+c.id)
		if !errors.Is(err, c.err) || a.Key != c.key {
			t.Errorf("%s: %v, key %q", c.name, err, a.Key)
		}
		if err == nil && asJSON(t, a) != c.want {
			t.Errorf("%s: %s", c.name, asJSON(t, a))
		}
	}
	begins := &shelf{list: []store.Recording{{RecordID: "r1-long"}}}
	s := open(recordingcalls.Calls{Recordings: &prefixes{begins}, Tracks: &captions{list: some}})
	if a, err := ask(t, s, "getRecordingTextTracks", "recordID=r1"); err != nil || a.Key != "noRecordings" {
		t.Errorf("the beginning of an ID: %+v %v", a, err)
	}
}

// prefixes is a shelf that finds recordings by the beginning of their IDs, as the index does.
type prefixes struct{ *shelf }

func (p *prefixes) Recordings(context.Context, store.RecordingFilter) ([]store.Recording, int, error) {
	return p.list, len(p.list), nil
}

// Uploads are checked in BigBlueButton's order. What is wrong leaves nothing behind, and what is right is there at once.
func TestPutRecordingTextTrack_Order(t *testing.T) {
	for _, c := range []struct{ query, key, message string }{
		{"kind=poem&lang=d!", "paramError", "Missing param recordID."},
		{"recordID=zz&kind=poem&lang=d!", "noRecordings", "No recording was found for zz"},
		{"recordID=r0&lang=d!", "paramError", "Missing param kind."},
		{"recordID=r0&kind=poem&lang=d!", "invalidKind", "Invalid kind parameter, expected='subtitles|captions' actual=poem"},
		{"recordID=r0&kind=captions", "paramError", "Missing param lang."},
		{"recordID=r0&kind=captions&lang=d!", "invalidLang", "Malformed lang param, received=d!"},
		{"recordID=r0&kind=captions&lang=toolong", "invalidLang", "Malformed lang param, received=toolong"},
		{"recordID=r0&kind=captions&lang=de&label=" + strings.Repeat("x", 201), "upload_text_track_failed", "Text track upload failed."},
	} {
		tracks := &captions{}
		a, err := ask(t, open(recordingcalls.Calls{Recordings: newShelf(1), Tracks: tracks}), "putRecordingTextTrack", c.query)
		want := map[string]string{"returncode": "FAILED", "messageKey": c.key, "message": c.message}
		if diff := cmp.Diff(any(want), a.JSON); diff != "" || err != nil || a.Key != c.key || a.Err != nil || tracks.list != nil {
			t.Errorf("%.60s: %v, %+v, %s", c.query, err, tracks.list, diff)
		}
	}
	tracks := &captions{}
	a, err := ask(t, open(recordingcalls.Calls{Recordings: newShelf(1), Tracks: tracks}), "putRecordingTextTrack",
		"recordID=r0&kind=subtitles&lang=pt_BR&label="+strings.Repeat("x", 200))
	want := []store.TextTrack{{Kind: "subtitles", Lang: "pt-BR", Label: strings.Repeat("x", 200), File: "school_r0_pt-BR.vtt"}}
	if diff := cmp.Diff(want, tracks.list); diff != "" || err != nil || asJSON(t, a) != `{"returncode":"SUCCESS","recordId":"r0",`+
		`"messageKey":"upload_text_track_success","message":"Text track uploaded successfully"}` {
		t.Errorf("%v %s, added %s", err, asJSON(t, a), diff)
	}
	gone := newShelf(1)
	gone.err = errors.New("the index is gone")
	if _, err := ask(t, open(recordingcalls.Calls{Recordings: gone}), "putRecordingTextTrack", "recordID=r0"); !errors.Is(err, gone.err) {
		t.Errorf("without an index: %v", err)
	}
}

// Viewers choose a track by the name of its language where nobody has given it a label.
func TestPutRecordingTextTrack_Label(t *testing.T) {
	for lang, want := range map[string]string{
		"de": "German", "DE": "German", "de_AT": "German (AT)", "zh-Hans-CN": "Chinese (Hans-CN)", "tlh": "tlh", "xx_YY": "xx-YY",
	} {
		tracks := &captions{}
		s := open(recordingcalls.Calls{Recordings: newShelf(1), Tracks: tracks})
		_, err := ask(t, s, "putRecordingTextTrack", "recordID=r0&kind=captions&lang="+lang)
		if err != nil || len(tracks.list) != 1 || tracks.list[0].Label != want {
			t.Errorf("%s: %+v %v", lang, tracks.list, err)
		}
	}
}

// The track is the part of the form that is called file, among the first twenty. A form that is no form, or is cut off, has
// none in it.
func TestPutRecordingTextTrack_Form(t *testing.T) {
	const query = "recordID=r0&kind=captions&lang=de"
	others, file := slices.Repeat([]part{{"other", "nothing"}}, 20), part{"file", aSRT}
	whole, mediaType := upload(t, file)
	twentieth, twentiethType := upload(t, append(slices.Clone(others[:19]), file)...)
	beyond, beyondType := upload(t, append(others, file)...)
	two, twoType := upload(t, file, part{"file", "not this"})
	large, largeType := upload(t, part{"file", aSRT + strings.Repeat(" ", 2<<20)})
	for name, c := range map[string]struct{ body, mediaType, key string }{
		"whole":       {whole, mediaType, ""},
		"twentieth":   {twentieth, twentiethType, ""},
		"beyond":      {beyond, beyondType, "empty_uploaded_text_track"},
		"two files":   {two, twoType, ""},
		"too large":   {large, largeType, "upload_text_track_failed"},
		"cut off":     {whole[:len(whole)-70], mediaType, "empty_uploaded_text_track"},
		"no boundary": {whole, "multipart/form-data", "empty_uploaded_text_track"},
		"bad type":    {whole, "multipart/form-data; boundary", "empty_uploaded_text_track"},
		"no form":     {"hello", mediaType, "empty_uploaded_text_track"},
		"nothing":     {"", mediaType, "empty_uploaded_text_track"},
	} {
		tracks := &captions{}
		s := open(recordingcalls.Calls{Recordings: newShelf(1), Tracks: tracks})
		a, err := post(t, s, "putRecordingTextTrack", query, c.body, c.mediaType)
		if err != nil || a.Key != c.key || (len(tracks.files) == 1) != (c.key == "") {
			t.Errorf("%s: %+v %v, %d tracks", name, a, err, len(tracks.files))
		}
	}
}
