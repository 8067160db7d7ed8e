package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

var sessionTable = table[store.Session]{
	bucket: sessions, noun: "session", encode: encodeSession, decode: decodeSession, index: indexSession,
}

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
}

func encodeSession(s store.Session) any {
	return sessionRow{
		Tenant: text(s.Tenant), Server: s.Server, Start: s.Start.UTC(), End: s.End.UTC(), Peak: s.Peak,
		Joins: s.Joins, Reason: text(s.Reason), Recorded: s.Recorded, Meeting: text(s.Meeting), Hint: s.Hint,
		Why: decisionRow(s.Why),
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
		Why: store.Decision(r.Why),
	}
}

// sessionLinks leave those of before schema 3, which have no meeting, out of the index by it.
func sessionLinks(s *store.Session) []link {
	if s == nil {
		return nil
	}
	links := []link{{sessionsByEnd, string(timeKey(s.End)) + s.ID, ""}}
	if s.Meeting != "" {
		links = append(links, link{sessionsByMeeting, roomPrefix(s.Tenant, s.Meeting) + placeOf(s.Start, s.ID), ""})
	}
	return links
}

// roomPrefix starts the keys of the sessions of one room.
func roomPrefix(tenant, meeting string) string { return string(ofTenant(tenant)) + sized(meeting) }

func indexSession(t *txn, before, after *store.Session) error {
	if after != nil && ofTenant(after.Tenant) == nil {
		return errKey
	}
	return t.move(sessionLinks(before), sessionLinks(after))
}

// sessionRole is [store.Sessions].
type sessionRole struct{ db *DB }

func (role sessionRole) AddSession(ctx context.Context, s store.Session, used ...store.Usage) error {
	return role.db.write(ctx, sessionTable.op("add", []byte(s.ID)), func(t *txn) error {
		if err := t.addSession(s); err != nil {
			return err
		}
		return t.addUsage(used)
	})
}

// addSession adds a session, or makes of the one that is there what it has become.
func (t *txn) addSession(s store.Session) error {
	key := []byte(s.ID)
	value := t.get(sessions, key)
	if value == nil {
		_, err := sessionTable.save(t, key, nil, s)
		return err
	}
	before, err := sessionTable.read(key, value)
	if err != nil {
		return err
	}
	if before.Tenant != s.Tenant || before.Server != s.Server {
		return store.ErrExists
	}
	after := s // this may run again, and then beside another row
	after.Peak, after.Joins = max(s.Peak, before.Peak), max(s.Joins, before.Joins)
	if !before.Start.IsZero() && (s.Start.IsZero() || before.Start.Before(s.Start)) {
		after.Start = before.Start
	}
	if s.Why == (store.Decision{}) {
		after.Why, after.Hint = before.Why, before.Hint
	}
	_, err = sessionTable.save(t, key, &before, after)
	return err
}

func (role sessionRole) Session(ctx context.Context, id string) (store.Session, error) {
	return one(ctx, role.db, sessionTable, []byte(id))
}

func (role sessionRole) SessionsSince(ctx context.Context, since time.Time, after string, limit int) ([]store.Session, error) {
	op := fmt.Sprintf("list sessions since %s", since.UTC().Format(time.RFC3339))
	return role.sessionsBy(ctx, op, sessionsByEnd, "", string(timeKey(since))+after, limit)
}

func (role sessionRole) MeetingSessions(ctx context.Context, tenant, meeting string, limit int) ([]store.Session, error) {
	if ofTenant(tenant) == nil {
		limit = 0 // nothing could be stored of it
	}
	return role.sessionsBy(ctx, "list the sessions of a meeting", sessionsByMeeting, roomPrefix(tenant, meeting), "", limit)
}

// sessionsBy reads the sessions that an index has under prefix, from the first one behind after on. The keys of both
// indexes go on with a time and the ID.
func (role sessionRole) sessionsBy(
	ctx context.Context, op, index, prefix, after string, limit int,
) (list []store.Session, err error) {
	err = role.db.read(ctx, op, func(tx *bbolt.Tx) error {
		var ids [][]byte
		for place := range merge(bucket(tx, index), []string{prefix}, after) {
			if len(ids) >= limit {
				break
			}
			ids = append(ids, idAt(place))
		}
		rows := bucket(tx, sessions)
		list = make([]store.Session, len(ids))
		for i, id := range ids {
			s, err := sessionTable.read(id, rows.Get(id))
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			list[i] = s
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (role sessionRole) DeleteSessions(ctx context.Context, ended time.Time, limit int) (deleted int, err error) {
	op := fmt.Sprintf("delete sessions that ended before %s", ended.UTC().Format(time.RFC3339))
	err = role.db.write(ctx, op, func(t *txn) error {
		deleted = 0 // of a run that did not count
		for _, id := range t.endedBefore(timeKey(ended), limit) {
			if err := t.deleteSession(id); err != nil {
				return err
			}
			deleted++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// endedBefore returns the IDs of the sessions that ended first.
func (t *txn) endedBefore(end []byte, limit int) (ids [][]byte) {
	for place := range merge(bucket(t.Tx, sessionsByEnd), []string{""}, "") {
		if len(ids) >= limit || bytes.Compare(place[:timeSize], end) >= 0 {
			break
		}
		ids = append(ids, bytes.Clone(idAt(place)))
	}
	return ids
}
