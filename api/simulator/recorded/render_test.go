package recorded_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/recorded"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

var formats = []string{"presentation", "video", "podcast", "screenshare", "notes"}

// published returns the recording of a meeting or, where it is one, a breakout room.
func published(t *testing.T, breakout bool) recorded.Recording {
	t.Helper()
	r := rooms.New(0, rooms.Hooks{Over: func(*rooms.Meeting, time.Time) {}, Taken: func(string) bool { return false }})
	want := rooms.Wanted{ID: "room", Name: `A & "B"`, Record: true, Metadata: rooms.Pairs{{Name: "bbb-origin", Value: "<Moodle>"}}}
	m, _, failed := r.Admit(want, now)
	if failed != nil {
		t.Fatal(failed)
	}
	if breakout {
		want.ID, want.Room = "abc-1", rooms.Room{Breakout: true, Parent: "room", Sequence: 4}
		if m, _, failed = r.Admit(want, now); failed != nil {
			t.Fatal(failed)
		}
	}
	if err := r.AddPeople(m.ID, rooms.Crowd{Count: 3}, now); err != nil {
		t.Fatal(err)
	}
	r.End(m, now.Add(150*time.Second))
	shelf := recorded.NewShelf(formats, 0)
	shelf.Add(m, now)
	return shelf.Process(now)[0]
}

// has checks that a text has each of some pieces.
func has(t *testing.T, what, text string, pieces ...string) {
	t.Helper()
	for _, piece := range pieces {
		if !strings.Contains(text, piece) {
			t.Errorf("%s: no %s in %s", what, piece, text)
		}
	}
}

// getRecordings shows a recording with its metadata, and of its formats those that are asked for: each has its own link, the
// presentation a preview, and the size is that of these alone.
func TestRecording_Render(t *testing.T) {
	r := published(t, false)
	render := func(list []recorded.Format) string {
		x := &bbb.Builder{}
		r.Render(x, list, "http://host")
		return string(x.Fragment())
	}
	all := render(r.Formats)
	has(t, "all", all, "<recordID>"+r.ID+"</recordID><meetingID>room</meetingID><internalMeetingID>"+r.ID,
		"<name>A &amp; &quot;B&quot;</name><isBreakout>false</isBreakout><published>true</published><state>published</state>",
		"<startTime>1760000000020</startTime><endTime>1760000150000</endTime><participants>3</participants>",
		"<meetingId>room</meetingId>", "<bbb-origin>&lt;Moodle&gt;</bbb-origin></metadata><breakout><parentId>unknown</parentId>",
		"<length>2</length>", `<image alt="Welcome to A &amp; &quot;B&quot;" height="136" width="176">`, "http://host/playback/presentation/2.3/"+r.ID+"<", "http://host/playback/video/"+r.ID+"/<",
		"http://host/podcast/"+r.ID+"/audio.wav<", "http://host/recording/screenshare/"+r.ID+"/<", "http://host/notes/"+r.ID+"/<")
	if n := strings.Count(all, "<preview>"); n != 1 {
		t.Errorf("%d previews", n)
	}
	size := strconv.FormatInt(r.Formats[1].Size, 10)
	if one := render(r.Formats[1:2]); strings.Contains(one, "<type>presentation</type>") || strings.Count(one, "<size>"+size+"</size>") != 2 {
		t.Errorf("video alone: %s", one)
	}
	r.State = recorded.Unpublished
	has(t, "unpublished", render(nil), "<published>false</published><state>unpublished</state>", "<size>0</size><playback></playback>")

	r = published(t, true)
	has(t, "breakout room", render(r.Formats), "<isBreakout>true</isBreakout>", "<breakout><parentId>"+r.Parent+"</parentId><sequence>4</sequence>")
}

// An archive has each format in a directory of its own, whose metadata.xml says what is in it.
func TestRecording_Archive(t *testing.T) {
	for _, breakout := range []bool{false, true} {
		r := published(t, breakout)
		dir := t.TempDir()
		if err := r.Archive(dir, "http://host"); err != nil {
			t.Fatal(err)
		}
		content := unpack(t, filepath.Join(dir, r.ID+".tar"))
		for _, format := range formats {
			root := format + "/" + r.ID + "/"
			meta := content[root+"metadata.xml"]
			has(t, format, meta, "<id>"+r.ID+"</id>", "<format>"+format+"</format>", "<duration>149980</duration>",
				`externalId="`+r.MeetingID+`" name="A &amp; &quot;B&quot;"`, "<bbb-origin>&lt;Moodle&gt;</bbb-origin>")
			if link := `<breakout parentMeetingId="` + r.Parent + `" sequence="4"`; strings.Contains(meta, link) != breakout {
				t.Errorf("%s: %s", format, meta)
			}
			if strings.Contains(meta, "<preview>") != (format == "presentation") {
				t.Errorf("%s: a preview: %s", format, meta)
			}
			sound := "audio/audio.wav"
			if format == "podcast" {
				sound = "audio.wav"
			}
			if !strings.HasPrefix(content[root+sound], "RIFF\xc4\x0f\x00\x00WAVEfmt ") || len(content[root+sound]) != 4044 {
				t.Errorf("%s: a sound of %d bytes", format, len(content[root+sound]))
			}
			has(t, format, content[root+"index.html"], `<audio controls src="`+sound+`">`, "<h1>A &amp; &quot;B&quot;</h1>")
		}
		thumbnail := "presentation/" + r.ID + "/presentation/" + rooms.SHA1(r.ID) + "-1/thumbnails/thumb-1.png"
		if !strings.HasPrefix(content[thumbnail], "\x89PNG") || len(content) != 3*len(formats)+7 {
			t.Errorf("%d files, of the thumbnail %d bytes", len(content), len(content[thumbnail]))
		}
		root := "presentation/" + r.ID + "/"
		has(t, "captions", content[root+"caption_en.vtt"], "WEBVTT\n")
		has(t, "layout", content[root+"layout.xml"], "<layouts/>")
		_, pasted, _ := strings.Cut(content[root+"slides_new.xml"], "&quot;/")
		pasted, _, _ = strings.Cut(pasted, "&quot;")
		if !strings.HasPrefix(pasted, root+"file-uploads/") || !strings.HasPrefix(content[pasted], "\x89PNG") {
			t.Errorf("pasted %q", pasted)
		}
	}
}

// unpack reads an archive, and checks what anybody may do with what is in it.
func unpack(t *testing.T, name string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	content := map[string]string{}
	for archive := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return content
		}
		if err != nil {
			t.Fatal(err)
		}
		file, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			if h.Mode != 0o755 {
				t.Errorf("%s: mode %o", h.Name, h.Mode)
			}
			continue
		}
		if h.Mode != 0o644 || !h.ModTime.Equal(now.Add(150*time.Second)) {
			t.Errorf("%s: mode %o, changed %s", h.Name, h.Mode, h.ModTime)
		}
		content[h.Name] = string(file)
	}
}

// What getRecordings says of a format's size is what its files have, but for metadata.xml.
func TestRecording_Size(t *testing.T) {
	r := published(t, false)
	for _, f := range r.Formats {
		list, bytes := r.Files(f.Name, "http://host"), int64(0)
		for _, file := range list[1:] {
			bytes += int64(len(file.Content))
		}
		if list[0].Name != "metadata.xml" || bytes != f.Size {
			t.Errorf("%s: %d bytes, want %d; first is %s", f.Name, bytes, f.Size, list[0].Name)
		}
	}
}

// A recording does not end before it starts, and is there while it can be watched, or could be.
func TestRecording_States(t *testing.T) {
	r := rooms.New(0, rooms.Hooks{Over: func(*rooms.Meeting, time.Time) {}, Taken: func(string) bool { return false }})
	m, _, _ := r.Admit(rooms.Wanted{ID: "short"}, now)
	r.End(m, now)
	shelf := recorded.NewShelf([]string{"video"}, time.Minute)
	shelf.Add(m, now)
	if rec := shelf.Find(m.Internal); rec == nil || !rec.End.Equal(rec.Start) || rec.IsThere() || rec.State != recorded.Processing {
		t.Errorf("in the making: %+v", rec)
	}
	done := shelf.Process(now.Add(time.Minute))
	if len(done) != 1 || !done[0].IsThere() || shelf.Process(now.Add(time.Hour)) != nil {
		t.Errorf("done: %+v", done)
	}
	for state, want := range map[string]bool{recorded.Unpublished: true, recorded.Deleted: false} {
		if rec := (recorded.Recording{State: state}); rec.IsThere() != want {
			t.Errorf("%s: %v", state, rec.IsThere())
		}
	}
	if shelf.Find("none") != nil {
		t.Error("what is not there is found")
	}
}

// The name of a format is one for a directory and an address.
func TestValidFormat(t *testing.T) {
	good := []string{"video", "a", "my_format-2", strings.Repeat("x", 32)}
	for _, name := range slices.Concat(good, []string{"", "Video", "a/b", "..", "a b", strings.Repeat("x", 33)}) {
		if recorded.ValidFormat(name) != slices.Contains(good, name) {
			t.Errorf("%q: %v", name, recorded.ValidFormat(name))
		}
	}
}
