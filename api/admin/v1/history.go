package v1

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// LeftOut is the trailer that says how many meetings an export has left out.
const LeftOut = "Bbbpool-Left-Out"

// History are the calls about meetings of the past.
type History struct{ client *Client }

// Export writes the meetings that ended at since or later, and before until, to w, as a trace that can be replayed. The
// zero time is no limit. Left is how many were left out, for a replay would not read them: they have no length, or one of
// more than 7 days. After an error what was written is a part of it.
func (h History) Export(ctx context.Context, since, until time.Time, w io.Writer) (left int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer timer.Stop()
	query := url.Values{}
	for name, t := range map[string]time.Time{"since": since, "until": until} {
		if !t.IsZero() {
			query.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	resp, err := h.client.send(ctx, http.MethodGet, "/history", query, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return 0, h.client.decode(resp, &struct{}{})
	}
	if err := h.copyLines(ctx, w, resp.Body, func() { timer.Reset(silence) }); err != nil {
		return 0, err
	}
	left, _ = strconv.Atoi(resp.Trailer.Get(LeftOut)) // proxies may have lost it
	return max(left, 0), nil
}

// copyLines passes the lines of a history on, until one tells an error.
func (h History) copyLines(ctx context.Context, w io.Writer, body io.Reader, alive func()) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxHistoryLine)
	out := bufio.NewWriter(w)
	for lines.Scan() {
		alive()
		if err := refusedLine(lines.Bytes()); err != nil {
			return errors.Join(err, out.Flush())
		}
		_, _ = out.Write(lines.Bytes()) // what goes wrong is known in the end
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	switch err := lines.Err(); {
	case ctx.Err() != nil:
		return h.client.unanswered(ctx, ctx.Err())
	case err != nil:
		return h.client.brokenOff(err)
	}
	return nil
}

// maxHistoryLine is how many bytes a meeting in the history may take.
const maxHistoryLine = 1 << 20

// refusedLine returns the error that a line tells, and nil for one that tells of a meeting.
func refusedLine(line []byte) error {
	if !bytes.HasPrefix(line, []byte(`{"code":`)) {
		return nil
	}
	failed := &Error{Status: http.StatusOK}
	if err := json.Unmarshal(line, failed); err != nil || failed.Message == "" {
		return errors.New("a line of the history is neither a meeting nor an error")
	}
	return failed
}
