package archive_test

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/archive"
)

// FuzzUnpack gives it anything. It must not panic, must not touch what is around its directory, must keep its limits,
// and whatever it says is there must be there.
func FuzzUnpack(f *testing.F) {
	limits := archive.Limits{Bytes: 32 << 10, Files: 20}
	good := pack(f, append(whole("video", id, file("a.png", strings.Repeat("abc", 100)), file("b/c", "")),
		whole("./presentation", otherID)...)...)
	link := pack(f, append(whole("video", id), member{"video/" + id + "/x", "", of('2')}, file("video/"+id+"/x/y", "z"))...)
	for _, b := range [][]byte{
		good, link, pack(f, append(whole("video", id), file("../x", "y"))...),
		slices.Concat(header("h", 'x', 22), []byte("22 GNU.sparse.major=1\n"), make([]byte, 490), header("a", '0', 0)),
		slices.Concat(header("h", 'L', 20), make([]byte, 512), header("a", '5', 0), make([]byte, 1024)),
	} {
		f.Add(b)
		f.Add(gzipped(f, b))
		f.Add(zstandard(f, b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkUnpack(t, b, limits)
		if mended := mend(b); !bytes.Equal(mended, b) {
			checkUnpack(t, mended, limits)
		}
	})
}

// mend gives all headers of a tar archive the right checksum, for few get past that by chance.
func mend(b []byte) []byte {
	b = slices.Clone(b)
	for block := range slices.Chunk(b, 512) {
		if len(block) == 512 && bytes.HasPrefix(block[257:], []byte("ustar")) {
			seal(block)
		}
	}
	return b
}

func checkUnpack(t *testing.T, b []byte, limits archive.Limits) {
	t.Helper()
	around := t.TempDir()
	dst := filepath.Join(around, "a", "b")
	if err := errors.Join(os.MkdirAll(dst, 0o750), os.WriteFile(filepath.Join(around, "x"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	trees, err := archive.Unpack(t.Context(), bytes.NewReader(b), dst, limits)
	checkError(t, err)
	checkAround(t, around, limits)
	if err == nil && len(trees) == 0 {
		t.Error("neither a recording nor an error")
	}
	for _, tree := range trees {
		again, err := archive.Read(tree.Dir)
		if diff := cmp.Diff(tree, again); err != nil || diff != "" {
			t.Errorf("read again: %v\n%s", err, diff)
		}
	}
}

// checkError takes the faults of an archive alone, in printable words.
func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if _, ok := errors.AsType[*archive.Error](err); !ok {
		t.Errorf("%v is no fault of the archive", err)
	}
	if strings.ContainsFunc(err.Error(), unicode.IsControl) {
		t.Errorf("%q does not fit into a line", err)
	}
}

func checkAround(t *testing.T, around string, limits archive.Limits) {
	t.Helper()
	size, count := 0, 0
	for name, body := range files(t, around) {
		if below, ok := strings.CutPrefix(name, "a/b/"); ok && below != "" {
			size += len(body)
			count++
			continue
		}
		if name != "a/" && name != "a/b/" && (name != "x" || body != "x") {
			t.Errorf("%q with %q is outside of the directory", name, body)
		}
	}
	if int64(size) > limits.Bytes || count > 2*limits.Files {
		t.Errorf("%d bytes in %d files and directories are beyond the limits", size, count)
	}
}

// FuzzMetadata gives it any XML. It must not panic, and what it takes must be fit for an answer to a front end.
func FuzzMetadata(f *testing.F) {
	for _, doc := range []string{
		full, metadata(id), "", "<?xml version='1.0' encoding='latin1'?><recording><id>" + id + "</id><a>\xe4&#11;</a></recording>",
		"<recording><id>" + id + "</id><playback><link>http://a//b?c</link></playback></recording>",
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := archive.ParseMetadata(bytes.NewReader(b), "video", id)
		checkError(t, err)
		if err != nil {
			return
		}
		if r.RecordID != id || r.MeetingID == "" || r.State == "" || len(r.Formats) != 1 || len(r.Meta) > 500 ||
			len(r.MeetingID) > 512 || len(r.Name) > 1024 || len(r.Formats[0].Images) > 200 {
			t.Errorf("got %+v", r)
		}
		paths := []string{r.Formats[0].Path}
		for _, i := range r.Formats[0].Images {
			paths = append(paths, i.Path)
		}
		for _, path := range paths {
			if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || len(path) > 2048 ||
				strings.ContainsAny(path, "\\<>\" \r\n") {
				t.Errorf("a browser would follow %q", path)
			}
			if plain, err := url.PathUnescape(path); err != nil || !strings.Contains(plain, id) {
				t.Errorf("%q is of another recording (%v)", path, err)
			}
		}
	})
}
