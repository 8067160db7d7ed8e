package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/archive"
)

// numbered is the record ID of the n-th of many recordings.
func numbered(n int) string { return fmt.Sprintf("%040x-1712758751753", n) }

// telling is a format of a recording with this inside its metadata.xml.
func telling(format, recordID, inner string) member {
	return file(format+"/"+recordID+"/metadata.xml", "<recording><id>"+recordID+"</id>"+inner+"</recording>")
}

// values are keys in <meta> from a number on, each with a value of 8 KiB, which no limit cuts.
func values(from, to int) string {
	var b strings.Builder
	for i := range to - from {
		fmt.Fprintf(&b, "<k%[1]d>%[2]s</k%[1]d>", from+i, strings.Repeat("v", 8<<10))
	}
	return "<meta>" + b.String() + "</meta>"
}

// However much an archive tells, what is kept of it in memory has a limit.
func TestUnpack_Bombs(t *testing.T) {
	limits := func(n int, of func(n int) member) []member {
		var list []member
		for i := range n {
			list = append(list, of(i))
		}
		return list
	}
	for name, c := range map[string]struct {
		members []member
		words   string // "" if it is taken
	}{
		"recordings": {
			limits(501, func(n int) member { return telling("video", numbered(n), "") }), "more than 500 recordings",
		},
		"formats": {
			limits(1001, func(n int) member { return telling(fmt.Sprintf("f%d", n%3), numbered(n/3), "") }),
			"more than 1000 formats of recordings",
		},
		"formats at the limits": {
			limits(1000, func(n int) member { return telling(fmt.Sprintf("f%d", n%2), numbered(n/2), "") }), "",
		},
		"all metadata of one recording": {
			[]member{telling("video", id, values(0, 10)), telling("podcast", id, values(8, 18))},
			"all metadata of the recording are more than 131072 bytes",
		},
		"the same metadata with every format": {
			[]member{telling("video", id, values(0, 15)), telling("podcast", id, values(0, 15))}, "",
		},
		"all recordings": {
			limits(140, func(n int) member { return telling("video", numbered(n), values(0, 15)) }),
			"tell more than 16777216 bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trees, _, err := unpack(t, pack(t, c.members...))
			f, ok := errors.AsType[*archive.Error](err)
			switch {
			case c.words == "" && (err != nil || len(trees) != len(c.members)):
				t.Errorf("%d of %d formats: %v", len(trees), len(c.members), err)
			case c.words != "" && (!ok || !strings.Contains(f.What, c.words)):
				t.Errorf("got %v, want that it has %s", err, c.words)
			}
		})
	}
}

// bomb is an archive of recordings that tell 900 KiB each.
func bomb(t *testing.T, recordings int) []byte {
	inner := "<meeting name='" + strings.Repeat("n", 400<<10) + "'/><meta><a>" + strings.Repeat("v", 500<<10) + "</a></meta>"
	var list []member
	for n := range recordings {
		list = append(list, telling("video", numbered(n), inner))
	}
	return gzipped(t, pack(t, list...))
}

// What is cut off from a text, or left out, is not kept in memory with the rest.
func TestUnpack_Memory(t *testing.T) {
	const recordings = 20
	packed, dst := bomb(t, recordings), t.TempDir()
	before := inUse()
	trees, err := archive.Unpack(t.Context(), bytes.NewReader(packed), dst, archive.Limits{})
	if err != nil || len(trees) != recordings {
		t.Fatalf("%d recordings, %v", len(trees), err)
	}
	if grown := inUse() - before; grown > recordings*(32<<10) {
		t.Errorf("%d bytes are kept of %d recordings", grown, len(trees))
	}
	runtime.KeepAlive(trees)
	runtime.KeepAlive(packed)
}

// inUse is how much memory is in use.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// That it is too large is told apart from all else, for the room there is may be larger another time.
func TestUnpack_TooLarge(t *testing.T) {
	members := whole("video", id, file("a", strings.Repeat("a", 1000)))
	size := int64(1000 + len(metadata(id)))
	for name, c := range map[string]struct {
		members []member
		limits  archive.Limits
		want    bool
	}{
		"bytes":          {members, archive.Limits{Bytes: size - 1}, true},
		"exactly fits":   {members, archive.Limits{Bytes: size}, false},
		"too many files": {members, archive.Limits{Files: 1}, false},
		"bytes at fault": {append(slices.Clone(members), file("../x", "x")), archive.Limits{}, false},
	} {
		_, err := archive.Unpack(t.Context(), bytes.NewReader(pack(t, c.members...)), t.TempDir(), c.limits)
		if f, ok := errors.AsType[*archive.Error](err); (ok && f.TooLarge) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A format is called like none of our own addresses, for it would be found there or hide what is.
func TestUnpack_Reserved(t *testing.T) {
	for _, format := range []string{
		"api", "bigbluebutton", "callbacks", "fsapi", "healthz", "readyz", "health_check", "metrics", "playback", "recording",
		"scalelite", "static-resource",
	} {
		_, _, err := unpack(t, pack(t, whole(format, id)...))
		wantFault(t, err, format+"/"+id+"/metadata.xml", "is no name for a format", false)
	}
}
