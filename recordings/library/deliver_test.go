package library_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// Files are delivered from the published and the unpublished tree, directories too, and the trash plays nothing.
func TestOpen(t *testing.T) {
	r := newRig(t)
	r.put(t, "p", store.Published, "presentation")
	r.put(t, "u", store.Unpublished, "video")
	r.put(t, "d", store.Deleted, "podcast")
	for format, want := range map[string]string{"presentation": "p", "video": "u"} {
		file, err := r.Open(id, format, "presentation/a/slide-1.png")
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.(io.Seeker).Seek(0, io.SeekEnd)
		content := make([]byte, 1)
		_, errRead := file.(io.ReaderAt).ReadAt(content, 0)
		succeed(t, err, errRead, file.Close())
		if string(content) != want {
			t.Errorf("%s: %q", format, content)
		}
		dir, err := r.Open(id, format, ".")
		if err != nil {
			t.Fatal(err)
		}
		entries, err := dir.(fs.ReadDirFile).ReadDir(-1)
		if err != nil || len(entries) != 3 {
			t.Errorf("%d entries, %v", len(entries), err)
		}
		succeed(t, dir.Close())
		if path, ok := r.Path(id, format); !ok || filepath.Base(path) != id {
			t.Errorf("path %s, %t", path, ok)
		}
	}
	_, err := r.Open(id, "podcast", "metadata.xml")
	mentions(t, err, fs.ErrNotExist)
	if path, ok := r.Path(id, "podcast"); ok {
		t.Errorf("path in the trash: %s", path)
	}
}

// Nothing outside the recording is ever opened, nothing hidden, and nothing that would hang; inner links are followed.
func TestOpen_Refused(t *testing.T) {
	r := newRig(t)
	r.put(t, "p", store.Published, "video")
	dir := filepath.Join(r.Published, "video", id)
	writeFile(t, filepath.Join(r.Published, "secret"), "secret")
	writeFile(t, filepath.Join(dir, ".htaccess"), "secret")
	for name, target := range map[string]string{
		"absolute": filepath.Join(r.Published, "secret"), "up": "../../secret", "other": "..", "loop": "loop",
		"inner": "metadata.xml",
	} {
		succeed(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	for _, name := range []string{
		"absolute", "up", "other/" + id + "/metadata.xml", "loop", ".htaccess", "video/.x", "", "/", "/metadata.xml",
		"../../secret", "video/../metadata.xml", "video//webcams.webm", "video/", "none", "metadata.xml/x", "a\x00b",
		"pipe", strings.Repeat("x", 300), strings.Repeat("x/", 3000) + "x",
	} {
		if file, err := r.Open(id, "video", name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%.30q: %v, %v", name, file, err)
		}
	}
	file, err := r.Open(id, "video", "inner")
	succeed(t, err)
	succeed(t, file.Close())
}

// A walk sees every format in every tree, more than fit into one batch, and says what cannot be a recording.
func TestWalk(t *testing.T) {
	r := newRig(t)
	want := map[string]bool{}
	expect := func(state store.RecordingState, name string, alien bool) {
		succeed(t, os.MkdirAll(filepath.Join(r.tree(state), name), 0o755))
		want[string(state)+" "+name] = alien
	}
	for i := range 300 {
		expect(store.Published, filepath.Join("video", strings.Repeat("r", i%100+1)+string(rune('a'+i/100))), false)
	}
	expect(store.Unpublished, "presentation/"+id, false)
	expect(store.Deleted, "podcast/"+id, false)
	expect(store.Published, "lost+found", true)
	expect(store.Published, "video/no id", true)
	expect(store.Unpublished, ".hidden", true)
	succeed(t, os.Symlink(r.Published+"/video", filepath.Join(r.Deleted, "link")))
	want["deleted link"] = true
	writeFile(t, filepath.Join(r.Published, "file"), "")
	writeFile(t, filepath.Join(r.Published, "video", "file"), "")
	r.stage(t, "job", id, "x", "video")

	got := map[string]bool{}
	err := r.Walk(t.Context(), func(f library.Found) error {
		name, err := filepath.Rel(r.tree(f.State), f.Dir)
		got[string(f.State)+" "+name] = f.Alien
		if !f.Alien && name != f.Format+"/"+f.RecordID {
			t.Errorf("%+v", f)
		}
		return err
	})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	err = r.Walk(ctx, func(library.Found) error { cancel(); seen++; return nil })
	if !errors.Is(err, context.Canceled) || seen != 1 {
		t.Errorf("cancelled: %d, %v", seen, err)
	}
	stop := errors.New("stop")
	mentions(t, r.Walk(t.Context(), func(library.Found) error { return stop }), stop)
}

// A link in the place of a format or of a recording is said to be one; others are somebody else's.
func TestWalk_Links(t *testing.T) {
	r := newRig(t)
	outside := t.TempDir()
	succeed(t, os.Mkdir(filepath.Join(r.Published, "video"), 0o755))
	want := map[string]bool{"podcast": true, "video/" + id: true, "Format": false, "video/no id": false}
	for name := range want {
		succeed(t, os.Symlink(outside, filepath.Join(r.Published, name)))
	}
	got := map[string]bool{}
	succeed(t, r.Walk(t.Context(), func(f library.Found) error {
		name, err := filepath.Rel(r.Published, f.Dir)
		got[name] = f.Link
		if !f.Alien {
			t.Errorf("%+v", f)
		}
		return err
	}))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What cannot be placed is not sealed, for it would be committed.
func TestSeal_Links(t *testing.T) {
	for _, link := range []string{"video", "video/" + id} {
		r := newRig(t)
		path := filepath.Join(r.Unpublished, link)
		succeed(t, os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(t.TempDir(), path))
		dir, err := r.Stage("job")
		succeed(t, err)
		write(t, filepath.Join(dir, "video", id), "new")
		mentions(t, r.Seal("job"), nil, path, "links are not followed")
		succeed(t, os.Remove(path), r.Seal("job"))
	}
}

// A note is what was set last, and an empty one is none. One that is too large is refused.
func TestNote(t *testing.T) {
	r := newRig(t)
	for _, note := range []string{"", `{"a":1}`, `{"b":2}`, "", `{"c":3}`} {
		succeed(t, r.SetNote(id, []byte(note)))
		if got, err := r.Note(id); err != nil || string(got) != note {
			t.Errorf("%q, %v, want %q", got, err, note)
		}
	}
	mentions(t, r.SetNote(id, make([]byte, 1<<20+1)), nil, id, "1048577 bytes")
	found, err := filepath.Glob(filepath.Join(r.Published, ".bbbpool/notes/??/*"))
	if err != nil || !slices.ContainsFunc(found, func(p string) bool { return filepath.Base(p) == id+".json" }) {
		t.Errorf("%q, %v", found, err)
	}
}

// Directories must be named, and beside each other.
func TestNew(t *testing.T) {
	dir := t.TempDir()
	good := dirsIn(dir)
	for _, test := range []struct {
		change func(d *library.Dirs)
		text   string
	}{
		{func(d *library.Dirs) { d.Deleted = "" }, "no directory for deleted"},
		{func(d *library.Dirs) { d.Deleted = d.Published }, "inside"},
		{func(d *library.Dirs) { d.Deleted = d.Published + "/deleted" }, "inside"},
		{func(d *library.Dirs) { d.Published = dir }, "inside"},
	} {
		d := good
		test.change(&d)
		_, err := library.New(d)
		mentions(t, err, nil, test.text)
	}
	l, err := library.New(good)
	succeed(t, err)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("made before the volume is known to be right: %v, %v", entries, err)
	}
	writeFile(t, good.Published, "a file")
	mentions(t, l.Prepare(), nil, good.Published)
}
