package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"time"
)

// This file has how the leader finds out what followers have heard. It asks when it has to know: a question stands in the stream
// behind all that was told until then, and the follower answers it once it has heard what stands before.

// HeardPath is where the leader takes answers.
const HeardPath = "/heard"

// bounds of an answer.
const (
	heardWithin = FreshFor               // later nobody waits for it
	staleAfter  = FreshFor + FreshFor/10 // by when a follower goes by its news no more, whatever clocks have drifted
	maxHeard    = 1 << 10
	maxName     = 64
	compareEach = time.Second // how often a follower asks how long the stream has gone on
)

// answer is what a follower says.
type answer struct {
	Stream string `json:"stream"` // its name, which the leader has given it
	Number uint64 `json:"number"` // of the last question before which all was heard; 0 of none
}

// taken is what the leader says to that. One of before says nothing.
type taken struct {
	At *int64 `json:"at"` // how long the stream has gone on, in milliseconds
}

// Heard returns when all followers have heard what was told until now, or go by what they have heard before no more, for it is
// too old. Of a follower that has gone nobody knows that before its news is too old; one that has only begun has no news yet.
func (h *Hub) Heard(ctx context.Context) {
	begun := time.Now()
	asked, left := h.ask()
	timer := time.NewTimer(staleAfter)
	defer timer.Stop()
	for {
		said, changed := h.said(asked)
		if said && begun.Sub(left) >= staleAfter {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-changed:
		}
	}
}

// ask asks all followers that have news, and returns the numbers of the questions, and when the last follower has gone.
func (h *Hub) ask() (asked map[*follower]uint64, left time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked = map[*follower]uint64{}
	for f := range h.followers {
		if f.told {
			f.asked++
			asked[f] = f.asked
			f.put(sign{Kind: question, Number: f.asked}.frame())
		}
	}
	return asked, h.left
}

// said tells whether all have answered, and returns a channel that is closed with the next answer.
func (h *Hub) said(asked map[*follower]uint64) (all bool, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.answered == nil {
		h.answered = make(chan struct{})
	}
	for f, number := range asked {
		if f.heard < number {
			return false, h.answered
		}
	}
	return true, h.answered
}

// begun notes that a follower has been told all that stood: from now on it may go by that.
func (h *Hub) begun(f *follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.told = true
}

// ServeHeard takes an answer.
func (h *Hub) ServeHeard(w http.ResponseWriter, r *http.Request) {
	var a answer
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxHeard)).Decode(&a); err != nil {
		http.Error(w, "no answer", http.StatusBadRequest)
		return
	}
	began, known := h.take(a)
	if !known {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	at := time.Since(began).Milliseconds() + 1 // never less than it is
	w.Header().Set("Content-Type", "application/json")
	body, _ := json.Marshal(taken{At: &at}) //nolint:errchkjson // a number
	_, _ = w.Write(body)                    // who has answered is gone
}

// take notes an answer, and returns when its stream began.
func (h *Hub) take(a answer) (began time.Time, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for f := range h.followers {
		if f.name != a.Stream {
			continue
		}
		if f.heard < a.Number && a.Number <= f.asked {
			f.heard = a.Number
			if h.answered != nil {
				close(h.answered)
				h.answered = nil
			}
		}
		return f.began, true
	}
	return began, false
}

// answers are those that a follower of one stream has to give: the last one says what all before it say.
type answers struct {
	stream, addr string
	client       http.RoundTripper
	clock        *clock
	now          func() time.Time
	last         chan uint64
}

func newAnswers(stream, addr string, client http.RoundTripper, c *clock, now func() time.Time) *answers {
	return &answers{
		stream: stream[:min(len(stream), maxName)], addr: addr, client: client, clock: c, now: now, last: make(chan uint64, 1),
	}
}

// give has an answer given. It never waits.
func (a *answers) give(number uint64) {
	select {
	case <-a.last: // which this one says, too
	default:
	}
	a.last <- number
}

// run gives answers until ctx ends. One that does not arrive is not repeated: the leader does not wait for long.
func (a *answers) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case number := <-a.last:
			a.send(ctx, number)
		}
	}
}

// compare compares the clock with the leader's until ctx ends.
func (a *answers) compare(ctx context.Context) {
	ticker := time.NewTicker(compareEach)
	defer ticker.Stop()
	for {
		a.send(ctx, 0)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// connected returns a context for a request, and when that was given to a connection, by the clock of now: the leader has got it
// later. Until then it is now.
func connected(ctx context.Context, now func() time.Time) (context.Context, *time.Time) {
	asked := now()
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { asked = now() }}), &asked
}

func (a *answers) send(ctx context.Context, number uint64) {
	text, err := json.Marshal(answer{a.stream, number})
	if err != nil {
		return // a text and a number: cannot be
	}
	ctx, cancel := context.WithTimeout(ctx, heardWithin)
	defer cancel()
	asking, asked := connected(ctx, a.now)
	r, err := http.NewRequestWithContext(asking, http.MethodPost, "https://"+a.addr+HeardPath, bytes.NewReader(text))
	if err != nil {
		return
	}
	resp, err := a.client.RoundTrip(r)
	if err != nil {
		return
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxHeard)) // to its end, so that the connection can be used again
	var said taken
	if err == nil && json.Unmarshal(body, &said) == nil && said.At != nil && *said.At >= 0 {
		a.clock.heard(time.Duration(*said.At)*time.Millisecond, *asked, a.now())
	}
}
