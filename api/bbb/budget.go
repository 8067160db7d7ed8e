package bbb

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// How much of an answer is read, in bytes. Lists alone may be large.
const (
	MaxAnswer     = 16 << 20 // of getMeetings: some 50,000 attendees
	maxRecordings = 8 << 20  // of getRecordings: some 160 KiB for each recording that was asked for
	maxMeeting    = 4 << 20  // of getMeetingInfo: some 12,000 attendees
	maxOther      = 1 << 20  // of any other call
	maxSmall      = 16 << 10
)

// maxAnswer is how many bytes the answer to a call may have.
func maxAnswer(call string) int64 {
	switch call {
	case "getMeetings":
		return MaxAnswer
	case "getRecordings":
		return maxRecordings
	case "getMeetingInfo":
		return maxMeeting
	}
	return maxOther
}

// budget is what all answers that are being read at the same time may take of our memory: 256 MiB. Servers that send
// what they can, at once, cost no more than that.
//
// A small answer, as nearly all are, is free, so that no create waits for somebody's list. What grows beyond that needs
// one of the places of its size; who needs a larger one keeps the first. As nobody who holds a large place waits for
// anything, there is always somebody who comes to an end.
type budget struct {
	medium chan struct{} // for up to maxOther
	large  chan struct{} // for up to MaxAnswer
}

// A buffer that grows to twice its size exists beside the old one, so an answer counts one and a half times.
const (
	mediumPlaces = 64 << 20 / (maxOther * 3 / 2)
	largePlaces  = 192 << 20 / (MaxAnswer * 3 / 2)
)

func newBudget() *budget {
	return &budget{medium: make(chan struct{}, mediumPlaces), large: make(chan struct{}, largePlaces)}
}

// errCrowded says why an answer was not read.
var errCrowded = errors.New("too many large answers are being read at the same time")

// place is what an answer takes of the budget. The zero value is none.
type place struct{ taken []chan struct{} }

// take waits for one place more, for as long as ctx lasts.
func (p *place) take(ctx context.Context, of chan struct{}) error {
	select {
	case of <- struct{}{}:
		p.taken = append(p.taken, of)
		return nil
	case <-ctx.Done():
		return errCrowded
	}
}

// leave makes room for others.
func (p *place) leave() {
	for _, of := range p.taken {
		<-of
	}
	p.taken = nil
}

// read reads all of r, or one byte more than the limit, and takes a place for it, which the caller has to leave. It may wait
// for that place.
// The buffer grows with what arrives, whatever length was announced.
func (b *budget) read(ctx context.Context, r io.Reader, limit int64, p *place) ([]byte, error) {
	body, more, err := fill(r, nil, min(maxSmall, limit+1))
	for _, step := range []struct {
		places chan struct{}
		most   int64
	}{{b.medium, maxOther + 1}, {b.large, limit + 1}} {
		if !more || err != nil || int64(len(body)) > limit {
			break
		}
		if err := p.take(ctx, step.places); err != nil {
			return nil, err
		}
		body, more, err = fill(r, body, min(step.most, limit+1))
	}
	return snug(body), err
}

// fill reads on until a body has so many bytes, or r ends. The buffer doubles as it fills.
func fill(r io.Reader, body []byte, most int64) (filled []byte, more bool, err error) {
	const first = 4 << 10
	for int64(len(body)) < most {
		if len(body) == cap(body) {
			size := min(max(2*int64(len(body)), first), most)
			body = append(make([]byte, 0, size), body...)
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF { // wrapped, it is no sound end
			return body, false, nil
		}
		if err != nil {
			return body, false, err
		}
	}
	return body, true, nil
}

// snug returns a body without the room behind it, where that is much: answers are kept for a while.
func snug(body []byte) []byte {
	if cap(body)-len(body) < maxSmall {
		return body
	}
	return bytes.Clone(body)
}
