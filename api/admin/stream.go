package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
)

// long is an answer that takes long: it is given line by line.
type long func(ctx context.Context, tell func(recordings.Progress)) (report any, err error)

// Line is one line of an answer that takes long. Only the last one has a report or an error.
type Line struct {
	Progress *recordings.Progress `json:"progress,omitempty"`
	Report   any                  `json:"report,omitempty"`
	Message  string               `json:"error,omitempty"`
	Code     string               `json:"code,omitempty"`
}

const (
	// linePause is the least time between two lines of progress, unless there is a problem to tell.
	linePause = 100 * time.Millisecond
	// lineSilence is after how long the last line is sent again, so that nobody on the way takes us for dead.
	lineSilence = 15 * time.Second
	// linePatience is how long a line may take to be sent before the work is given up.
	linePatience = time.Minute
)

// lines sends an answer line by line.
type lines struct {
	api     *API
	writer  http.ResponseWriter
	control *http.ResponseController
	cancel  context.CancelFunc

	mu    sync.Mutex
	begun bool // a line was sent
	last  recordings.Progress
	sent  time.Time // when the last progress was
}

// stream does what takes long. Until the first line an error is answered as any other; whoever hangs up ends the work.
func (a *API) stream(w http.ResponseWriter, r *http.Request, do long) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	l := &lines{api: a, writer: w, control: http.NewResponseController(w), cancel: cancel}
	_ = l.control.SetReadDeadline(time.Time{}) // what has no deadlines needs none taken away
	_ = l.control.SetWriteDeadline(time.Time{})
	report, err := l.work(ctx, do)
	if err != nil && !l.begun {
		a.fail(w, r, err)
		return
	}
	last := Line{Report: report}
	if err != nil {
		e := a.refusal(r, err)
		last = Line{Message: e.Message, Code: e.Code}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.send(last)
}

// work does the work, and shows that it is alive while that takes.
func (l *lines) work(ctx context.Context, do long) (any, error) {
	ticker := time.NewTicker(lineSilence)
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

func (l *lines) tell(p recordings.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = p
	l.last.Problem = "" // it is told once
	now := l.api.now()
	if p.Problem != "" || l.sent.IsZero() || now.Sub(l.sent) >= linePause {
		l.sent = now
		l.send(Line{Progress: &p})
	}
}

func (l *lines) repeat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.send(Line{Progress: &l.last})
}

// send writes a line. One that does not get through ends the work. The caller holds the lock.
func (l *lines) send(line Line) {
	if !l.begun {
		l.begun = true
		l.writer.Header().Set("Content-Type", "application/x-ndjson")
		l.writer.Header().Set("X-Content-Type-Options", "nosniff")
		l.writer.Header().Set("X-Accel-Buffering", "no")
	}
	_ = l.control.SetWriteDeadline(time.Now().Add(linePatience))
	if _, err := l.writer.Write(asLine(line)); err != nil {
		l.cancel()
		return
	}
	_ = l.control.Flush()
}

// asLine is a value as one line of JSON.
func asLine(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil { // as in writeJSON
		body = []byte(`{"code":"internal","error":"Internal error."}`)
	}
	return append(body, '\n')
}
