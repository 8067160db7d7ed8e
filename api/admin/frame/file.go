package frame

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// File is an answer of bytes that are there. It is closed once they were sent, or nobody wants them any more.
type File struct {
	Content io.ReadCloser
	Size    int64
}

// hand answers with a file. Whoever gets less than its size knows that it is not whole.
func hand(w http.ResponseWriter, file File) {
	defer func() { _ = file.Content.Close() }()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.FormatInt(file.Size, 10))
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(lineDeadline)) // what has no deadlines needs none
	w.WriteHeader(http.StatusOK)
	_, _ = io.Copy(unhurried{w, control}, file.Content) // if it fails nobody reads any more
}
