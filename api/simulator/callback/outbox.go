package callback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Timeout is how long BigBlueButton waits for an answer.
const Timeout = 5 * time.Second

// retries is how long after each failed attempt a callback about an end is sent again.
var retries = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}

// maxWaiting is how many callbacks wait at most; concurrent is how many are sent at once.
const (
	maxWaiting = 10_000
	concurrent = 16
)

// Callback is something to tell a front end.
type Callback struct {
	url         string
	form        []byte // a POST of this body; nil: a GET, twice
	contentType string
	bearer      string
	due         time.Time
	attempts    int
}

// Outbox holds callbacks until they are due, and sends them. They do not survive it. Its methods are safe for concurrent
// use.
//
// All servers of a simulator share one, which sends some at once. BigBlueButton has a queue of its own on each server, in
// which one receiver that is slow to answer holds up all others: an Outbox for each server would be that.
type Outbox struct {
	now    func() time.Time
	client *http.Client
	report func(error)

	waiting queue
}

// New returns an outbox that reports what could not be sent.
func New(client *http.Client, now func() time.Time, report func(error)) *Outbox {
	return &Outbox{client: client, now: now, report: report}
}

// Add has callbacks sent once they are due. Those that are too many are lost.
func (o *Outbox) Add(callbacks ...Callback) {
	for _, c := range callbacks {
		o.waiting.add(c)
	}
}

// queue is callbacks that wait, behind a lock.
type queue struct {
	mu        sync.Mutex
	callbacks []Callback
}

// add takes the lock for a moment, like take.
func (q *queue) add(c Callback) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.callbacks) < maxWaiting {
		q.callbacks = append(q.callbacks, c)
	}
}

// take removes what is due and returns it.
func (q *queue) take(now time.Time) (due []Callback) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.callbacks = slices.DeleteFunc(q.callbacks, func(c Callback) bool {
		if c.due.After(now) {
			return false
		}
		due = append(due, c)
		return true
	})
	return due
}

// Deliver sends what is due, and blocks until all of it is answered or has failed.
func (o *Outbox) Deliver(ctx context.Context) {
	var sending sync.WaitGroup
	slots := make(chan struct{}, concurrent)
	for _, c := range o.waiting.take(o.now()) {
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			o.send(ctx, c)
		})
	}
	sending.Wait()
}

// send sends one callback, and has it sent again later where BigBlueButton would.
func (o *Outbox) send(ctx context.Context, c Callback) {
	err := o.attempt(ctx, c)
	if err == nil || ctx.Err() != nil {
		return
	}
	o.report(fmt.Errorf("callback: %w", err))
	if c.form == nil && c.attempts < len(retries) {
		c.due = o.now().Add(retries[c.attempts])
		c.attempts++
		o.waiting.add(c)
	}
}

var errStatus = errors.New("the receiver answered with")

// attempt sends a callback. One about an end is sent twice, as BigBlueButton does: to see where it leads, where only
// status 200 will do, and then to the place itself.
func (o *Outbox) attempt(ctx context.Context, c Callback) error {
	if c.form != nil {
		_, err := o.exchange(ctx, http.MethodPost, c.url, c, func(status int) bool { return status/100 == 2 })
		return err
	}
	final, err := o.exchange(ctx, http.MethodGet, c.url, c, func(status int) bool { return status == http.StatusOK })
	if err != nil {
		return err
	}
	_, err = o.exchange(ctx, http.MethodGet, final, c, func(status int) bool { return status/100 == 2 })
	return err
}

// exchange makes one request and returns the URL that answered in the end.
func (o *Outbox) exchange(
	ctx context.Context, method, target string, c Callback, fine func(status int) bool,
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
	client := *o.client
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
