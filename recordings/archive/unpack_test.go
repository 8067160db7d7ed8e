package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/archive"
)

// An archive may hold many formats of many recordings, in any order; they come back sorted.
func TestUnpack(t *testing.T) {
	members := slices.Concat(
		[]member{file("./", ""), file("./video/", ""), file("./video/"+otherID+"/", "")},
		whole("./video", otherID, file("video-0.m4v", "film")),
		whole("video", id, file("deep/er/thumb.png", strings.Repeat("x", 3<<20))),
		whole("presentation", id, file("leer zeichen ü.svg", "<svg/>"), file("deep/er/", "")),
	)
	plain := pack(t, members...)
	for name, b := range map[string][]byte{
		"plain": plain, "gzip": gzipped(t, plain), "zstd": zstandard(t, plain),
		"gzip in two parts":           append(gzipped(t, plain[:700]), gzipped(t, plain[700:])...),
		"zstd behind a frame to skip": append([]byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), zstandard(t, plain)...),
		"padded":                      append(slices.Clone(plain), make([]byte, 10<<10)...),
	} {
		t.Run(name, func(t *testing.T) {
			trees, dst, err := unpack(t, b)
			if err != nil {
				t.Fatal(err)
			}
			type tree struct {
				Format, RecordID, Dir string
				Files                 int
				Bytes                 int64
			}
			var got []tree
			for _, tr := range trees {
				got = append(got, tree{tr.Format, tr.RecordID, tr.Dir, tr.Files, tr.Bytes})
				if f := tr.Recording.Formats; len(f) != 1 || f[0].Type != tr.Format || f[0].Bytes != tr.Bytes {
					t.Errorf("%s: formats %+v", tr.Dir, f)
				}
			}
			size := int64(len(metadata(id)))
			want := []tree{
				{"presentation", id, filepath.Join(dst, "presentation", id), 2, size + 6},
				{"video", id, filepath.Join(dst, "video", id), 2, size + 3<<20},
				{"video", otherID, filepath.Join(dst, "video", otherID), 2, size + 4},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if got := files(t, dst)["video/"+otherID+"/video-0.m4v"]; got != "film" {
				t.Errorf("the film is %q", got)
			}
		})
	}
}

// Modes and owners are ours, times of modification the archive's.
func TestUnpack_Attributes(t *testing.T) {
	odd := func(h *tar.Header) { h.ModTime = h.ModTime.AddDate(300, 0, 0) }
	_, dst, err := unpack(t, pack(t, whole("video", id, file("a", "a"), member{name: "odd", body: "b", change: odd})...))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dst, "video", id, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode(); mode&^0o644 != 0 {
		t.Errorf("mode %v", mode)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; int(uid) != os.Geteuid() {
		t.Errorf("owner %d", uid)
	}
	if !info.ModTime().Equal(modified) {
		t.Errorf("modified %v, want %v", info.ModTime(), modified)
	}
	if info, err = os.Stat(filepath.Join(dst, "video", id, "odd")); err != nil || info.ModTime().Year() > 2106 {
		t.Errorf("modified %v (%v), want a time that every file system can keep", info.ModTime(), err)
	}
}

// Names that differ in case are two files, long names and global headers are read, litter is not there.
func TestUnpack_Names(t *testing.T) {
	long := strings.Repeat("long-", 40) + "/" + strings.Repeat("name", 60)
	gnu := func(h *tar.Header) { h.Format = tar.FormatGNU }
	pax := func(h *tar.Header) { h.PAXRecords = map[string]string{"BBBPOOL.test": "x"} }
	members := slices.Concat(
		[]member{
			{name: "pax_global_header", change: func(h *tar.Header) {
				*h = tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: h.Name, PAXRecords: map[string]string{"comment": "x"}}
			}},
			file("._video", "mac"), file(".DS_Store", "mac"), file("video/._"+id, "mac"), file("video/.AppleDouble/x", "mac"),
			file(".~tmp~/", ""), file("empty/", ""),
		},
		whole("video", id, file("a", "1"), file("A", "2"), file("._a", "mac"), file(".nfs00a1", "nfs"),
			member{name: long + "g", body: "3", change: gnu}, member{name: long + "p", body: "4", change: pax}),
	)
	_, dst, err := unpack(t, pack(t, members...))
	if err != nil {
		t.Fatal(err)
	}
	root := "video/" + id + "/"
	want := map[string]string{
		"video/": "", root: "", root + "metadata.xml": metadata(id), root + "a": "1", root + "A": "2",
		root + strings.Repeat("long-", 40) + "/": "", root + long + "g": "3", root + long + "p": "4",
	}
	if diff := cmp.Diff(want, files(t, dst)); diff != "" {
		t.Error(diff)
	}
}

// What directories of servers have in them is taken from an archive as well: it plays where the rest does, and what no
// address can name is kept, and shown to nobody.
func TestUnpack_Odd(t *testing.T) {
	root := "video/" + id + "/"
	_, dst, err := unpack(t, pack(t, append(whole("video", id,
		file("a", "film"), file(".htaccess", "h"), file(".well/known", "k"), file("a\\b", "b"), file("..\\x", "x"),
		file("a\nb", "n"), file("a\u0085b", "c"), file("t\xe9l\xe9", "l")),
		link(root+"again", root+"a"), link("./"+root+"deep/third", "./"+root+"again"))...))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"video/": "", root: "", root + "metadata.xml": metadata(id), root + "a": "film", root + "again": "film",
		root + "deep/": "", root + "deep/third": "film", root + ".htaccess": "h", root + ".well/": "", root + ".well/known": "k",
		root + `a\b`: "b", root + `..\x`: "x", root + "a\nb": "n", root + "a\u0085b": "c", root + "t\xe9l\xe9": "l",
	}
	if diff := cmp.Diff(want, files(t, dst)); diff != "" {
		t.Error(diff)
	}
	read, err := archive.Read(filepath.Join(dst, root))
	if err != nil || read.Bytes != int64(len(metadata(id))+3*4+7) {
		t.Errorf("read as a directory: %d bytes, %v", read.Bytes, err)
	}
}

// A further name of a large file counts like another file, and is asked for like one: a bomb of names is a bomb.
func TestUnpack_LinkBomb(t *testing.T) {
	root := "video/" + id + "/"
	b := pack(t, append(whole("video", id, file("a", strings.Repeat("x", 3<<20))), link(root+"b", root+"a"), link(root+"c", root+"b"))...)
	_, err := archive.Unpack(t.Context(), bytes.NewReader(b), t.TempDir(), archive.Limits{Bytes: 7 << 20})
	wantFault(t, err, root+"c", "the limit", false)
	asked := int64(0)
	more := func(n int64) error { asked += n; return nil }
	if _, err = archive.Unpack(t.Context(), bytes.NewReader(b), t.TempDir(), archive.Limits{More: more}); err != nil || asked < 9<<20 {
		t.Errorf("asked for %d bytes, %v", asked, err)
	}
	large := pack(t, append(whole("video", id, file("a", strings.Repeat("x", 2<<20))), link("podcast/"+id+"/metadata.xml", root+"a"))...)
	_, _, err = unpack(t, large)
	wantFault(t, err, "podcast/"+id+"/metadata.xml", "1048576", false)
}

// link is a hard link.
func link(name, to string) member {
	return member{name: name, change: func(h *tar.Header) { h.Typeflag, h.Linkname = tar.TypeLink, to }}
}

// What is hostile or wrong is refused by name, in words, and leaves nothing behind it.
func TestUnpack_Refuses(t *testing.T) {
	root := "video/" + id + "/"
	for name, c := range map[string]struct {
		member        member
		about, refuse string
	}{
		"traversal":         {file(root+"../../../x", "x"), root + "../../../x", `".."`},
		"traversal at once": {file("../x", "x"), "../x", `".."`},
		"hidden traversal":  {file(root+"._x/../../../../x", "x"), root + "._x/../../../../x", `".."`},
		"dot inside":        {file(root+"./x", "x"), root + "./x", `"."`},
		"absolute":          {file("/etc/x", "x"), "/etc/x", "absolute"},
		"two slashes":       {file("video//"+id+"/x", "x"), "video//" + id + "/x", "between two slashes"},
		"too deep":          {file(root+strings.Repeat("a/", 14)+"x", "x"), root + strings.Repeat("a/", 14) + "x", "17 levels"},
		"long element":      {file(root+strings.Repeat("a", 256), "x"), (root + strings.Repeat("a", 256))[:200], "255 bytes"},
		"symbolic link":     {member{root + "x", "", of(tar.TypeSymlink)}, root + "x", "a symbolic link"},
		"device":            {member{root + "x", "", of(tar.TypeChar)}, root + "x", "a device"},
		"block device":      {member{root + "x", "", of(tar.TypeBlock)}, root + "x", "a device"},
		"FIFO":              {member{root + "x", "", of(tar.TypeFifo)}, root + "x", "a FIFO"},
		"unknown type":      {member{root + "x", "", of('Q')}, root + "x", "unknown type 'Q'"},
		"link as litter":    {member{root + "._x", "", of(tar.TypeSymlink)}, root + "._x", "a symbolic link"},
		"link to nothing":   {link(root+"x", root+"y"), root + "x", `"` + root + `y", which is no file before it`},
		"link to outside":   {link(root+"x", "../../../../etc/passwd"), root + "x", "no file before it"},
		"link to the root":  {link(root+"x", "/etc/passwd"), root + "x", "no file before it"},
		"link to directory": {link(root+"x", "video/"+id), root + "x", "no file before it"},
		"link to itself":    {link(root+"x", root+"x"), root + "x", "no file before it"},
		"link as traversal": {link(root+"../../../x", root+"metadata.xml"), root + "../../../x", `".."`},
		"link twice":        {link(root+"metadata.xml", root+"metadata.xml"), root + "metadata.xml", "twice"},
		"hidden at the top": {file(".ssh/authorized_keys", "x"), ".ssh/authorized_keys", "hidden"},
		"file twice":        {file(root+"metadata.xml", "x"), root + "metadata.xml", "twice"},
		"file as directory": {file(root+"metadata.xml/x", "x"), root + "metadata.xml", "is a file elsewhere"},
		"directory as file": {file("video/"+id, "x"), "video/" + id, "outside of <format>/<recordID>/"},
		"top":               {file("README", "x"), "README", "outside of <format>/<recordID>/"},
		"format":            {file("Video/"+id+"/x", "x"), "Video/" + id + "/x", "is no name for a format"},
		"long format":       {file(strings.Repeat("v", 65)+"/", ""), strings.Repeat("v", 65), "is no name for a format"},
		"record ID":         {file("video/a b/x", "x"), "video/a b/x", "cannot be a record ID"},
		"long record ID":    {file("video/"+strings.Repeat("a", 129)+"/", ""), "video/" + strings.Repeat("a", 129), "cannot be a record ID"},
		"no metadata":       {file("podcast/"+id+"/audio.ogg", "x"), "podcast/" + id + "/metadata.xml", "is missing"},
		"bad metadata":      {file("podcast/"+id+"/metadata.xml", "<recording>"), "podcast/" + id + "/metadata.xml", "line 1"},
		"metadata of other": {file("podcast/"+id+"/metadata.xml", metadata(otherID)), "podcast/" + id + "/metadata.xml", otherID},
		"metadata is huge": {
			file("podcast/"+id+"/metadata.xml", strings.Repeat("x", 1<<20+1)), "podcast/" + id + "/metadata.xml", "1048576",
		},
		"metadata is a directory": {file("podcast/"+id+"/metadata.xml/", ""), "podcast/" + id + "/metadata.xml", "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			around := t.TempDir()
			dst := filepath.Join(around, "a", "b", "dst")
			if err := os.MkdirAll(dst, 0o750); err != nil {
				t.Fatal(err)
			}
			b := pack(t, append(whole("video", id), c.member)...)
			_, err := archive.Unpack(t.Context(), bytes.NewReader(b), dst, archive.Limits{})
			wantFault(t, err, c.about, c.refuse, false)
			for name := range files(t, around) {
				if !strings.HasPrefix("a/b/dst/", name) && !strings.HasPrefix(name, "a/b/dst/") {
					t.Errorf("%s is outside of the directory", name)
				}
			}
		})
	}
}

// An archive that is cut off anywhere is incomplete, however it is packed.
func TestUnpack_Incomplete(t *testing.T) {
	plain := pack(t, whole("video", id, file("a.png", strings.Repeat("abc", 1000)), file("b", ""))...)
	for name, b := range map[string][]byte{"plain": plain, "gzip": gzipped(t, plain), "zstd": zstandard(t, plain)} {
		t.Run(name, func(t *testing.T) {
			step := max(len(b)/40, 1)
			for end := 0; end < len(b); end += step {
				_, _, err := unpack(t, b[:end])
				if f, ok := errors.AsType[*archive.Error](err); !ok || !f.Incomplete {
					t.Fatalf("%d of %d bytes: got %v, want an incomplete archive", end, len(b), err)
				}
			}
			_, _, err := unpack(t, b[:len(b)-1])
			if f, ok := errors.AsType[*archive.Error](err); !ok || !f.Incomplete {
				t.Errorf("one byte is missing: got %v, want an incomplete archive", err)
			}
		})
	}
}

// The words and kinds of what is wrong with an archive as a whole.
func TestUnpack_Damaged(t *testing.T) {
	good := pack(t, whole("video", id, file("a.png", strings.Repeat("abc", 1000)))...)
	flipped := slices.Clone(good)
	flipped[1024+10] ^= 1 // in the second header
	sum := gzipped(t, good)
	sum[len(sum)-6] ^= 1
	for name, c := range map[string]struct {
		b          []byte
		member     string
		words      string
		incomplete bool
	}{
		"empty":              {nil, "", "two blocks of zeros", true},
		"garbage":            {bytes.Repeat([]byte("garbage!"), 100), "", "no tar archive", false},
		"flipped bit":        {flipped, "", "damaged behind video/" + id + "/metadata.xml", false},
		"gzip's checksum":    {sum, "", "damaged behind video/" + id + "/a.png", false},
		"no recording":       {make([]byte, 10240), "", "holds no recording", false},
		"made longer":        {make([]byte, 2<<20), "", "zeros behind its end", true},
		"two archives":       {append(slices.Clone(good), good...), "", "would be lost", false},
		"no end":             {good[:len(good)-1024], "", "two blocks of zeros", true},
		"half an end":        {good[:len(good)-512], "", "two blocks of zeros", true},
		"xz":                 {[]byte("\xfd7zXZ\x00\x00"), "", "packed with xz", false},
		"bzip2":              {[]byte("BZh91AY&SY"), "", "packed with bzip2", false},
		"zip":                {[]byte("PK\x03\x04\x00\x00"), "", "packed with zip", false},
		"zstd's window":      {[]byte("\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00"), "", "zstd window of more than 134217728", false},
		"gzip of nothing":    {gzipped(t, nil), "", "two blocks of zeros", true},
		"garbage after gzip": {append(gzipped(t, good), "garbage and more of it"...), "", "damaged behind", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := unpack(t, c.b)
			wantFault(t, err, c.member, c.words, c.incomplete)
		})
	}
}

// Sizes are refused before they are written, and count for compressed archives, skipped files and headers too.
func TestUnpack_Limits(t *testing.T) {
	big := whole("video", id, file("big", strings.Repeat("x", 100_000)))
	var many []member
	for i := range 30 {
		many = append(many, file(strings.Repeat("x", i+1), ""))
	}
	headers := func(h *tar.Header) { h.PAXRecords = map[string]string{"BBBPOOL.x": strings.Repeat("x", 900_000)} }
	var wide []member
	for i := range 9 {
		wide = append(wide, member{name: strings.Repeat("w", i+1), change: headers})
	}
	deep := file(strings.Repeat("d/", 13), "")
	for name, c := range map[string]struct {
		limits        archive.Limits
		members       []member
		member, words string
	}{
		"bytes":       {archive.Limits{Bytes: 50_000}, big, "video/" + id + "/big", "to more than 50000, the limit"},
		"litter":      {archive.Limits{Bytes: 50_000}, whole("video", id, file("._big", strings.Repeat("x", 60_000))), "video/" + id + "/._big", "50000"},
		"files":       {archive.Limits{Files: 20}, whole("video", id, many...), "video/" + id + "/" + strings.Repeat("x", 20), "more than 20 files"},
		"directories": {archive.Limits{Files: 10}, whole("video", id, deep), "video/" + id + "/" + strings.Repeat("d/", 8) + "d", "more than 10 files"},
		"headers":     {archive.Limits{Bytes: 1 << 20, Files: 100}, whole("video", id, wide...), "", "headers and padding"},
	} {
		t.Run(name, func(t *testing.T) {
			b := pack(t, c.members...)
			for _, b := range [][]byte{b, gzipped(t, b), zstandard(t, b)} {
				dst := t.TempDir()
				_, err := archive.Unpack(t.Context(), bytes.NewReader(b), dst, c.limits)
				wantFault(t, err, c.member, c.words, false)
				if _, err := os.Stat(filepath.Join(dst, "video", id, "big")); err == nil {
					t.Error("the file that is too large was begun")
				}
			}
		})
	}
}

// Headers that the tar writer would not write: sparse files of all kinds, and one that is a bomb by itself.
func TestUnpack_Headers(t *testing.T) {
	name := "video/" + id + "/x"
	end := make([]byte, 1024)
	pax := func(record string) []byte { return append([]byte(record), make([]byte, 512-len(record))...) }
	for title, c := range map[string]struct {
		b             []byte
		member, words string
	}{
		"PAX sparse": {slices.Concat(header("h", 'x', 22), pax("22 GNU.sparse.major=1\n"), header(name, '0', 0), end), name, "a sparse file"},
		"GNU sparse": {slices.Concat(header(name, 'S', 0), end), name, "a sparse file"},
		"huge header": {
			slices.Concat(header("h", 'x', 2<<20), make([]byte, 2<<20), header(name, '0', 0), end), "", "field too long",
		},
		"NUL in a name":       {slices.Concat(header("h", 'x', 13), pax("13 path=a\x00b\n"), header(name, '0', 0), end), "", "no tar archive"},
		"slash behind a file": {slices.Concat(header(name+"/", '0', 0), end), name + "/", "between two slashes"},
		"no name":             {slices.Concat(header("", '0', 0), end), "", "absolute"},
		"long name": {
			slices.Concat(header("h", 'L', 1025), bytes.Repeat([]byte("x"), 1025), make([]byte, 511), header(name, '0', 0), end),
			strings.Repeat("x", 200), "1025 bytes, and the limit is 1024",
		},
	} {
		t.Run(title, func(t *testing.T) {
			_, _, err := unpack(t, c.b)
			wantFault(t, err, c.member, c.words, false)
		})
	}
}

// header is a block of tar as it is on the tape, in GNU's format.
func header(name string, kind byte, size int) []byte {
	b := make([]byte, 512)
	copy(b, name)
	copy(b[100:], "0000644\x000000000\x000000000\x00")
	copy(b[124:], fmt.Sprintf("%011o\x00%011o\x00        ", size, modified.Unix()))
	b[156] = kind
	copy(b[257:], "ustar  \x00")
	seal(b)
	return b
}

// seal puts the right checksum into a header.
func seal(b []byte) {
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
}

// What is just within the limits is taken.
func TestUnpack_WithinLimits(t *testing.T) {
	b := pack(t, whole("video", id, file("a", "12345"))...)
	size := int64(len(metadata(id)) + 5)
	dst := t.TempDir()
	if _, err := archive.Unpack(t.Context(), bytes.NewReader(b), dst, archive.Limits{Bytes: size, Files: 2}); err != nil {
		t.Errorf("got %v for 2 files in 2 directories", err)
	}
	if _, err := archive.Unpack(t.Context(), bytes.NewReader(b), t.TempDir(), archive.Limits{Bytes: size - 1}); err == nil {
		t.Error("one byte too much was taken")
	}
}

// An error of reading is not the archive's fault, and comes back as what it is.
func TestUnpack_ReadError(t *testing.T) {
	good := pack(t, whole("video", id, file("a.png", strings.Repeat("abc", 100_000)))...)
	for name, b := range map[string][]byte{"plain": good, "gzip": gzipped(t, good), "zstd": zstandard(t, good)} {
		for _, want := range []error{syscall.EIO, io.ErrUnexpectedEOF} {
			for _, n := range []int{0, 1, 3, len(b) / 2, len(b)} {
				src := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(want))
				_, err := archive.Unpack(t.Context(), src, t.TempDir(), archive.Limits{})
				if _, ok := errors.AsType[*archive.Error](err); ok || !errors.Is(err, want) || !strings.Contains(err.Error(), "read the archive") {
					t.Errorf("%s, %v after %d bytes: got %v", name, want, n, err)
				}
			}
		}
	}
}

// One byte at a time, and io.EOF together with the last one, is a good reader as well.
func TestUnpack_Readers(t *testing.T) {
	good := pack(t, whole("video", id, file("a.png", strings.Repeat("abc", 1000)))...)
	for name, b := range map[string][]byte{"plain": good, "gzip": gzipped(t, good), "zstd": zstandard(t, good)} {
		for _, src := range []io.Reader{
			iotest.OneByteReader(bytes.NewReader(b)), iotest.DataErrReader(bytes.NewReader(b)),
		} {
			if _, err := archive.Unpack(t.Context(), src, t.TempDir(), archive.Limits{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// An error of writing is not the archive's fault either.
func TestUnpack_WriteError(t *testing.T) {
	good := pack(t, whole("video", id)...)
	if _, err := archive.Unpack(t.Context(), bytes.NewReader(good), filepath.Join(t.TempDir(), "none"), archive.Limits{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: got %v", err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Unpack(t.Context(), bytes.NewReader(good), full, archive.Limits{}); !errors.Is(err, syscall.ENOTEMPTY) {
		t.Errorf("a directory that is not empty: got %v", err)
	}
}

// A cancellation ends it, whatever it is doing, and is no fault.
func TestUnpack_Cancelled(t *testing.T) {
	good := pack(t, whole("video", id, file("a", strings.Repeat("x", 4<<20)))...)
	ctx, cancel := context.WithCancel(t.Context())
	src := io.MultiReader(bytes.NewReader(good[:1<<20]), readerFunc(func(p []byte) (int, error) {
		cancel()
		return copy(p, make([]byte, len(p))), nil
	}))
	if _, err := archive.Unpack(ctx, src, t.TempDir(), archive.Limits{}); err != context.Canceled { //nolint:errorlint // nothing else
		t.Errorf("got %v", err)
	}
	if _, err := archive.Unpack(ctx, bytes.NewReader(good), t.TempDir(), archive.Limits{}); err != context.Canceled { //nolint:errorlint // nothing else
		t.Errorf("before it began: got %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
