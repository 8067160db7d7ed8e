package assembly

import (
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/api/callbacks/receiver"
	"github.com/bbbpool/bbbpool/api/callbacks/signing"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// openReceiver makes what servers call back, and tells it whom to ask.
func (p *Pool) openReceiver() {
	c := p.Callbacks
	c.Hash, c.Tenants, c.Marked = p.Ledger.Hash, p.Stores.State, p.Recordings.Marked
	c.Nudge, c.Room = p.Outbox.Nudge, p.Outbox.RoomFor
	p.Outbox.PutOff = c.PutOff
	c.Claim = func(ctx context.Context, key store.MeetingKey) (store.Claim, bool) {
		found, err := p.Ledger.Find(ctx, key, 0)
		return found.Claim, err == nil
	}
	p.receiver = &receiver.Receiver{
		Seal: c.Seal, Ledger: p.Ledger, Believer: c, Servers: p.Stores.State, Look: p.Poller.Look,
		Called: p.Silence.Called, Verify: signing.VerifyBearer,
		Refused: func(err error) bool { return errors.Is(err, store.ErrFenced) || errors.Is(err, placement.ErrFollower) },
		Now:     p.options.Now, Log: p.log("callbacks"), Metrics: p.Metrics,
	}
	if p.Instance != nil {
		p.receiver.Elsewhere = p.Instance
	}
}
