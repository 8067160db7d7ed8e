package admin

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

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// TestServer tests a server, and tells how far that is. A server that does not pass is no error.
func (c *Client) TestServer(ctx context.Context, id string, t Trial, tell func(recordings.Progress)) (Tried, error) {
	return follow[Tried](ctx, c, server(id)+"/test", t, tell)
}

// DrainServer lets a server keep its meetings until they are over, and disables it then. With Wait it returns when that
// is done, or ctx ends: then the server goes on draining.
func (c *Client) DrainServer(ctx context.Context, id string, d Drain, tell func(recordings.Progress)) (Drained, error) {
	if d.Wait {
		return follow[Drained](ctx, c, server(id)+"/drain", d, tell)
	}
	return call[Drained](ctx, c, http.MethodPost, server(id)+"/drain", nil, d)
}

// PanicServer ends all meetings on a server and disables it, and tells how far that is.
func (c *Client) PanicServer(ctx context.Context, id string, p Panic, tell func(recordings.Progress)) (Panicked, error) {
	return follow[Panicked](ctx, c, server(id)+"/panic", p, tell)
}

// SyncServers brings the pool in line with a list of servers, and tells how far that is.
func (c *Client) SyncServers(ctx context.Context, s Sync, tell func(recordings.Progress)) (Synced, error) {
	type revealed struct {
		SyncServer
		Secret string `json:"secret"` // takes the place of the one that will not be marshalled
	}
	body := struct {
		Sync
		Servers []revealed `json:"servers"`
	}{Sync: s, Servers: []revealed{}}
	for _, listed := range s.Servers {
		body.Servers = append(body.Servers, revealed{listed, listed.Secret.Reveal()})
	}
	return follow[Synced](ctx, c, "/servers/sync", body, tell)
}

// Capacity returns what the pool carries and, unless drain is "", what is left of it without that server.
func (c *Client) Capacity(ctx context.Context, drain string) (Capacity, error) {
	query := url.Values{}
	if drain != "" {
		query.Set("drain", drain)
	}
	return call[Capacity](ctx, c, http.MethodGet, "/capacity", query, nil)
}

// DryRun returns where a create would go.
func (c *Client) DryRun(ctx context.Context, d DryRun) (Placement, error) {
	return call[Placement](ctx, c, http.MethodPost, "/placements/dry-run", nil, d)
}

// Explain returns why a meeting is, or was, where it is. Its ID may also be the internal one of a session; then no tenant
// stands for any.
func (c *Client) Explain(ctx context.Context, key store.MeetingKey) (Explained, error) {
	query := meetingQuery(key)
	if key.Tenant == "" {
		query.Del("tenant")
	}
	return call[Explained](ctx, c, http.MethodGet, "/meeting/explain", query, nil)
}

// ChangeTenant changes what is set for a tenant.
func (c *Client) ChangeTenant(ctx context.Context, id string, change TenantChange) (Tenant, error) {
	return call[Tenant](ctx, c, http.MethodPatch, "/tenants/"+url.PathEscape(id), nil, change)
}

// History writes the meetings that ended at since or later, and before until, to w, as a trace that can be replayed. The
// zero time is no limit. Left is how many were left out, for a replay would not read them: they have no length, or one of
// more than 7 days. After an error what was written is a part of it.
func (c *Client) History(ctx context.Context, since, until time.Time, w io.Writer) (left int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer alarm.Stop()
	query := url.Values{}
	for name, t := range map[string]time.Time{"since": since, "until": until} {
		if !t.IsZero() {
			query.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	resp, err := c.send(ctx, http.MethodGet, "/history", query, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return 0, c.decode(resp, &struct{}{})
	}
	if err := c.copyHistory(ctx, w, resp.Body, func() { alarm.Reset(silence) }); err != nil {
		return 0, err
	}
	left, _ = strconv.Atoi(resp.Trailer.Get(leftOut)) // proxies may have lost it
	return max(left, 0), nil
}

// copyHistory passes the lines of a history on, until one tells an error.
func (c *Client) copyHistory(ctx context.Context, w io.Writer, body io.Reader, alive func()) error {
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
		return c.unanswered(ctx, ctx.Err())
	case err != nil:
		return c.brokenOff(err)
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
