package simulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// callbackTimeout is how long BigBlueButton waits for an answer.
const callbackTimeout = 5 * time.Second

// retries is how long after each failed attempt a callback about an end is sent again.
var retries = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}

// maxOutbox is how many callbacks wait at most; concurrent is how many are sent at once.
const (
	maxOutbox  = 10_000
	concurrent = 16
)

// callback is something to tell a front end.
type callback struct {
	url         string
	form        []byte // a POST of this body; nil: a GET, twice
	contentType string
	bearer      string
	due         time.Time
	attempts    int
}

// outbox holds the callbacks of all servers. They do not survive the simulator.
type outbox struct {
	mu    sync.Mutex
	queue []callback
}

func (o *outbox) add(c callback) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) < maxOutbox {
		o.queue = append(o.queue, c)
	}
}

// take removes what is due and returns it.
func (o *outbox) take(now time.Time) (due []callback) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = slices.DeleteFunc(o.queue, func(c callback) bool {
		if c.due.After(now) {
			return false
		}
		due = append(due, c)
		return true
	})
	return due
}

// deliver sends what is due and waits for the answers.
func (s *Simulator) deliver(ctx context.Context) {
	var sending sync.WaitGroup
	slots := make(chan struct{}, concurrent)
	for _, c := range s.outbox.take(s.cfg.Now()) {
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			s.sendCallback(ctx, c)
		})
	}
	sending.Wait()
}

func (s *Simulator) sendCallback(ctx context.Context, c callback) {
	err := s.attempt(ctx, c)
	if err == nil || ctx.Err() != nil {
		return
	}
	s.cfg.Report(fmt.Errorf("callback: %w", err))
	if c.form == nil && c.attempts < len(retries) {
		c.due = s.cfg.Now().Add(retries[c.attempts])
		c.attempts++
		s.outbox.add(c)
	}
}

var errStatus = errors.New("the receiver answered with")

// attempt sends a callback. One about an end is sent twice, as BigBlueButton does: to see where it leads, where only
// status 200 will do, and then to the place itself.
func (s *Simulator) attempt(ctx context.Context, c callback) error {
	if c.form != nil {
		_, err := s.exchange(ctx, http.MethodPost, c.url, c, func(status int) bool { return status/100 == 2 })
		return err
	}
	final, err := s.exchange(ctx, http.MethodGet, c.url, c, func(status int) bool { return status == http.StatusOK })
	if err != nil {
		return err
	}
	_, err = s.exchange(ctx, http.MethodGet, final, c, func(status int) bool { return status/100 == 2 })
	return err
}

// exchange makes one request and returns the URL that answered in the end.
func (s *Simulator) exchange(
	ctx context.Context, method, target string, c callback, fine func(status int) bool,
) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(c.form))
	if err != nil {
		return "", errors.New("no URL to call")
	}
	req.Header.Set("User-Agent", "Mozilla")
	if c.contentType != "" {
		req.Header.Set("Content-Type", c.contentType)
	}
	if c.bearer != "" {
		req.Header.Set("User-Agent", "BigBlueButton Analytics Callback")
		req.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	client := *s.cfg.Client
	client.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if method == http.MethodPost || len(via) > 5 {
			return http.ErrUseLastResponse
		}
		return nil
	}
	resp, err := client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // leaves out the URL, which may hold secrets
		}
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if !fine(resp.StatusCode) {
		return "", fmt.Errorf("%w %d", errStatus, resp.StatusCode)
	}
	return resp.Request.URL.String(), nil
}

// callBackEnded tells the front end that a meeting is over, in both of BigBlueButton's ways.
func (s *Server) callBackEnded(m *meeting, now time.Time) {
	if link := get(m.metadata, "endcallbackurl"); isURL(link) {
		u, err := url.Parse(link)
		if err != nil {
			return
		}
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += "recordingmarks=" + strconv.FormatBool(m.isRecorded()) + "&meetingID=" + url.QueryEscape(m.id)
		s.sim.outbox.add(callback{url: u.String(), due: now})
	}
	if isURL(m.endedURL) {
		s.sim.outbox.add(callback{url: m.endedURL, due: now})
	}
}

// callBackReady tells the front end that a format of a recording can be watched.
func (s *Server) callBackReady(r *recording, now time.Time) {
	link := ""
	for _, name := range []string{"bbb-recording-ready-url", "bn-recording-ready-url", "canvas-recording-ready-url"} {
		link = or(link, get(r.meta, name))
	}
	if !isURL(link) {
		return
	}
	token := signJWT("HS256", sha256.New, s.secret, map[string]string{"meeting_id": r.meetingID, "record_id": r.id})
	form := []byte(url.Values{"signed_parameters": {token}}.Encode())
	for range r.formats {
		s.sim.outbox.add(callback{
			url: link, form: form, contentType: "application/x-www-form-urlencoded", due: now,
		})
	}
}

// callBackAnalytics tells the front end who was there.
func (s *Server) callBackAnalytics(m *meeting, now time.Time) {
	link := get(m.metadata, "analytics-callback-url")
	if !isURL(link) || !m.record && !m.keepEvents {
		return
	}
	const layout = "2006-01-02 15:04:05 -0700"
	metadata := map[string]string{"is_breakout": strconv.FormatBool(m.breakout), "meeting_name": m.name}
	for _, p := range m.metadata {
		metadata[underscores.Replace(p.name)] = p.value
	}
	body := encode(map[string]any{
		"version": "1.0", "meeting_id": m.id, "internal_meeting_id": m.internal,
		"data": map[string]any{
			"metadata": metadata, "duration": int(m.ended.Sub(m.created).Seconds()),
			"start": m.created.UTC().Format(layout), "finish": m.ended.UTC().Format(layout),
			"attendees": []any{}, "files": []string{"default.pdf"}, "polls": []any{},
		},
	})
	token := signJWT("HS512", sha512.New, s.secret, map[string]int64{"exp": now.Add(24 * time.Hour).Unix()})
	s.sim.outbox.add(callback{url: link, form: body, contentType: "application/json", bearer: token, due: now})
}

// signJWT returns a JSON Web Token.
func signJWT(alg string, hash func() hash.Hash, secret bbb.Secret, payload any) string {
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(encode(v)) }
	text := part(map[string]string{"typ": "JWT", "alg": alg}) + "." + part(payload)
	mac := hmac.New(hash, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
