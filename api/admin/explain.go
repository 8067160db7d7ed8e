package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// maxExplained is how many past sessions of a room are explained.
const maxExplained = 20

// explainMeeting tells why a meeting is where it is, and why its last sessions were where they were. It may be named by
// its front end's ID or, as logs and servers do, by the internal one of a session.
func (a *API) explainMeeting(r *http.Request) (any, error) {
	key, err := meetingKey(r)
	if err != nil {
		return nil, err
	}
	running := a.Meetings.Meetings()
	e, err := a.explain(r.Context(), key, running)
	if err == nil && len(e.Sessions) == 0 {
		e, err = a.explainSession(r.Context(), key.MeetingID, r.URL.Query().Get("tenant"), running)
	}
	if err == nil && len(e.Sessions) == 0 {
		err = notFound("nothing is known of a meeting %q of tenant %q: name it as its front end does, with its tenant, or by "+
			"its internal ID; bbbpool meeting list shows those that run", key.MeetingID, key.Tenant)
	}
	return e, err
}

// explain tells about the meeting that a front end calls so.
func (a *API) explain(ctx context.Context, key store.MeetingKey, running []placement.Info) (Explained, error) {
	e := Explained{MeetingID: key.MeetingID, Tenant: key.Tenant, Sessions: []ExplainedAt{}}
	live := ""
	for _, m := range running {
		if m.MeetingKey == key {
			e.Sessions, live = append(e.Sessions, explainLive(m, a.outages())), m.InternalID
		}
	}
	past, err := a.Sessions.MeetingSessions(ctx, key.Tenant, a.Meetings.Hash(key), maxExplained)
	for _, s := range past {
		if s.ID != live { // a crash may have left both
			e.Sessions = append(e.Sessions, explainPast(s))
		}
	}
	return e, err
}

// explainSession tells about the meeting that had such a session; "" is any tenant. What front ends call a meeting is
// kept as a hash alone, so of one that does not run it is not told.
func (a *API) explainSession(
	ctx context.Context, id, tenant string, running []placement.Info,
) (Explained, error) {
	for _, m := range running {
		if m.InternalID == id && (tenant == "" || m.Tenant == tenant) {
			return a.explain(ctx, m.MeetingKey, running)
		}
	}
	s, err := a.Sessions.Session(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && tenant != "" && s.Tenant != tenant {
		return Explained{}, nil
	}
	if err != nil {
		return Explained{}, err
	}
	for _, m := range running {
		if m.Tenant == s.Tenant && a.Meetings.Hash(m.MeetingKey) == s.Meeting {
			return a.explain(ctx, m.MeetingKey, running)
		}
	}
	past := []store.Session{s}
	if s.Meeting != "" {
		past, err = a.Sessions.MeetingSessions(ctx, s.Tenant, s.Meeting, maxExplained)
		if !slices.ContainsFunc(past, func(p store.Session) bool { return p.ID == id }) {
			past = append(past, s)
		}
	}
	e := Explained{Tenant: s.Tenant}
	for _, p := range past {
		e.Sessions = append(e.Sessions, explainPast(p))
	}
	return e, err
}

func explainLive(m placement.Info, away outages) ExplainedAt {
	return ExplainedAt{
		OfflineSince: away[m.Server],
		InternalID:   m.InternalID, Server: m.Server, Start: m.Placed.UTC().Truncate(time.Millisecond), People: m.People, Peak: m.Peak,
		Joins: m.Joins, Recorded: m.Recorded, Why: placement.Explain(m.Server, m.Why), Decision: newDecision(m.Why),
	}
}

func explainPast(s store.Session) ExplainedAt {
	return ExplainedAt{
		InternalID: s.ID, Server: s.Server, Start: s.Start.UTC().Truncate(time.Millisecond), End: stamp(s.End), Peak: s.Peak,
		Joins: s.Joins, Reason: s.Reason, Recorded: s.Recorded, Why: placement.Explain(s.Server, s.Why), Decision: newDecision(s.Why),
	}
}

func newDecision(d store.Decision) *Decision {
	if d == (store.Decision{}) {
		return nil
	}
	return &Decision{
		Here: d.Here, Expected: tenths(d.Expected), Kept: tenths(d.Kept), Own: tenths(d.Own), Basis: d.Basis,
		Weight: d.Weight, Next: d.Next, NextAt: tenths(d.NextAt),
	}
}
