package playback

import (
	"io"
	"math"
	"net/http"
	"time"
)

// A viewer may take as long as it likes for a file, if it takes something: within stretchTime, one stretch. Less than that
// is nobody who watches.
const (
	stretchTime = time.Minute
	stretch     = 64 << 10
)

// flow is a response on its way. The server's own deadline for a whole answer would cut every film; each piece gets a
// deadline of its own here instead.
type flow struct {
	http.ResponseWriter
	control *http.ResponseController
	outcome string
	bytes   int64
	err     error // the first that hit it on the way
}

// Unwrap is for http.ResponseController.
func (f *flow) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// extend gives the viewer time for the next piece. The deadline is one of the socket's, so it goes by the real clock.
func (f *flow) extend() {
	_ = f.control.SetWriteDeadline(time.Now().Add(stretchTime)) // not supported: no deadline that would have to be moved
}

// Write sends one piece.
func (f *flow) Write(b []byte) (int, error) {
	f.extend()
	n, err := f.ResponseWriter.Write(b)
	f.count(int64(n), err)
	return n, err
}

// ReadFrom sends a file in pieces, each of which the kernel copies by itself where it can.
func (f *flow) ReadFrom(src io.Reader) (sent int64, err error) {
	to, ok := f.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{f}, src)
	}
	rest, ok := src.(*io.LimitedReader) // the kernel's copy sees through one of these, not through two
	if !ok {
		rest = &io.LimitedReader{R: src, N: math.MaxInt64}
	}
	for rest.N > 0 && err == nil {
		piece := io.LimitedReader{R: rest.R, N: min(rest.N, stretch)}
		want := piece.N
		f.extend()
		n, failed := to.ReadFrom(&piece)
		f.count(n, failed)
		sent, err, rest.N = sent+n, failed, rest.N-n
		if n < want {
			break // the file has ended, or something went wrong
		}
	}
	return sent, err
}

func (f *flow) count(n int64, err error) {
	f.bytes += n
	if f.err == nil {
		f.err = err
	}
}
