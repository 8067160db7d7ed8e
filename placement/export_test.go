package placement

import (
	"context"
	"errors"
	"fmt"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

// SetDraw decides what is drawn for servers that are equal in everything.
func (l *Ledger) SetDraw(draw func(n int) int) { l.book.Draw = draw }

// Book is the ledger's book, to look at while nothing is under way.
func (l *Ledger) Book() *Book { return l.book }

// Fault returns what the last write to the store failed with if that was within the last minute, or nil.
func (l *Ledger) Fault() error { return l.records.failure() }

// Room is how the book knows a meeting's room.
func (l *Ledger) Room(key store.MeetingKey) forecast.Room { return l.records.names().Room(key) }

// ShortenHistory is what Run does now and then.
func (l *Ledger) ShortenHistory(ctx context.Context) { l.shortenHistory(ctx) }

// Check reports everything in which the ledger contradicts itself while nothing is under way.
func (l *Ledger) Check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.book.Check(l.now())
	if n := l.term.turns.Len(); n != 0 {
		err = errors.Join(err, fmt.Errorf("%d turns are left over", n))
	}
	return err
}

// Seat is room held for a meeting that is not created yet.
type Seat = book.Seat

// Seats returns the seats that are held now, largest first.
func (l *Ledger) Seats() []Seat {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.book.KeepSeats(l.now())
	return l.book.Seats()
}
