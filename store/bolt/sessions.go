package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var sessionTable = table[store.Session]{
	bucket: sessions, noun: "session", codec: rows.Sessions, index: indexSession,
}

// sessionLinks leave those of before schema 3, which have no meeting, out of the index by it.
func sessionLinks(s *store.Session) []link {
	if s == nil {
		return nil
	}
	links := []link{{sessionsByEnd, string(rows.TimeKey(s.End)) + s.ID, ""}}
	if s.Meeting != "" {
		links = append(links, link{sessionsByMeeting, rows.RoomPrefix(s.Tenant, s.Meeting) + rows.PlaceOf(s.Start, s.ID), ""})
	}
	return links
}

func indexSession(t *txn, before, after *store.Session) error {
	if after != nil && rows.OfTenant(after.Tenant) == nil {
		return rows.ErrKey
	}
	return t.move(sessionLinks(before), sessionLinks(after))
}

// sessionRole is [store.Sessions].
type sessionRole struct{ db *DB }

func (role sessionRole) AddSession(ctx context.Context, s store.Session, along ...store.Along) error {
	return role.db.write(ctx, sessionTable.op("add", []byte(s.ID)), func(t *txn) error {
		counted, err := t.addSession(s)
		if err != nil {
			return err
		}
		for _, a := range along {
			if err := t.addCallbacks(a.Callbacks); err != nil {
				return err
			}
			if counted {
				continue
			}
			if err := t.addUsage(a.Used); err != nil {
				return err
			}
		}
		return nil
	})
}

// addSession adds a session, or makes of the one that is there what it has become. It tells whether that one has
// counted.
func (t *txn) addSession(s store.Session) (counted bool, err error) {
	key := []byte(s.ID)
	value := t.get(sessions, key)
	if value == nil {
		_, err := sessionTable.save(t, key, nil, s)
		return false, err
	}
	before, err := sessionTable.read(key, value)
	if err != nil {
		return false, err
	}
	after, err := before.GoOn(s)
	if err != nil {
		return false, err
	}
	_, err = sessionTable.save(t, key, &before, after)
	return before.HasCounted(), err
}

func (role sessionRole) Session(ctx context.Context, id string) (store.Session, error) {
	return one(ctx, role.db, sessionTable, []byte(id))
}

func (role sessionRole) SessionsSince(ctx context.Context, since time.Time, after string, limit int) ([]store.Session, error) {
	op := fmt.Sprintf("list sessions since %s", since.UTC().Format(time.RFC3339))
	return role.sessionsBy(ctx, op, sessionsByEnd, "", string(rows.TimeKey(since))+after, limit)
}

func (role sessionRole) MeetingSessions(ctx context.Context, tenant, meeting string, limit int) ([]store.Session, error) {
	if rows.OfTenant(tenant) == nil {
		limit = 0 // nothing could be stored of it
	}
	return role.sessionsBy(ctx, "list the sessions of a meeting", sessionsByMeeting, rows.RoomPrefix(tenant, meeting), "", limit)
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
		for _, id := range t.endedBefore(rows.TimeKey(ended), limit) {
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
		if len(ids) >= limit || bytes.Compare(place[:rows.TimeSize], end) >= 0 {
			break
		}
		ids = append(ids, bytes.Clone(idAt(place)))
	}
	return ids
}
