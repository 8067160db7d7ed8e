package frame

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// Long is an answer that takes long: it is given line by line.
type Long func(ctx context.Context, tell func(v1.Progress)) (report any, err error)

const (
	// linePause is the least time between two lines of progress, unless there is a problem to tell.
	linePause = 100 * time.Millisecond
	// lineDeadline is how long a line may take to be sent before the work is given up.
	lineDeadline = time.Minute
)

// lineWriter writes the lines of an answer, one after the other.
type lineWriter struct {
	writer  http.ResponseWriter
	control *http.ResponseController
	cancel  context.CancelFunc
	begun   bool // a line was sent
}

// send writes a line, which may take a while. One that does not get through ends the work.
func (l *lineWriter) send(line v1.Line) {
	if !l.begun {
		l.begun = true
		l.writer.Header().Set("Content-Type", "application/x-ndjson")
		l.writer.Header().Set("X-Content-Type-Options", "nosniff")
		l.writer.Header().Set("X-Accel-Buffering", "no")
	}
	_ = l.control.SetWriteDeadline(time.Now().Add(lineDeadline))
	if _, err := l.writer.Write(asLine(line)); err != nil {
		l.cancel()
		return
	}
	_ = l.control.Flush()
}

// lines tells of work while it is done: by the work itself, and by the clock where that says nothing.
type lines struct {
	now func() time.Time

	mu   sync.Mutex
	out  lineWriter
	last v1.Progress
	sent time.Time // when the last progress was
}

// stream does what takes long. Until the first line an error is answered as any other; whoever hangs up ends the work.
func stream(w http.ResponseWriter, r *http.Request, do Long, now func() time.Time) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // what has no deadlines needs none taken away
	_ = control.SetWriteDeadline(time.Time{})
	l := &lines{now: now, out: lineWriter{writer: w, control: control, cancel: cancel}}
	report, err := l.work(ctx, do)
	if err != nil && !l.out.begun {
		fail(w, r, err)
		return
	}
	last := v1.Line{Report: report}
	if err != nil {
		e := Refusal(r, err)
		last = v1.Line{Message: e.Message, Code: e.Code}
	}
	l.out.send(last) // nobody else is left to send anything
}

// work does the work, and shows that it is alive while that takes.
func (l *lines) work(ctx context.Context, do Long) (any, error) {
	ticker := time.NewTicker(v1.LineSilence)
	defer ticker.Stop()
	var repeating sync.WaitGroup
	defer repeating.Wait()
	ended := make(chan struct{})
	defer close(ended)
	repeating.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				l.repeat()
			}
		}
	})
	return do(ctx, l.tell)
}

// tell is told of progress, and tells of it at the pace of [linePause].
func (l *lines) tell(p v1.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = p
	l.last.Problem = "" // it is told once
	now := l.now()
	if p.Problem != "" || l.sent.IsZero() || now.Sub(l.sent) >= linePause {
		l.sent = now
		l.out.send(v1.Line{Progress: &p})
	}
}

// repeat tells again what was told last.
func (l *lines) repeat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.send(v1.Line{Progress: &l.last})
}

// asLine is a value as one line of JSON.
func asLine(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil { // as in writeJSON
		body = []byte(`{"code":"internal","error":"Internal error."}`)
	}
	return append(body, '\n')
}

// Table is an answer of many lines that are written as they are read. It tells how many were left out.
type Table func(ctx context.Context, w io.Writer) (left int, err error)

// pour answers with a table. An error that comes too late for a status is the last line.
func pour(w http.ResponseWriter, r *http.Request, write Table) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Trailer", v1.LeftOut)
	lines := bufio.NewWriterSize(unhurried{w, http.NewResponseController(w)}, 64<<10)
	left, err := write(r.Context(), lines)
	if err != nil {
		_, _ = lines.Write(asLine(Refusal(r, err)))
	}
	_ = lines.Flush() // if it fails nobody reads any more
	w.Header().Set(v1.LeftOut, strconv.Itoa(left))
}

// unhurried is written to for as long as somebody reads.
type unhurried struct {
	io.Writer
	control *http.ResponseController
}

func (u unhurried) Write(b []byte) (int, error) {
	_ = u.control.SetWriteDeadline(time.Now().Add(lineDeadline)) // what has no deadlines needs none
	return u.Writer.Write(b)
}
