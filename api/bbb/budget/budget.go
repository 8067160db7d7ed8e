// Package budget bounds the memory that answers take which are read at the same time, however many servers send however
// much. It reads them, and never looks at what they say. A budget is one process's, for its own memory.
package budget

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// Sizes of answers, in bytes. Nobody waits for a small one.
const (
	Small  = 16 << 10
	Medium = 1 << 20
	Large  = 16 << 20
)

// Budget is what all answers that are being read at the same time may take of our memory: 256 MiB. Servers that send
// what they can, at once, cost no more than that.
//
// A small answer, as nearly all are, is free, so that no create waits for somebody's list. What grows beyond that needs
// one of the places of its size; who needs a larger one keeps the first. As nobody who holds a large place waits for
// anything, there is always somebody who comes to an end.
type Budget struct {
	medium chan struct{} // for up to Medium
	large  chan struct{} // for up to Large
}

// A buffer that grows to twice its size exists beside the old one, so an answer counts one and a half times.
const (
	mediumPlaces = 64 << 20 / (Medium * 3 / 2)
	largePlaces  = 192 << 20 / (Large * 3 / 2)
)

// New returns a budget of which nothing is taken.
func New() *Budget {
	return &Budget{medium: make(chan struct{}, mediumPlaces), large: make(chan struct{}, largePlaces)}
}

// ErrCrowded says why an answer was not read.
var ErrCrowded = errors.New("too many large answers are being read at the same time")

// Place is what an answer takes of the budget. The zero value is none.
type Place struct{ taken []chan struct{} }

// take waits for one place more, for as long as ctx lasts.
func (p *Place) take(ctx context.Context, of chan struct{}) error {
	select {
	case of <- struct{}{}:
		p.taken = append(p.taken, of)
		return nil
	case <-ctx.Done():
		return ErrCrowded
	}
}

// Leave makes room for others.
func (p *Place) Leave() {
	for _, of := range p.taken {
		<-of
	}
	p.taken = nil
}

// Read reads all of r, or one byte more than the limit, and takes a place for it, which the caller has to leave. It may wait
// for that place.
// The buffer grows with what arrives, whatever length was announced.
func (b *Budget) Read(ctx context.Context, r io.Reader, limit int64, p *Place) ([]byte, error) {
	body, more, err := Fill(r, nil, min(Small, limit+1))
	for _, step := range []struct {
		places chan struct{}
		most   int64
	}{{b.medium, Medium + 1}, {b.large, limit + 1}} {
		if !more || err != nil || int64(len(body)) > limit {
			break
		}
		if err := p.take(ctx, step.places); err != nil {
			return nil, err
		}
		body, more, err = Fill(r, body, min(step.most, limit+1))
	}
	return snug(body), err
}

// Fill reads on until a body has so many bytes, or r ends. The buffer doubles as it fills.
func Fill(r io.Reader, body []byte, most int64) (filled []byte, more bool, err error) {
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
	if cap(body)-len(body) < Small {
		return body
	}
	return bytes.Clone(body)
}
