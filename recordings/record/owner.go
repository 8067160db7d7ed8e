package record

import (
	"cmp"
	"context"
	"errors"
	"maps"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// Sessions is the history of meetings.
type Sessions interface {
	// Session returns the session of an internal meeting ID, or store.ErrNotFound.
	Session(ctx context.Context, id string) (store.Session, error)
}

// Tenants knows which tenants there are.
type Tenants interface {
	// Tenant returns one, or store.ErrNotFound.
	Tenant(ctx context.Context, id string) (store.Tenant, error)
}

// Owners finds out whose recordings are.
type Owners struct {
	Sessions Sessions
	Tenants  Tenants
	Proven   Proven // nil where nothing proves anything
	Noted    Noted  // nil where nobody has noted anything before
}

// Proven tells which meeting a server was asked to make with that metadata, and which server that was, by what the pool has
// sealed and put there: nobody else can make that. It returns false where there is no such proof.
type Proven func(meta map[string]string) (meeting store.MeetingKey, server string, ok bool)

// Noted returns where the front end of a meeting wants to be told of a recording, as whoever ran the pool before has noted it;
// nil for nowhere.
type Noted func(ctx context.Context, meetingID, recordID string) (*store.Back, error)

// Session is what is known of the meeting of a recording: from the history, or of those that go on; empty for nothing. Of
// a breakout room, which servers open without asking, it is what is known of its parent: it was on the same server, and is
// the same tenant's.
func (o Owners) Session(ctx context.Context, r store.Recording, live map[string]store.Session) (store.Session, error) {
	session, err := o.session(ctx, r.RecordID, live)
	if err != nil || session.Tenant != "" || r.Breakout == nil || r.Breakout.Parent == "" {
		return session, err
	}
	return o.session(ctx, r.Breakout.Parent, live)
}

// Asking is what is known of the meeting whose front end has said what it wants to be told of a recording: of a breakout room's
// that is its parent, which has given it its metadata. Of a meeting that was not created here whoever ran the pool before may
// have noted it.
func (o Owners) Asking(ctx context.Context, r store.Recording, live map[string]store.Session) (store.Session, error) {
	session, err := o.asking(ctx, r, live)
	if err != nil || session.Back != nil || session.Signer != "" || o.Noted == nil {
		return session, err
	}
	back, err := o.Noted(ctx, r.MeetingID, r.RecordID)
	if err == nil && back != nil {
		session.Back, session.Tenant = back, cmp.Or(session.Tenant, r.Tenant)
	}
	return session, err
}

func (o Owners) asking(ctx context.Context, r store.Recording, live map[string]store.Session) (store.Session, error) {
	session, err := o.session(ctx, r.RecordID, live)
	if err != nil || session.Back != nil || r.Breakout == nil || r.Breakout.Parent == "" {
		return session, err
	}
	return o.session(ctx, r.Breakout.Parent, live)
}

func (o Owners) session(ctx context.Context, id string, live map[string]store.Session) (store.Session, error) {
	session, err := o.Sessions.Session(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return live[id], nil
	}
	return session, err
}

// Origin is what is known of where a recording comes from beside its meeting and what it says itself.
type Origin struct {
	Server  string // that has sent it
	Tenant  string // whose the operator says that it is
	Foreign bool   // a server has sent it, which can only prove whose it is
}

// Assign finds out which tenant and which server a recording belongs to: from the session of its meeting, else from what it
// says itself or the operator says of it. A server that sends a recording of a meeting that nobody knows cannot say whose
// it is, for who holds one server could put recordings into the rooms of every tenant. It can prove that: by what the pool has
// sealed for that very server when the tenant's create went there, which is no more than what such a create lets it do anyway.
// A tenant that a recording names in vain is kept, so that it can be given to that one later.
func (o Owners) Assign(
	ctx context.Context, r store.Recording, session store.Session, from Origin,
) (store.Recording, error) {
	claims := []string{r.Meta[ownTenant], r.Meta[scaleliteTenant], from.Tenant}
	if from.Foreign {
		claims = o.prove(&r, from.Server)
	}
	claimed, err := o.Tenant(ctx, claims...)
	if err != nil {
		return r, err
	}
	r.Tenant = cmp.Or(session.Tenant, claimed)
	r.Claimed, r.ClaimedID = "", ""
	if r.Tenant == "" {
		r.Tenant = store.DefaultTenant
		if named := cmp.Or(r.Meta[ownTenant], r.Meta[scaleliteTenant]); named != store.DefaultTenant {
			r.Claimed = Shorten(named)
		}
	}
	r.Server = cmp.Or(session.Server, from.Server)
	Disown(&r)
	return r, nil
}

// prove returns whose a recording is that a server has sent, as far as it proves that. What it was called by its front end is
// proven with it, and no matter of what the server says.
func (o Owners) prove(r *store.Recording, sender string) (tenants []string) {
	if o.Proven == nil {
		return nil
	}
	meeting, server, ok := o.Proven(r.Meta)
	if !ok || server != sender {
		return nil
	}
	r.Meta = maps.Clone(r.Meta)
	r.Meta[ownTenant], r.Meta[bbb.IDKey] = meeting.Tenant, meeting.MeetingID
	return []string{meeting.Tenant}
}

// Tenant returns the first of these names that is a tenant's, or "".
func (o Owners) Tenant(ctx context.Context, names ...string) (string, error) {
	for _, name := range names {
		if name == "" {
			continue
		}
		t, err := o.Tenants.Tenant(ctx, name)
		if err == nil {
			return t.ID, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
	}
	return "", nil
}
