package bolt

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var sessionTable = table[store.Session]{
	bucket: sessions, noun: "session", codec: rows.Sessions, links: sessionLinks,
	check: func(s store.Session) error { return rows.CheckTenant(s.Tenant) },
}

// sessionLinks leave those of before schema 3, which have no meeting, out of the index by it.
func sessionLinks(s store.Session) []link {
	links := []link{{sessionsByEnd, string(rows.TimeKey(s.End)) + s.ID, ""}}
	if s.Meeting != "" {
		links = append(links, link{sessionsByMeeting, rows.RoomPrefix(s.Tenant, s.Meeting) + rows.PlaceOf(s.Start, s.ID), ""})
	}
	return links
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
	return fetch(ctx, role.db, op, func(tx *bbolt.Tx) ([]store.Session, error) {
		return sessionTable.each(ctx, tx, idsUnder(tx, sessionsByEnd, "", string(rows.TimeKey(since))+after, limit))
	})
}

func (role sessionRole) MeetingSessions(ctx context.Context, tenant, meeting string, limit int) ([]store.Session, error) {
	return fetch(ctx, role.db, "list the sessions of a meeting", func(tx *bbolt.Tx) ([]store.Session, error) {
		return sessionTable.each(ctx, tx, sessionsOf(tx, tenant, meeting, limit))
	})
}

// sessionsOf are the IDs of the last sessions of a room. Nothing could be stored of a tenant with a zero byte.
func sessionsOf(tx *bbolt.Tx, tenant, meeting string, limit int) [][]byte {
	if rows.CheckTenant(tenant) != nil {
		return nil
	}
	return idsUnder(tx, sessionsByMeeting, rows.RoomPrefix(tenant, meeting), "", limit)
}

func (role sessionRole) DeleteSessions(ctx context.Context, ended time.Time, limit int) (int, error) {
	op := fmt.Sprintf("delete sessions that ended before %s", ended.UTC().Format(time.RFC3339))
	return apply(ctx, role.db, op, func(t *txn) (int, error) {
		return sessionTable.dropAll(t, t.before(sessionsByEnd, "", "", ended, limit))
	})
}
