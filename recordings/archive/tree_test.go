package archive_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/store"
)

// place unpacks one format of one recording, and returns its directory.
func place(t testing.TB, members ...member) string {
	t.Helper()
	trees, _, err := unpack(t, pack(t, whole("video", id, members...)...))
	if err != nil {
		t.Fatal(err)
	}
	return trees[0].Dir
}

// A directory in its place reads as it did when it was unpacked, whichever way it is named.
func TestRead(t *testing.T) {
	trees, dst, err := unpack(t, pack(t, whole("video", id, file("a", "12345"), file("b/c", "6"), file("data.gz", "789"))...))
	if err != nil {
		t.Fatal(err)
	}
	got, err := archive.Read(trees[0].Dir + "/")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(trees[0], got); diff != "" {
		t.Error(diff)
	}
	if got.Bytes != int64(len(metadata(id))+9) || got.Files != 4 {
		t.Errorf("%d bytes in %d files", got.Bytes, got.Files)
	}
	t.Chdir(filepath.Join(dst, "video", id))
	if got, err = archive.Read("."); err != nil || got.Dir != "." || got.Format != "video" || got.RecordID != id {
		t.Errorf("from within: got %+v, %v", got, err)
	}
}

// What the disk must not have in a recording is refused, and nothing is followed.
func TestRead_Refuses(t *testing.T) {
	for title, c := range map[string]struct {
		do            func(dir string) error
		member, words string
	}{
		"symbolic link":    {func(dir string) error { return os.Symlink("/etc", dir+"/x") }, "/x", "is a symbolic link; only files"},
		"link inside":      {func(dir string) error { return os.Symlink("metadata.xml", dir+"/x") }, "/x", "is a symbolic link; only files"},
		"dangling link":    {func(dir string) error { return os.Symlink("none", dir+"/x") }, "/x", "is a symbolic link; only files"},
		"FIFO":             {func(dir string) error { return syscall.Mkfifo(dir+"/x", 0o600) }, "/x", "is a FIFO; only files"},
		"missing metadata": {func(dir string) error { return os.Remove(dir + "/metadata.xml") }, "/metadata.xml", "is missing"},
		"FIFO for metadata": {func(dir string) error {
			return errors.Join(os.Remove(dir+"/metadata.xml"), syscall.Mkfifo(dir+"/metadata.xml", 0o600))
		}, "/metadata.xml", "is a FIFO"},
		"other metadata": {func(dir string) error {
			return os.WriteFile(dir+"/metadata.xml", []byte(metadata(otherID)), 0o600)
		}, "/metadata.xml", otherID},
	} {
		t.Run(title, func(t *testing.T) {
			dir := place(t)
			if err := c.do(dir); err != nil {
				t.Fatal(err)
			}
			_, err := archive.Read(dir)
			wantFault(t, err, "video/"+id+c.member, c.words, false)
		})
	}
}

// A directory by another name is at fault; one that is not there is an error of the disk.
func TestRead_Places(t *testing.T) {
	dir := place(t)
	upper := filepath.Join(filepath.Dir(filepath.Dir(dir)), "Video")
	if err := os.Rename(filepath.Dir(dir), upper); err != nil {
		t.Fatal(err)
	}
	_, err := archive.Read(filepath.Join(upper, id))
	wantFault(t, err, "Video/"+id, "is no name for a format", false)
	_, err = archive.Read(dir)
	if _, ok := errors.AsType[*archive.Error](err); ok || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A link in the place of a recording is followed, to nothing but a directory; links in there are not.
func TestRead_Linked(t *testing.T) {
	dir := place(t, file("a", "1"))
	moved := filepath.Join(t.TempDir(), "moved")
	for _, err := range []error{os.Rename(dir, moved), os.Symlink(moved, dir)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := archive.Read(dir)
	if err != nil || got.Dir != moved || got.Format != "video" || got.RecordID != id || got.Files != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(moved, "x")); err != nil {
		t.Fatal(err)
	}
	_, err = archive.Read(dir)
	wantFault(t, err, "video/"+id+"/x", "is a symbolic link", false)
	for target, words := range map[string]string{"/none": "leads nowhere", dir: "leads nowhere", moved + "/a": "not to a directory"} {
		if err := errors.Join(os.Remove(dir), os.Symlink(target, dir)); err != nil {
			t.Fatal(err)
		}
		_, err = archive.Read(dir)
		wantFault(t, err, "video/"+id, words, false)
	}
}

// Formats become one recording: presentation is right, the others fill in what it does not tell.
func TestMerge(t *testing.T) {
	early, late := time.UnixMilli(1000).UTC(), time.UnixMilli(9000).UTC()
	video := store.Recording{
		RecordID: id, MeetingID: "room", Name: "of video", State: store.Unpublished, Start: early, End: late, Participants: 7,
		RawSize: 5, Breakout: &store.Breakout{Sequence: 1}, BreakoutRooms: []string{otherID},
		Meta: map[string]string{"a": "video", "b": "video"}, Formats: []store.Format{{Type: "video", Bytes: 1}},
	}
	slides := store.Recording{
		RecordID: id, MeetingID: id, Name: "of slides", State: store.Published, Start: late,
		Meta: map[string]string{"a": "slides"}, Formats: []store.Format{{Type: "presentation", Bytes: 2}},
	}
	other := store.Recording{RecordID: otherID, MeetingID: "x", State: store.Published, Formats: []store.Format{{Type: "notes"}}}
	trees := []archive.Tree{
		{Format: "notes", RecordID: otherID, Recording: other},
		{Format: "video", RecordID: id, Recording: video},
		{Format: "presentation", RecordID: id, Recording: slides},
		{Format: "video", RecordID: id, Recording: video},
	}
	want := []store.Recording{{
		RecordID: id, MeetingID: "room", Name: "of slides", State: store.Published, Start: late, End: late, Participants: 7,
		RawSize: 5, Breakout: &store.Breakout{Sequence: 1}, BreakoutRooms: []string{otherID},
		Meta:    map[string]string{"a": "slides", "b": "video"},
		Formats: []store.Format{{Type: "presentation", Bytes: 2}, {Type: "video", Bytes: 1}},
	}, other}
	if diff := cmp.Diff(want, archive.Merge(trees)); diff != "" {
		t.Error(diff)
	}
	if slides.Meta["b"] != "" || len(archive.Merge(nil)) != 0 {
		t.Error("the trees were changed, or something came from nothing")
	}
}

// Large texts get a smaller copy of the same age; nothing else does.
func TestCompress(t *testing.T) {
	long := strings.Repeat("<svg>shape</svg>\n", 1000)
	name := strings.Repeat("n", 251) + ".svg" // leaves no room for more
	dir := place(t, file("shapes.svg", long), file("deep/Notes.HTML", long), file("small.svg", "<svg/>"), file("film.mp4", long),
		file("noise.json", noise(8000)), file(name, long))
	before, err := archive.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time changes nothing
		if err := archive.Compress(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	var copies []string
	for name := range files(t, dir) {
		if strings.HasSuffix(name, ".gz") || strings.HasPrefix(name, ".") {
			copies = append(copies, name)
		}
	}
	if len(copies) != 2 {
		t.Errorf("got the copies %q, want two", copies)
	}
	info, err := os.Stat(filepath.Join(dir, "shapes.svg.gz"))
	if err != nil || !info.ModTime().Equal(modified) || info.Size() > int64(len(long))/10 {
		t.Errorf("got %+v, %v", info, err)
	}
	if got := gunzipped(t, files(t, dir)["deep/Notes.HTML.gz"]); got != long {
		t.Errorf("the copy has %d bytes in it, and not what the text has", len(got))
	}
	if after, err := archive.Read(dir); err != nil || after.Bytes != before.Bytes || after.Files != before.Files {
		t.Errorf("the recording had %d bytes, and has %d (%v)", before.Bytes, after.Bytes, err)
	}
}

// A copy that is out of date is replaced, or goes when it is not worth it any more.
func TestCompress_Again(t *testing.T) {
	long := strings.Repeat("caption\n", 1000)
	dir := place(t, file("captions.vtt", long), file("notes.txt", long))
	if err := archive.Compress(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{"captions.vtt": long + long, "notes.txt": "short", ".captions.vtt.gz": "left over"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Compress(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	got := files(t, dir)
	got["captions.vtt.gz"] = gunzipped(t, got["captions.vtt.gz"])
	want := map[string]string{
		"metadata.xml": metadata(id), "captions.vtt": long + long, "notes.txt": "short", "captions.vtt.gz": long + long,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Errors are those of the disk and of the context.
func TestCompress_Errors(t *testing.T) {
	dir := place(t, file("captions.vtt", strings.Repeat("caption\n", 1000)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := archive.Compress(ctx, dir); !errors.Is(err, ctx.Err()) {
		t.Errorf("got %v", err)
	}
	if err := archive.Compress(t.Context(), dir+"x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
