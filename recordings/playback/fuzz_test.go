package playback_test

import (
	"io"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// No path and no header, however written, gets a byte out of what is not published, not of the index, or protected.
func FuzzPath(f *testing.F) {
	const mark = "never to be seen"
	for _, accel := range []string{"", "/static-resource"} {
		for _, id := range []string{open, protected, hidden} {
			for _, path := range tricks {
				f.Add(strings.ReplaceAll(strings.ReplaceAll(path, "OTHER", open), "ID", id), "Range: bytes=0-3", accel != "")
			}
			f.Add("/secret/"+id+"/metadata.xml", "Accept-Encoding: gzip", accel != "")
			f.Add("/recording/"+id+"/video?token=a.b.c", "Cookie: recording_video_"+id+"=a.b.c", accel != "")
		}
	}
	houses := map[bool]*house{}
	for _, accel := range []bool{false, true} {
		houses[accel] = newHouse(f, func(h *house) {
			h.Log = zerolog.New(io.Discard)
			if accel {
				h.XAccel = "/static-resource"
			}
		}, withPlayer)
		for name := range files {
			format, rest, _ := strings.Cut(name, "/")
			for _, id := range []string{protected, another, hidden, deleted, early} {
				houses[accel].write(format+"/"+id+"/"+rest, mark)
			}
		}
		houses[accel].write("secret/"+open+"/metadata.xml", mark)
		houses[accel].write("presentation/"+open+"/.hidden", mark)
		houses[accel].write("outside", mark)
	}
	f.Fuzz(func(t *testing.T, path, header string, accel bool) {
		if strings.ContainsAny(path, " \r\n") || strings.ContainsAny(header, "\r\n") {
			t.Skip("not one request")
		}
		w := houses[accel].do("GET "+path, header)
		if w == nil {
			t.Skip("net/http refuses it")
		}
		if strings.Contains(w.Body.String(), mark) {
			t.Errorf("%s serves what is not to be seen", path)
		}
		to := w.Header().Get("X-Accel-Redirect")
		if to != "" && (!strings.Contains(to, "/"+open+"/") || strings.Contains(to, "..") || strings.Contains(to, "/secret/")) {
			t.Errorf("%s lets nginx serve %s", path, to)
		}
		if to := w.Header().Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
			t.Errorf("%s leads to %s", path, to)
		}
	})
}
