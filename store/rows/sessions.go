package rows

import (
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

type sessionRow struct {
	Tenant   text        `json:"tenant"`
	Server   string      `json:"server"`
	Start    time.Time   `json:"start,omitzero"`
	End      time.Time   `json:"end,omitzero"`
	Peak     int         `json:"peak,omitempty"`
	Joins    int         `json:"joins,omitempty"`
	Reason   text        `json:"reason,omitempty"`
	Recorded bool        `json:"recorded,omitempty"`
	Meeting  text        `json:"meeting,omitempty"`
	Hint     int         `json:"hint,omitempty"`
	Why      decisionRow `json:"why,omitzero"`
	Signer   text        `json:"signer,omitempty"`
	Back     *backRow    `json:"back,omitempty"`
}

func encodeSession(s store.Session) any {
	return sessionRow{
		Tenant: text(s.Tenant), Server: s.Server, Start: s.Start.UTC(), End: s.End.UTC(), Peak: s.Peak,
		Joins: s.Joins, Reason: text(s.Reason), Recorded: s.Recorded, Meeting: text(s.Meeting), Hint: s.Hint,
		Why: decisionRow(s.Why), Signer: text(s.Signer), Back: encodeBack(s.Back),
	}
}

func decodeSession(key, value []byte) (store.Session, error) {
	var r sessionRow
	if r.scan(value) {
		return r.session(key), nil
	}
	r = sessionRow{}
	err := json.Unmarshal(value, &r)
	return r.session(key), err
}

func (r *sessionRow) session(key []byte) store.Session {
	return store.Session{
		ID: string(key), Tenant: string(r.Tenant), Server: r.Server, Start: r.Start, End: r.End, Peak: r.Peak,
		Joins: r.Joins, Reason: string(r.Reason), Recorded: r.Recorded, Meeting: string(r.Meeting), Hint: r.Hint,
		Why: store.Decision(r.Why), Signer: string(r.Signer), Back: r.Back.back(),
	}
}

// RoomPrefix starts the keys of the sessions of one room.
func RoomPrefix(tenant, meeting string) string { return string(OfTenant(tenant)) + Sized(meeting) }

// lookSession is by the end and, where the room is known, by that.
func lookSession(s store.Session) [][]byte {
	look := [][]byte{append(TimeKey(s.End), s.ID...), nil}
	if s.Meeting != "" {
		look[1] = []byte(RoomPrefix(s.Tenant, s.Meeting) + PlaceOf(s.Start, s.ID))
	}
	return look
}
