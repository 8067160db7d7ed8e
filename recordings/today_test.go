package recordings_test

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// today are files that a presentation has since BigBlueButton 3.0, and from 4.1 on: the layouts, captions beside their list,
// and what was pasted into the chat.
var today = map[string]string{
	"layout.xml":                       "<recording><layouts/></recording>",
	"captions.json":                    `[{"locale":"de","localeName":"Deutsch"}]`,
	"caption_de.vtt":                   "WEBVTT\n\n00:00.000 --> 00:01.000\nHallo\n",
	"file-uploads/0a1b-2c.png":         "\x89PNG\r\n\x1a\n pasted",
	"file-uploads/ohne endung — ü":     "pasted, without an ending",
	"file-uploads/sub/dir/picture.gif": "GIF89a",
}

// packToday is an archive with such files, their content changed by a word.
func packToday(t *testing.T, m made, word string) []byte {
	t.Helper()
	plain := pack(t, m)
	var b bytes.Buffer
	from, to := tar.NewReader(bytes.NewReader(plain)), tar.NewWriter(&b)
	add := func(name string, content []byte) {
		err := to.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = to.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for h, err := from.Next(); err != io.EOF; h, err = from.Next() {
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		add(h.Name, content)
	}
	for _, name := range slices.Sorted(maps.Keys(today)) {
		add(m.format+"/"+m.id+"/"+name, []byte(today[name]+word))
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hasToday fails unless the library has these files, byte for byte.
func (p *pool) hasToday(t *testing.T, id, word string) {
	t.Helper()
	for name, want := range today {
		f, err := p.Library.Open(id, "presentation", name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(f)
		_ = f.Close()
		if err != nil || string(got) != want+word {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

// Files that only newer releases make are carried like all others, by Scalelite's spool as well as by upload, in one archive of
// a recording as in one of a format, and are replaced when the server sends the recording again.
func TestImport_FilesOfToday(t *testing.T) {
	p := start(t, nil)
	by := map[string]func(name string, content []byte) string{
		"spool": func(name string, content []byte) string {
			p.drop(t, name, content)
			return name
		},
		"upload": func(name string, content []byte) string { return p.upload(t, "bbb1", name, content) },
	}
	n := 0
	for _, way := range slices.Sorted(maps.Keys(by)) {
		for _, suffix := range []string{"", "-presentation"} {
			n++
			id := recordID(n)
			m := made{id: id, format: "presentation", meetingID: "room", media: "slides"}
			p.waitFor(t, by[way](id+suffix+".tar", packToday(t, m, "")), store.JobDone)
			p.hasToday(t, id, "")
			if m.media = "slides again"; way == "upload" {
				p.waitFor(t, by[way](id+suffix+".tar", packToday(t, m, " again")), store.JobDone)
				p.hasToday(t, id, " again")
			}
		}
	}
	report, err := p.Verify(t.Context(), recordings.VerifyOptions{}, func(recordings.Progress) {})
	if err != nil || len(report.Findings) != 0 {
		t.Errorf("%+v %v", report.Findings, err)
	}
}
