package playback

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// serveFile serves one file of a recording to whoever may have it.
func (p *Playback) serveFile(w *flow, r *http.Request, at place) error {
	rec, err := p.admit(r, at)
	if err != nil {
		return err
	}
	if len(at.rest) == 0 && !at.slash {
		return redirect(w, http.StatusTemporaryRedirect, at.path(), r.URL.Query())
	}
	return p.serveAdmitted(w, r, at, rec)
}

// serveAdmitted serves one file to somebody who may have it.
func (p *Playback) serveAdmitted(w *flow, r *http.Request, at place, rec store.Recording) error {
	release, err := p.hold()
	if err != nil {
		return err
	}
	defer release()
	return p.sendPlace(w, r, at, rec)
}

// sendPlace sends what the path names or, of a directory, its index.
func (p *Playback) sendPlace(w *flow, r *http.Request, at place, rec store.Recording) error {
	open := func(name string) (fs.File, error) { return p.Library.Open(at.recordID, at.format, name) }
	it, err := find(open, at.name())
	if err != nil {
		return err
	}
	defer func() { it.close() }()
	switch {
	case it.info.IsDir():
		page, err := find(open, strings.TrimPrefix(at.name()+"/"+index, "./"))
		if isDenial(err) && len(at.rest) == 0 {
			return p.sendShelf(w, r, at, rec, it, open)
		}
		if err != nil {
			return err
		}
		it.close()
		it = page
		if it.info.IsDir() {
			return denial("a directory")
		}
		if !at.slash {
			at.slash = true
			return redirect(w, http.StatusTemporaryRedirect, at.path(), r.URL.Query())
		}
	case at.slash:
		return denial("a file, asked for as a directory")
	case it.name == description+".gz":
		return denial("a description as its server wrote it")
	}
	describe(w.Header(), r, at, it.name, rec.Protected)
	if it.name == description {
		if sent, err := sendRevised(w, r, it, rec); sent || err != nil {
			return err
		}
	}
	if p.accel != "" {
		to := url.URL{Path: p.accel + "/" + at.format + "/" + at.recordID + "/" + it.name}
		w.Header().Set("X-Accel-Redirect", to.EscapedPath())
		return nil
	}
	return send(w, r, it, open, rec.Imported)
}

func isDenial(err error) bool {
	_, ok := errors.AsType[denial](err)
	return ok
}

// item is an open file or directory.
type item struct {
	name string
	file fs.File
	info fs.FileInfo
}

func (i item) close() { _ = i.file.Close() } // it was only read

// opener opens a file by its path, as fs.FS does.
type opener func(name string) (fs.File, error)

// find opens a file or a directory. What is neither is as good as not there.
func find(open opener, name string) (item, error) {
	f, err := open(name)
	switch {
	case err != nil && !isFault(err):
		return item{}, denial("no such file: " + err.Error())
	case err != nil:
		return item{}, fmt.Errorf("open a file of a recording: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return item{}, fmt.Errorf("open a file of a recording: %w", err)
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		_ = f.Close()
		return item{}, denial("neither a file nor a directory")
	}
	return item{name, f, info}, nil
}

// astray is what the system says of a path that leads nowhere.
var astray = []syscall.Errno{syscall.ENOENT, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.EINVAL}

// isFault tells a disk, a network or a process in trouble from a path that leads nowhere. What is no error of the system
// at all is somebody's judgement on the path: that of the library, or that of os.Root on a link that leads outside.
func isFault(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && !slices.Contains(astray, errno)
}

// maxRanges is how many ranges of a file are sent at once. Players ask for one; a list that is longer is treated as if
// there were none.
const maxRanges = 8

// send sends a file, or the compressed one that lies beside it, whole or in ranges, or that it has not changed since it
// came here.
func send(w *flow, r *http.Request, it item, open opener, came time.Time) error {
	if strings.Count(r.Header.Get("Range"), ",") >= maxRanges {
		r.Header.Del("Range")
	}
	h := w.Header()
	tag := etag(it.info, came)
	if mediaOf(it.name).text {
		h.Set("Vary", "Accept-Encoding")
		if packed, ok := compressed(r, it, open); ok {
			defer packed.close()
			it, tag = packed, tag+"-gz"
			h.Set("Content-Encoding", "gzip")
		}
	}
	content, ok := it.file.(io.ReadSeeker)
	if !ok {
		return fmt.Errorf("file %s cannot seek", it.name)
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", it.info.ModTime(), content)
	return nil
}

// compressed finds the compressed form of a file, unless it is older than that, the viewer would not understand it, or
// wants a range: ranges are of what the file is.
func compressed(r *http.Request, it item, open opener) (item, bool) {
	if r.Header.Get("Range") != "" || !takesGzip(r.Header.Get("Accept-Encoding")) {
		return item{}, false
	}
	packed, err := find(open, it.name+".gz")
	if err != nil {
		return item{}, false
	}
	if packed.info.IsDir() || packed.info.ModTime().Before(it.info.ModTime()) {
		packed.close()
		return item{}, false
	}
	return packed, true
}

func takesGzip(accept string) bool {
	for coding := range strings.SplitSeq(accept, ",") {
		name, quality, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(quality, "q="), 64)
			return quality == "" || err == nil && q > 0
		}
	}
	return false
}

// etag changes whenever the file does. Files are replaced whole, so that size and time tell; but the time is the
// server's word, so when the file came counts as well.
func etag(info fs.FileInfo, came time.Time) string {
	tag := strconv.FormatInt(info.Size(), 36) + "-" + strconv.FormatInt(info.ModTime().UnixNano(), 36)
	if came.IsZero() {
		return tag
	}
	return tag + "-" + strconv.FormatInt(came.UnixMicro(), 36)
}
