package simulator_test

import (
	"archive/tar"
	"bytes"
	"encoding/xml"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
)

// recorded ends a recorded meeting that somebody was in, and lets time pass until it is published.
func recorded(t *testing.T, cfg simulator.Config, more string) (*simulator.Simulator, *clock, string) {
	t.Helper()
	cfg.RecordingDelay = time.Minute
	sim, clock := start(t, cfg)
	s := sim.Servers()[0]
	id := mustCreate(t, s, "room", "&record=true&meta_Course=A1"+more).field("internalMeetingID")
	mustJoin(t, s, "room", "Ada", "viewer", "")
	clock.add(90 * time.Minute)
	call(t, s, "end", "meetingID=room")
	clock.add(2 * time.Second)
	sim.Tick(t.Context())
	if a := call(t, s, "getRecordings", "state=processing&recordID="+id); a.field("state") != "processing" {
		t.Errorf("after the end: %s", a.body)
	}
	clock.add(time.Minute)
	sim.Tick(t.Context())
	return sim, clock, id
}

// A meeting that was recorded shows up in getRecordings, once it is processed.
func TestRecordings(t *testing.T) {
	sim, _, id := recorded(t, simulator.Config{}, "")
	s := sim.Servers()[0]
	golden(t, s, "getRecordings.xml", call(t, s, "getRecordings", "").body)
	golden(t, s, "getRecordings-page.xml", call(t, s, "getRecordings", "limit=1&offset=1").body)
	for query, found := range map[string]bool{
		"meetingID=room": true, "meetingID=other": false, "meetingID=other,room": true,
		"recordID=" + id: true, "recordID=" + id[:20]: true, "recordID=0": false, "recordID=0&meetingID=room": false,
		"state=any": true, "state=unpublished": false, "state=published,deleted": true,
		"meta_course=A1": true, "meta_Course=A%25": true, "meta_course=%251": true, "meta_course=%25x%25": false,
		"meta_course=A1&meta_none=x": false, "limit=10": true, "offset=5": true, "limit=0&offset=5": true,
	} {
		if a := call(t, s, "getRecordings", query); (a.field("recordID") != "") != found {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	golden(t, s, "getRecordings-none.xml", call(t, s, "getRecordings", "meetingID=other").body)
}

// Recordings can be hidden, renamed and deleted.
func TestRecordings_Changes(t *testing.T) {
	sim, _, id := recorded(t, simulator.Config{}, "")
	s := sim.Servers()[0]
	for _, c := range []struct{ call, query, key string }{
		{"publishRecordings", "publish=true", "missingParamRecordID"},
		{"publishRecordings", "recordID=" + id, "missingParamPublish"},
		{"publishRecordings", "publish=true&recordID=none", "notFound"},
		{"publishRecordings", "publish=true&recordID=" + id[:20], "notFound"},
		{"updateRecordings", "meta_x=1", "missingParamRecordID"},
		{"deleteRecordings", "recordID=none", "notFound"},
	} {
		if a := call(t, s, c.call, c.query); a.field("messageKey") != c.key {
			t.Errorf("%s?%s: %s", c.call, c.query, a.body)
		}
	}
	show := func(state string) answer { return call(t, s, "getRecordings", "state="+state) }
	golden(t, s, "publishRecordings.xml", call(t, s, "publishRecordings", "publish=false&recordID=none,"+id).body)
	if a := show("unpublished"); a.field("published") != "false" {
		t.Error(a.body)
	}
	golden(t, s, "updateRecordings.xml", call(t, s, "updateRecordings", "meta_Title=New&meta_course=&recordID="+id).body)
	if a := show("any"); a.field("title") != "New" || strings.Contains(a.body, "course") {
		t.Error(a.body)
	}
	golden(t, s, "deleteRecordings.xml", call(t, s, "deleteRecordings", "recordID="+id).body)
	if call(t, s, "getRecordings", "").field("recordID") != "" || show("deleted").field("recordID") != id {
		t.Error("deleted, and still there or gone for good")
	}
}

// The archive in the spool is what Scalelite's transfer script sends, appears whole, and plays.
func TestArchive(t *testing.T) {
	spool := t.TempDir()
	sim, _, id := recorded(t, simulator.Config{SpoolDir: spool, Formats: []string{"presentation", "video"}}, "")
	entries := must(os.ReadDir(spool))
	if len(entries) != 1 || entries[0].Name() != id+".tar" {
		t.Fatalf("spool: %v", entries)
	}
	files := map[string]string{}
	archive := tar.NewReader(bytes.NewReader(must(os.ReadFile(filepath.Join(spool, id+".tar")))))
	for {
		h, err := archive.Next()
		if err != nil {
			break
		}
		files[h.Name] = string(must(io.ReadAll(archive)))
	}
	metadata := files["presentation/"+id+"/metadata.xml"]
	golden(t, sim.Servers()[0], "metadata.xml", metadata)
	if err := xml.Unmarshal([]byte(metadata), new(struct{})); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"video/ID/metadata.xml", "video/ID/index.html", "presentation/ID/slides_new.xml"} {
		if files[strings.Replace(name, "ID", id, 1)] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	if sound := files["video/"+id+"/audio/audio.wav"]; http.DetectContentType([]byte(sound)) != "audio/wave" {
		t.Errorf("%.20q is no sound", sound)
	}
}

// The addresses of recordings lead to something that plays, until they are hidden.
func TestPlayback(t *testing.T) {
	sim, _, id := recorded(t, simulator.Config{Formats: []string{"presentation", "podcast"}}, "")
	s := sim.Servers()[0]
	origin := strings.TrimSuffix(s.URL(), "/bigbluebutton/api")
	a := send(t, http.MethodGet, origin+"/playback/presentation/2.3/"+id, "", "")
	page := send(t, http.MethodGet, origin+a.header.Get("Location"), "", "")
	if page.status != http.StatusOK || !strings.Contains(page.body, "<audio") {
		t.Errorf("status %d: %s", page.status, page.body)
	}
	if sound := send(t, http.MethodGet, origin+"/podcast/"+id+"/audio.wav", "", ""); sound.status != http.StatusOK {
		t.Errorf("podcast: status %d", sound.status)
	}
	status := func(path string) int { return send(t, http.MethodGet, origin+path, "", "").status }
	if got := status("/presentation/none/index.html"); got != http.StatusNotFound {
		t.Errorf("unknown: status %d", got)
	}
	call(t, s, "publishRecordings", "publish=false&recordID="+id)
	if got := status("/podcast/" + id + "/audio.wav"); got != http.StatusNotFound {
		t.Errorf("hidden: status %d", got)
	}
}

// A meeting that nobody joined and nobody ended leaves no recording.
func TestRecordings_NothingToShow(t *testing.T) {
	sim, clock := start(t, simulator.Config{})
	s := sim.Servers()[0]
	mustCreate(t, s, "room", "&record=true")
	for range 3 {
		clock.add(time.Hour)
		sim.Tick(t.Context())
	}
	if ids := s.Recordings(); len(ids) != 0 {
		t.Errorf("recordings %v", ids)
	}
}

// Tracks that are put can be got, as WebVTT.
func TestTextTracks(t *testing.T) {
	sim, _, id := recorded(t, simulator.Config{}, "")
	s := sim.Servers()[0]
	put := func(query, text string) answer {
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		if text != "" {
			w := must(form.CreateFormFile("file", "x.srt"))
			_ = must(io.WriteString(w, text))
		}
		_ = form.Close()
		return send(t, http.MethodPost, signed(s, "putRecordingTextTrack", query), form.FormDataContentType(), b.String())
	}
	all := "recordID=" + id + "&kind=subtitles&lang=en_US&label=English"
	for _, c := range []struct{ query, text, want string }{
		{"", "x", "Missing param recordID."},
		{"recordID=none", "x", "No recording was found for none"},
		{"recordID=" + id, "x", "Missing param kind."},
		{"recordID=" + id + "&kind=song", "x", "Invalid kind parameter, expected='subtitles|captions' actual=song"},
		{"recordID=" + id + "&kind=captions", "x", "Missing param lang."},
		{"recordID=" + id + "&kind=captions&lang=1", "x", "Malformed lang param, received=1"},
		{all, "", "Empty uploaded text track."},
		{all, strings.Repeat("x", 100<<10), "Text track upload failed."},
	} {
		if a := put(c.query, c.text); !strings.Contains(a.body, `"message":"`+c.want+`"`) {
			t.Errorf("%s: %s", c.query, a.body)
		}
	}
	golden(t, s, "getRecordingTextTracks-none.json", call(t, s, "getRecordingTextTracks", "recordID="+id).body)
	golden(t, s, "putRecordingTextTrack.json", put(all, "1\n00:00:01,000 --> 00:00:02,000\nHello\n").body)
	tracks := call(t, s, "getRecordingTextTracks", "recordID="+id)
	golden(t, s, "getRecordingTextTracks.json", tracks.body)
	_, rest, _ := strings.Cut(tracks.body, `"href":"`)
	href, _, _ := strings.Cut(rest, `"`)
	if a := send(t, http.MethodGet, href, "", ""); a.body != "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nHello\n" {
		t.Errorf("%s: %q", href, a.body)
	}
	a := call(t, s, "getRecordingTextTracks", "recordID=none")
	if !strings.Contains(a.body, "No recording found for none") {
		t.Error(a.body)
	}
}
