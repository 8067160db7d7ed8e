package v1

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
)

// Prefix is the path below which the API lives.
const Prefix = "/api/v1"

// CommandLine is what the User-Agent of our own commands begins with. The audit log tells them from other callers by it.
const CommandLine = "bbbpool-cli"

// HeardHeader is in answers that an instance gives which does not decide, as none that does can be reached: they are what it has
// last heard. It says why.
const HeardHeader = "Bbbpool-Heard"

// Client calls the API, noun by noun. What the API refuses comes back as *[Error].
type Client struct {
	Servers    Servers
	Meetings   Meetings
	Recordings Recordings
	Imports    Imports
	History    History
	Tenants    Tenants
	Pool       Pool
	Tokens     Tokens
	Audit      Audit
	Instances  Instances
	Backups    Backups
	Callbacks  Callbacks

	// Heard is told, where it is set, that an answer is what an instance has last heard, for no leader can be reached, and why.
	Heard func(why string)
	// Agent is what calls, as the header User-Agent says it; "" leaves that to Go.
	Agent string
	Usage Usages

	http  http.Client
	base  string
	at    string // where it is, as errors say it
	token Secret
}

const (
	// callTime is how long a request may take in all: longer than the API waits for a server.
	callTime = 30 * time.Second
	// checkTime is the same where all servers are asked, a few at a time.
	checkTime = 2 * time.Minute
	// silence is how long the API may say nothing while it works.
	silence = 4 * LineSilence
)

// NewClient returns a client for the API at base, such as https://pool.example.org. The token may be empty where the
// transport leads to a socket or a handler.
func NewClient(transport http.RoundTripper, base string, token Secret) *Client {
	base = strings.TrimSuffix(strings.TrimRight(base, "/"), Prefix)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := &Client{http: http.Client{Transport: transport, CheckRedirect: stay}, base: base, at: base, token: token}
	c.Servers, c.Meetings, c.Recordings, c.Imports = Servers{c}, Meetings{c}, Recordings{c}, Imports{c}
	c.History, c.Tenants, c.Pool, c.Usage = History{c}, Tenants{c}, Pool{c}, Usages{c}
	c.Tokens, c.Audit, c.Backups, c.Instances = Tokens{c}, Audit{c}, Backups{c}, Instances{c}
	c.Callbacks = Callbacks{c}
	return c
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

// errSilent ends the wait for an answer.
var errSilent = errors.New("it took too long")

// maxReply is how many bytes of an answer are read: some 200,000 meetings.
const maxReply = 64 << 20

func call[T any](ctx context.Context, c *Client, method, path string, query url.Values, in any) (out T, err error) {
	limit := callTime
	if path == "/check" {
		limit = checkTime
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSilent)
	defer cancel()
	resp, err := c.send(ctx, method, path, query, in)
	if err != nil {
		return out, err
	}
	defer func() { _ = resp.Body.Close() }()
	if why := resp.Header.Get(HeardHeader); why != "" && c.Heard != nil {
		c.Heard(why)
	}
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
	if c.Agent != "" {
		req.Header.Set("User-Agent", c.Agent)
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

// follow has something done that takes long, and tells how far it is.
func follow[R any](
	ctx context.Context, c *Client, path string, in any, tell func(Progress),
) (report R, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer timer.Stop()
	resp, err := c.send(ctx, http.MethodPost, path, nil, in)
	if err != nil {
		return report, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return report, c.decode(resp, &report)
	}
	body := &io.LimitedReader{R: resp.Body}
	for decoder := json.NewDecoder(body); ; timer.Reset(silence) {
		body.N = maxReply
		line := Line{Report: &report}
		err := decoder.Decode(&line)
		switch {
		case ctx.Err() != nil: // whatever else went wrong, that is why
			return report, c.unanswered(ctx, ctx.Err())
		case err != nil:
			return report, c.brokenOff(err)
		case line.Message != "":
			return report, &Error{Status: http.StatusOK, Code: line.Code, Message: line.Message}
		case line.Progress == nil:
			return report, nil
		}
		tell(*line.Progress)
	}
}

// brokenOff is what an answer without an end means.
func (c *Client) brokenOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("bbbpool at %s has stopped before it was done: run this again", c.at)
	}
	return fmt.Errorf("read the answer of %s: %w", c.at, err)
}
