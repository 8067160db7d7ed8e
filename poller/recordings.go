package poller

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// ErrUnknown says that a server is not in the pool.
var ErrUnknown = errors.New("no such server in the pool")

// Recordings asks a server what it knows of these recordings, in every state. What it does not know is missing from the
// list. Of formats it tells the types alone, and of the tenant nothing. A server that is disabled is not asked, which is
// an error; one that is not in the pool is ErrUnknown.
func (p *Poller) Recordings(ctx context.Context, server string, recordIDs []string) ([]store.Recording, error) {
	client, err := p.pool.askable(server)
	if err != nil {
		return nil, fmt.Errorf("recordings of server %s: %w", server, err)
	}
	seen, err := client.Recordings(ctx, recordIDs, "any")
	if err != nil {
		if unreachable(err) && ctx.Err() == nil {
			p.Report(server, client, err)
		}
		return nil, fmt.Errorf("recordings of server %s: %w", server, err)
	}
	list := make([]store.Recording, 0, len(seen))
	for _, r := range seen {
		list = append(list, recording(server, r))
	}
	return list, nil
}

var errDisabled = errors.New("it is disabled, and not asked until it is enabled again")

// askable returns the client of a server that may be asked.
func (p *pool) askable(id string) (*bbb.Client, error) {
	s := p.server(id)
	if s == nil {
		return nil, ErrUnknown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state.client == nil: // it has just left
		return nil, ErrUnknown
	case s.state.disabled():
		return nil, errDisabled
	}
	return s.state.client, nil
}

// unreachable tells whether a call has failed for a reason that any other call would fail for. Servers with many
// recordings take long to find one, and may answer with an error of their own: that costs none of them its health.
func unreachable(err error) bool {
	call, ok := errors.AsType[*bbb.CallError](err)
	return ok && slices.Contains([]bbb.Reason{bbb.DNS, bbb.Refused, bbb.TLS}, call.Reason)
}

// states are those that a server may show. What it calls otherwise counts by whether it is published.
var states = []store.RecordingState{
	store.Processing, store.Processed, store.Published, store.Unpublished, store.Deleted,
}

func recording(server string, r bbb.Recording) store.Recording {
	state := store.RecordingState(r.State)
	switch {
	case slices.Contains(states, state):
	case r.Published:
		state = store.Published
	default:
		state = store.Unpublished
	}
	made := store.Recording{
		RecordID: r.RecordID, MeetingID: r.MeetingID, Name: r.Name, State: state, Start: r.Start, End: r.End,
		Participants: r.Participants, RawSize: r.RawSize, Meta: r.Meta, Server: server,
	}
	for _, format := range r.Formats {
		made.Formats = append(made.Formats, store.Format{Type: format})
	}
	return made
}
