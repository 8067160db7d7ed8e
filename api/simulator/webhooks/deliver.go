package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/callback"
)

// timeout is how long an answer may take.
const timeout = 5 * time.Second

// maxRedirects is how many redirects are followed.
const maxRedirects = 10

// retries is how long after each failed attempt an event is sent again. Who has failed after the last is removed, unless the hook
// is permanent: then it goes on with always.
var retries = []time.Duration{
	100 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, time.Minute, time.Minute, time.Minute,
}

const always = time.Minute

// delivery is an event that waits to be sent to a hook. What it is signed with and how, it finds out when it is sent; its time is
// that of the event, so that all attempts are alike.
type delivery struct {
	event    string // its ID, or the name of a raw one
	meeting  string
	body     string
	wrong    bool // it is signed with a secret that nobody knows
	due      time.Time
	attempts int
}

// Event is something that hooks are told of.
type Event struct {
	ID      string          // "user-joined"
	Meeting string          // its meetingID, as far as bbb-webhooks knows it
	Mapped  json.RawMessage // what most hooks get
	Raw     json.RawMessage // what raw ones get; none: what the others get
}

// Emit has those hooks told of events that want to hear of them.
func (h *Hooks) Emit(events ...Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conf.Absent {
		return
	}
	for _, e := range events {
		for _, one := range h.of(e.Meeting) {
			h.enqueue(one, e)
		}
	}
}

// enqueue has one hook told of an event, unless it does not want to hear of it, or a fault has it otherwise. Raw events have no
// ID: who asks for some IDs and for raw events gets none.
func (h *Hooks) enqueue(one *hook, e Event) {
	if one.Events != nil && (one.Raw && e.Raw != nil || !slices.Contains(one.Events, strings.ToLower(e.ID))) {
		return
	}
	content := e.Mapped
	if one.Raw && e.Raw != nil {
		content = e.Raw
	}
	now := h.opts.Now()
	d := delivery{event: e.ID, meeting: e.Meeting, body: h.form(content, now), due: now}
	count := 1
	switch f := h.opts.Faults.Of(callback.KindHook); f.Kind {
	case callback.Never:
		h.trace(one.URL, &d, callback.Suppressed, 0, "fault: never", nil)
		return
	case callback.Late:
		d.due = d.due.Add(f.Delay)
	case callback.Twice:
		count = 2
	case callback.Missigned:
		d.wrong = true
	}
	if len(one.waiting)+count > maxWaiting {
		h.trace(one.URL, &d, callback.Suppressed, 0, "too many wait", nil)
		return
	}
	one.waiting = append(one.waiting, slices.Repeat([]delivery{d}, count)...)
}

// form is the body of a delivery, as URLSearchParams writes it.
func (h *Hooks) form(event json.RawMessage, now time.Time) string {
	return "domain=" + escape(h.opts.Domain) + "&event=" + escape("["+string(event)+"]") +
		"&timestamp=" + strconv.FormatInt(now.UnixMilli(), 10)
}

var escapes = strings.NewReplacer("%2A", "*", "~", "%7E")

func escape(s string) string { return escapes.Replace(url.QueryEscape(s)) }

// Forget loses what waits, as a restart does. The hooks stay.
func (h *Hooks) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.hooks {
		one.waiting = nil
	}
	h.prune()
}

// Waiting returns how many deliveries wait.
func (h *Hooks) Waiting() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.hooks {
		n += len(one.waiting)
	}
	return n
}

// Rush makes everything due that waits.
func (h *Hooks) Rush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.hooks {
		for i := range one.waiting {
			one.waiting[i].due = h.opts.Now()
		}
	}
}

// Deliver sends what is due, and blocks until all of it is answered or has failed.
func (h *Hooks) Deliver(ctx context.Context) {
	var sending sync.WaitGroup
	for _, one := range h.withDue() {
		sending.Go(func() {
			one.sending.Lock()
			defer one.sending.Unlock()
			h.drain(ctx, one)
		})
	}
	sending.Wait()
}

// Start has what is due sent, and does not wait for it: the group does.
func (h *Hooks) Start(ctx context.Context, sending *sync.WaitGroup) {
	for _, one := range h.withDue() {
		if one.sending.TryLock() {
			sending.Go(func() {
				defer one.sending.Unlock()
				h.drain(ctx, one)
			})
		}
	}
}

// withDue returns the hooks for which something is due.
func (h *Hooks) withDue() (list []*hook) {
	now := h.opts.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.hooks {
		if slices.ContainsFunc(one.waiting, func(d delivery) bool { return !d.due.After(now) }) {
			list = append(list, one)
		}
	}
	return list
}

// drain sends what is due for one hook.
func (h *Hooks) drain(ctx context.Context, one *hook) {
	for _, d := range h.take(one) {
		if ctx.Err() != nil {
			return
		}
		h.send(ctx, one, d)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.prune()
}

// take removes what is due for a hook and returns it, in the order in which it came up.
func (h *Hooks) take(one *hook) (due []delivery) {
	now := h.opts.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	one.waiting = slices.DeleteFunc(one.waiting, func(d delivery) bool {
		if d.due.After(now) {
			return false
		}
		due = append(due, d)
		return true
	})
	return due
}

// send makes one attempt, and decides what comes of it.
func (h *Hooks) send(ctx context.Context, one *hook, d delivery) {
	d.attempts++
	status, err := h.attempt(ctx, one.URL, &d)
	if err == nil {
		h.trace(one.URL, &d, callback.Answered, status, "", nil)
		return
	}
	if ctx.Err() != nil {
		return
	}
	h.opts.Report(fmt.Errorf("hook: %w", err))
	wait := always
	if d.attempts <= len(retries) {
		wait = retries[d.attempts-1]
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if d.attempts > len(retries) && !one.Permanent {
		one.removed = true
		h.trace(one.URL, &d, callback.Failed, status, err.Error()+"; the hook is removed", nil)
		return
	}
	d.due = h.opts.Now().Add(wait)
	h.trace(one.URL, &d, callback.Failed, status, err.Error(), &d.due)
	one.waiting = append(one.waiting, d)
}

// attempt sends an event. Who answers that nobody has signed it has got it.
func (h *Hooks) attempt(ctx context.Context, to string, d *delivery) (status int, err error) {
	limit := timeout
	if h.opts.Timeout > 0 {
		limit = h.opts.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := h.request(ctx, to, d)
	if err != nil {
		return 0, errors.New("no URL to call")
	}
	client := *h.opts.Client
	client.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errors.New("too many redirects")
		}
		return nil
	}
	resp, err := client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // leaves out the URL, which may hold secrets
		}
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 && resp.StatusCode != http.StatusUnauthorized {
		return resp.StatusCode, fmt.Errorf("the receiver answered with %d", resp.StatusCode)
	}
	return resp.StatusCode, nil
}

// request is a delivery as it is sent: with a checksum behind the URL, or with the secret itself.
func (h *Hooks) request(ctx context.Context, to string, d *delivery) (*http.Request, error) {
	conf, secret := h.Config(), h.opts.Secret()
	if d.wrong {
		secret = bbb.Secret(randomID())
	}
	target := to
	if !conf.Bearer {
		algorithm := bbb.SHA1
		if conf.Algorithm != "" {
			algorithm = conf.Algorithm
		}
		sign := "?"
		if strings.Contains(to, "?") {
			sign = "&"
		}
		target += sign + "checksum=" + algorithm.Checksum(to, d.body, secret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(d.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	req.Header.Set("User-Agent", "node-fetch")
	if conf.Bearer {
		req.Header.Set("Authorization", "Bearer "+string(secret))
	}
	return req, nil
}

func (h *Hooks) trace(to string, d *delivery, outcome callback.Outcome, status int, reason string, again *time.Time) {
	if again != nil {
		at := *again
		again = &at
	}
	h.opts.Traces.Add(callback.Trace{
		At: h.opts.Now(), Kind: callback.KindHook, Meeting: d.meeting, Event: d.event, URL: to, Attempt: d.attempts,
		Outcome: outcome, Status: status, Reason: reason, Again: again,
	})
}
