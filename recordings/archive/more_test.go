package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/store"
)

// Before bytes are written there is asked for room: once for many small files, and for a large one piece by piece, never
// for more than it still needs. What was granted is enough.
func TestUnpack_More(t *testing.T) {
	const mib = 1 << 20
	var small []member
	for i := range 50 {
		small = append(small, file("f"+strconv.Itoa(i), strings.Repeat("x", 1000)))
	}
	large := file("film.mp4", strings.Repeat("x", 40*mib+1))
	for name, c := range map[string]struct {
		members []member
		asks    int
	}{
		"nothing but metadata": {nil, 1},
		"many small files":     {small, 1},
		"a large one":          {[]member{large}, 3},
	} {
		var asked []int64
		granted := int64(0)
		limits := archive.Limits{More: func(n int64) error {
			asked, granted = append(asked, n), granted+n
			return nil
		}}
		trees, err := archive.Unpack(t.Context(), bytes.NewReader(pack(t, whole("video", id, c.members...)...)), t.TempDir(), limits)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(asked) != c.asks || granted < trees[0].Bytes || granted > trees[0].Bytes+mib {
			t.Errorf("%s: asked for %v, which is %d bytes for %d", name, asked, granted, trees[0].Bytes)
		}
		for _, n := range asked {
			if n < mib || n > 32*mib {
				t.Errorf("%s: asked for %d at once", name, n)
			}
		}
	}
}

// Where there is no room unpacking ends with the very error that says so, which is no fault of the archive, and no more was
// written than was granted.
func TestUnpack_NoRoom(t *testing.T) {
	const mib = 1 << 20
	full := errors.New("the volume has other plans")
	for _, grants := range []int{0, 1, 2} {
		dst, granted, asked := t.TempDir(), int64(0), 0
		limits := archive.Limits{More: func(n int64) error {
			if asked++; asked > grants {
				return full
			}
			granted += n
			return nil
		}}
		b := pack(t, whole("video", id, file("film.mp4", strings.Repeat("x", 40*mib)))...)
		_, err := archive.Unpack(t.Context(), bytes.NewReader(b), dst, limits)
		if err != full { //nolint:errorlint // as it is
			t.Errorf("%d grants: %v", grants, err)
		}
		written := int64(0)
		_ = filepath.WalkDir(dst, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					written += info.Size()
				}
			}
			return err
		})
		if written > granted || asked != grants+1 {
			t.Errorf("%d grants: asked %d times, %d bytes are written of %d", grants, asked, written, granted)
		}
	}
}

// A limit that no disk reaches is one like any other.
func TestUnpack_HugeLimits(t *testing.T) {
	for _, limits := range []archive.Limits{
		{Bytes: math.MaxInt64}, {Files: math.MaxInt}, {Bytes: math.MaxInt64, Files: math.MaxInt}, {Bytes: -1, Files: -1},
	} {
		b := pack(t, whole("video", id, file("film.mp4", "film"))...)
		if trees, err := archive.Unpack(t.Context(), bytes.NewReader(b), t.TempDir(), limits); err != nil || len(trees) != 1 {
			t.Errorf("%+v: %d formats, %v", limits, len(trees), err)
		}
	}
}

// A name in an error fits into a line of a log, and cannot write into a terminal; one that is sound is shown as it is.
func TestError_Names(t *testing.T) {
	for name, shown := range map[string]string{
		"../x":             "../x ",
		"../ü & \"x\"":     strconv.Quote("../ü & \"x\"") + " ",
		"../x\ny":          `"../x\ny" `,
		"../\x1b[31mred":   `"../\x1b[31mred" `,
		"../\u202egpj.exe": `"../\u202egpj.exe" `,
		"../\xff\xfe":      `"../\xff\xfe" `,
	} {
		_, _, err := unpack(t, pack(t, append(whole("video", id), file(name, "x"))...))
		if err == nil || !strings.HasPrefix(err.Error(), shown) {
			t.Errorf("%q: %v", name, err)
		}
	}
	_, _, err := unpack(t, pack(t, append(whole("video", id), file("../"+strings.Repeat("ü", 300), "x"))...))
	if err == nil || len(err.Error()) > 300 || strings.ContainsRune(err.Error(), '\ufffd') {
		t.Errorf("a long one: %v", err)
	}
}

// Everything that a recording tells counts, byte for byte, as what is kept of it in memory.
func TestWeight(t *testing.T) {
	rec := store.Recording{Formats: []store.Format{{}, {Images: []store.Image{{}, {}}}}, BreakoutRooms: []string{"", ""}, Meta: map[string]string{}}
	want := 0
	for what, add := range map[string]func(text string){
		"meeting ID":          func(text string) { rec.MeetingID = text },
		"name":                func(text string) { rec.Name = text },
		"value of metadata":   func(text string) { rec.Meta[""] = text },
		"name of metadata":    func(text string) { rec.Meta[text] = "" },
		"breakout room":       func(text string) { rec.BreakoutRooms[1] = text },
		"path of a format":    func(text string) { rec.Formats[0].Path = text },
		"text of an image":    func(text string) { rec.Formats[1].Images[0].Alt = text },
		"address of an image": func(text string) { rec.Formats[1].Images[1].Path = text },
	} {
		add(strings.Repeat("x", 1000+want/1000))
		want += 1000 + want/1000
		if got := archive.Weight(&rec); got != want {
			t.Errorf("with a %s it weighs %d, want %d", what, got, want)
			want = got
		}
	}
}

// A socket in a recording is refused as what it is.
func TestRead_Socket(t *testing.T) {
	dir := place(t)
	t.Chdir(dir) // a socket's path is short
	socket, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", "x")
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = socket.Close() }()
	_, err = archive.Read(dir)
	wantFault(t, err, "video/"+id+"/x", "is a socket; only files", false)
}

// ended is a context that ends once it was looked at so often.
type ended struct {
	context.Context

	left int
}

func (e *ended) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

// Whenever compression is given up, what is there is whole: the text with its copy or without, and nothing else.
func TestCompress_GivenUp(t *testing.T) {
	text := strings.Repeat("0123456789 caption\n", 20_000)
	gaveUp := 0
	for left := range 20 {
		dir := place(t, file("captions.vtt", text))
		err := archive.Compress(&ended{t.Context(), left}, dir)
		if err != nil {
			gaveUp++
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("after %d looks: %v", left, err)
		}
		entries, readErr := os.ReadDir(dir)
		if readErr != nil {
			t.Fatal(readErr)
		}
		for _, e := range entries {
			switch content, err := os.ReadFile(filepath.Join(dir, e.Name())); {
			case err != nil:
				t.Error(err)
			case e.Name() == "captions.vtt.gz" && gunzipped(t, string(content)) != text:
				t.Errorf("after %d looks the copy is half there", left)
			case e.Name() != "captions.vtt" && e.Name() != "metadata.xml" && e.Name() != "captions.vtt.gz":
				t.Errorf("after %d looks there is %s", left, e.Name())
			}
		}
	}
	if gaveUp < 3 {
		t.Errorf("given up %d times of 20: too seldom to tell", gaveUp)
	}
}
