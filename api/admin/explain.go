package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// maxExplained is how many past sessions of a room are explained.
const maxExplained = 20

// explain tells why a meeting is where it is, and why its last sessions were where they were. It may be named by
// its front end's ID or, as logs and servers do, by the internal one of a session.
func (m *Meetings) explain(r *http.Request) (any, error) {
	key, err := meetingKey(r)
	if err != nil {
		return nil, err
	}
	running := m.Ledger.Meetings()
	e, err := m.explainKey(r.Context(), key, running)
	if err == nil && len(e.Sessions) == 0 {
		e, err = m.explainSession(r.Context(), key.MeetingID, r.URL.Query().Get("tenant"), running)
	}
	if err == nil && len(e.Sessions) == 0 {
		err = v1.NotFound("nothing is known of a meeting %q of tenant %q: name it as its front end does, with its tenant, or by "+
			"its internal ID; bbbpool meeting list shows those that run", key.MeetingID, key.Tenant)
	}
	return e, err
}

// explainKey tells about the meeting that a front end calls so.
func (m *Meetings) explainKey(ctx context.Context, key store.MeetingKey, running []placement.Info) (v1.Explained, error) {
	e := v1.Explained{MeetingID: key.MeetingID, Tenant: key.Tenant, Sessions: []v1.ExplainedAt{}}
	live := ""
	for _, meeting := range running {
		if meeting.MeetingKey == key {
			e.Sessions, live = append(e.Sessions, explainLive(meeting, m.outages())), meeting.InternalID
		}
	}
	past, err := m.Sessions.MeetingSessions(ctx, key.Tenant, m.Ledger.Hash(key), maxExplained)
	for _, s := range past {
		if s.ID != live { // a crash may have left both
			e.Sessions = append(e.Sessions, explainPast(s))
		}
	}
	return e, err
}

// explainSession tells about the meeting that had such a session; "" is any tenant. What front ends call a meeting is
// kept as a hash alone, so of one that does not run it is not told.
func (m *Meetings) explainSession(
	ctx context.Context, id, tenant string, running []placement.Info,
) (v1.Explained, error) {
	for _, meeting := range running {
		if meeting.InternalID == id && (tenant == "" || meeting.Tenant == tenant) {
			return m.explainKey(ctx, meeting.MeetingKey, running)
		}
	}
	s, err := m.Sessions.Session(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && tenant != "" && s.Tenant != tenant {
		return v1.Explained{}, nil
	}
	if err != nil {
		return v1.Explained{}, err
	}
	for _, meeting := range running {
		if meeting.Tenant == s.Tenant && m.Ledger.Hash(meeting.MeetingKey) == s.Meeting {
			return m.explainKey(ctx, meeting.MeetingKey, running)
		}
	}
	past := []store.Session{s}
	if s.Meeting != "" {
		past, err = m.Sessions.MeetingSessions(ctx, s.Tenant, s.Meeting, maxExplained)
		if !slices.ContainsFunc(past, func(p store.Session) bool { return p.ID == id }) {
			past = append(past, s)
		}
	}
	e := v1.Explained{Tenant: s.Tenant}
	for _, p := range past {
		e.Sessions = append(e.Sessions, explainPast(p))
	}
	return e, err
}

func explainLive(m placement.Info, away outages) v1.ExplainedAt {
	return v1.ExplainedAt{
		OfflineSince: away[m.Server],
		InternalID:   m.InternalID, Server: m.Server, Start: m.Placed.UTC().Truncate(time.Millisecond),
		People: m.People, Peak: max(m.Peak, m.People), Joins: m.Joins, Recorded: m.Recorded,
		Why: placement.Explain(m.Server, m.Why), Decision: newDecision(m.Why),
	}
}

func explainPast(s store.Session) v1.ExplainedAt {
	return v1.ExplainedAt{
		InternalID: s.ID, Server: s.Server, Start: s.Start.UTC().Truncate(time.Millisecond), End: v1.Stamp(s.End), Peak: s.Peak,
		Joins: s.Joins, Reason: s.Reason, Recorded: s.Recorded, Why: placement.Explain(s.Server, s.Why), Decision: newDecision(s.Why),
	}
}

func newDecision(d store.Decision) *v1.Decision {
	if d == (store.Decision{}) {
		return nil
	}
	return &v1.Decision{
		Here: d.Here, Expected: quantity.Tenths(d.Expected), Kept: quantity.Tenths(d.Kept), Own: quantity.Tenths(d.Own), Basis: d.Basis,
		Weight: d.Weight, Next: d.Next, NextAt: quantity.Tenths(d.NextAt),
	}
}
