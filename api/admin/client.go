package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Client calls the API. What the API refuses comes back as *[Error].
type Client struct {
	http  http.Client
	base  string
	at    string // where it is, as errors say it
	token store.Secret
}

const (
	// patience is how long a request may take in all: longer than the API waits for a server.
	patience = 30 * time.Second
	// checkPatience is the same where all servers are asked, a few at a time.
	checkPatience = 2 * time.Minute
)

// NewClient returns a client for the API at base, such as https://pool.example.org. The token may be empty where the
// transport leads to a socket or a handler.
func NewClient(transport http.RoundTripper, base string, token store.Secret) *Client {
	base = strings.TrimSuffix(strings.TrimRight(base, "/"), Prefix)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{http: http.Client{Transport: transport, CheckRedirect: stay}, base: base, at: base, token: token}
}

// NewSocketClient returns a client for the program that serves a data directory.
func NewSocketClient(dataDir string) (*Client, error) {
	transport, err := SocketTransport(dataDir)
	if err != nil {
		return nil, err
	}
	c := NewClient(transport, "http://bbbpool", "")
	c.at = filepath.Join(dataDir, socketName)
	return c, nil
}

// Status returns the pool at a glance.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, http.MethodGet, "/status", nil, nil)
}

// Servers returns all servers, by ID.
func (c *Client) Servers(ctx context.Context) ([]Server, error) {
	return call[[]Server](ctx, c, http.MethodGet, "/servers", nil, nil)
}

// RevealedServers returns all servers with their secrets in clear, by ID.
func (c *Client) RevealedServers(ctx context.Context) ([]Revealed, error) {
	return call[[]Revealed](ctx, c, http.MethodGet, "/servers", url.Values{"reveal": {"true"}}, nil)
}

// Server returns one server, with its last events.
func (c *Client) Server(ctx context.Context, id string) (Server, error) {
	return call[Server](ctx, c, http.MethodGet, server(id), nil, nil)
}

// AddServer adds a server to the pool.
func (c *Client) AddServer(ctx context.Context, n NewServer) (Result, error) {
	body := struct {
		NewServer
		Secret string `json:"secret"` // takes the place of the one that will not be marshalled
	}{n, n.Secret.Reveal()}
	return call[Result](ctx, c, http.MethodPost, "/servers", nil, body)
}

// ChangeServer changes what is known of a server.
func (c *Client) ChangeServer(ctx context.Context, id string, change Change) (Result, error) {
	body := struct {
		Change
		Secret *string `json:"secret,omitempty"`
	}{Change: change}
	if change.Secret != nil {
		secret := change.Secret.Reveal()
		body.Secret = &secret
	}
	return call[Result](ctx, c, http.MethodPatch, server(id), nil, body)
}

// EnableServer lets a server take meetings. Unless forced, it is tested first, without load.
func (c *Client) EnableServer(ctx context.Context, id string, force bool) (Result, error) {
	return call[Result](ctx, c, http.MethodPost, server(id)+"/enable", nil, Forced{force})
}

// CordonServer lets a server keep its meetings and take no new ones.
func (c *Client) CordonServer(ctx context.Context, id string) (Result, error) {
	return call[Result](ctx, c, http.MethodPost, server(id)+"/cordon", nil, Forced{})
}

// DisableServer takes a server out of use. Unless forced, it must have no meetings.
func (c *Client) DisableServer(ctx context.Context, id string, force bool) (Result, error) {
	return call[Result](ctx, c, http.MethodPost, server(id)+"/disable", nil, Forced{force})
}

// RemoveServer takes a server out of the pool. Unless forced, it must have no meetings, and owe no recordings.
func (c *Client) RemoveServer(ctx context.Context, id string, force bool) error {
	query := url.Values{}
	if force {
		query.Set("force", "true")
	}
	_, err := call[struct{}](ctx, c, http.MethodDelete, server(id), query, nil)
	return err
}

// Meetings returns the meetings of a tenant on a server; "" is any.
func (c *Client) Meetings(ctx context.Context, tenant, server string) ([]Meeting, error) {
	query := url.Values{"tenant": {tenant}, "server": {server}}
	return call[[]Meeting](ctx, c, http.MethodGet, "/meetings", query, nil)
}

// Meeting returns one meeting.
func (c *Client) Meeting(ctx context.Context, key store.MeetingKey) (Meeting, error) {
	return call[Meeting](ctx, c, http.MethodGet, "/meeting", meetingQuery(key), nil)
}

// EndMeeting ends a meeting on every server that may have it. Unless forced it fails where none of them has ended it.
func (c *Client) EndMeeting(ctx context.Context, key store.MeetingKey, force bool) (EndedMeeting, error) {
	return call[EndedMeeting](ctx, c, http.MethodPost, "/meeting/end", meetingQuery(key), Forced{force})
}

// Tenants returns all tenants, by ID, without their secrets.
func (c *Client) Tenants(ctx context.Context) ([]Tenant, error) {
	return call[[]Tenant](ctx, c, http.MethodGet, "/tenants", nil, nil)
}

// Tenant returns one tenant, with its secrets in clear.
func (c *Client) Tenant(ctx context.Context, id string) (Tenant, error) {
	query := url.Values{"reveal": {"true"}}
	return call[Tenant](ctx, c, http.MethodGet, "/tenants/"+url.PathEscape(id), query, nil)
}

// Check asks every server who it is, which may take a while.
func (c *Client) Check(ctx context.Context) (Check, error) {
	return call[Check](ctx, c, http.MethodPost, "/check", nil, struct{}{})
}

// Version returns the version of the program that answers.
func (c *Client) Version(ctx context.Context) (Version, error) {
	return call[Version](ctx, c, http.MethodGet, "/version", nil, nil)
}

func server(id string) string { return "/servers/" + url.PathEscape(id) }

func meetingQuery(key store.MeetingKey) url.Values {
	return url.Values{"tenant": {key.Tenant}, "id": {key.MeetingID}}
}

// errSilent ends the wait for an answer.
var errSilent = errors.New("it took too long")

// maxReply is how many bytes of an answer are read: some 200,000 meetings.
const maxReply = 64 << 20

func call[T any](ctx context.Context, c *Client, method, path string, query url.Values, in any) (out T, err error) {
	limit := patience
	if path == "/check" {
		limit = checkPatience
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSilent)
	defer cancel()
	resp, err := c.send(ctx, method, path, query, in)
	if err != nil {
		return out, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := c.decode(resp, &out); err != nil {
		return out, c.unanswered(ctx, err)
	}
	return out, nil
}

// send sends a request, and returns the answer unread.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, error) {
	target := c.base + Prefix + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	var content io.Reader
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return nil, fmt.Errorf("call bbbpool: %w", err)
	}
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	resp, err := c.http.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = c.unanswered(ctx, fmt.Errorf("call bbbpool at %s: %w", c.at, failed.Err))
	}
	return resp, err
}

// unanswered says so where an error comes from an answer that took too long.
func (c *Client) unanswered(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return fmt.Errorf("bbbpool does not answer on %s: %w", c.at, errSilent)
	}
	return err
}

// decode reads an answer. What is no answer of the API's comes from something else that listens there.
func (c *Client) decode(resp *http.Response, out any) error {
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer of %s: %w", c.at, err)
	case resp.StatusCode == http.StatusNoContent:
		return nil
	case resp.StatusCode < 300 && json.Unmarshal(answer, out) == nil:
		return nil
	}
	failed := &Error{Status: resp.StatusCode}
	if json.Unmarshal(answer, failed) == nil && failed.Message != "" {
		return failed
	}
	return fmt.Errorf("what answers at %s (status %d) is not bbbpool's administration", c.at, resp.StatusCode)
}
