package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/bbbpool/bbbpool/recordings/archive"
)

const (
	id      = "183f0bf3a0982a127bdb8161e0c44eb696b3e75c-1712758751753"
	otherID = "ffff0bf3a0982a127bdb8161e0c44eb696b3e75c-1712758759999"
)

var modified = time.Unix(1_712_760_000, 0)

// member is what a test puts into an archive: a file unless its name ends in a slash or its header says otherwise.
type member struct {
	name, body string
	change     func(*tar.Header)
}

func file(name, body string) member { return member{name: name, body: body} }

func of(kind byte) func(*tar.Header) {
	return func(h *tar.Header) { h.Typeflag, h.Linkname = kind, "target" }
}

// metadata is the least that a metadata.xml holds.
func metadata(recordID string) string {
	return "<recording><id>" + recordID + "</id></recording>"
}

// whole is a format of a recording, with what else is given below its directory.
func whole(format, recordID string, members ...member) []member {
	root := format + "/" + recordID + "/"
	list := []member{file(root+"metadata.xml", metadata(recordID))}
	for _, m := range members {
		m.name = root + m.name
		list = append(list, m)
	}
	return list
}

func pack(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: tar.TypeReg, Size: int64(len(m.body)), Mode: 0o4777, Uid: 1234, ModTime: modified}
		if strings.HasSuffix(m.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if m.change != nil {
			m.change(h)
		}
		if h.Typeflag != tar.TypeReg {
			h.Size = 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(m.body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// gunzipped returns what was compressed, by itself: a name or a time in it would make it another file each time.
func gunzipped(t testing.TB, packed string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if z.Name != "" || !z.ModTime.IsZero() {
		t.Errorf("there is a name or a time in it: %+v", z.Header)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func zstandard(t testing.TB, b []byte, options ...zstd.EOption) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	out := z.EncodeAll(b, nil)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

func unpack(t testing.TB, b []byte) ([]archive.Tree, string, error) {
	t.Helper()
	dst := t.TempDir()
	trees, err := archive.Unpack(t.Context(), bytes.NewReader(b), dst, archive.Limits{})
	return trees, dst, err
}

// wantFault checks that an error is the fault of the archive, about the member and in the words that are given.
func wantFault(t testing.TB, err error, member, words string, incomplete bool) {
	t.Helper()
	f, ok := errors.AsType[*archive.Error](err)
	if !ok {
		t.Fatalf("got %v, want a fault", err)
	}
	if f.Member != member || !strings.Contains(f.What, words) || f.Incomplete != incomplete {
		t.Errorf("got %q, %q, incomplete %t; want %q, %q, %t", f.Member, f.What, f.Incomplete, member, words, incomplete)
	}
}

// files returns the content of all files below a directory, by their names; directories end in a slash.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	list := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			list[rel+"/"] = ""
			return nil
		}
		b, err := os.ReadFile(path)
		list[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// noise is what no compression makes smaller.
func noise(size int) string {
	p := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(p) // never fails
	return string(p)
}
