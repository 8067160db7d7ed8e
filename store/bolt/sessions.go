package bolt

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

var sessionTable = table[store.Session]{
	bucket: sessions, noun: "session", encode: encodeSession, decode: decodeSession, index: indexSession,
}

func encodeSession(s store.Session) any {
	return sessionRow{
		Tenant: text(s.Tenant), Server: s.Server, Start: s.Start.UTC(), End: s.End.UTC(), Peak: s.Peak,
		Joins: s.Joins, Reason: text(s.Reason), Recorded: s.Recorded,
	}
}

func decodeSession(key, value []byte) (store.Session, error) {
	var r sessionRow
	err := json.Unmarshal(value, &r)
	return store.Session{
		ID: string(key), Tenant: string(r.Tenant), Server: r.Server, Start: r.Start, End: r.End, Peak: r.Peak,
		Joins: r.Joins, Reason: string(r.Reason), Recorded: r.Recorded,
	}, err
}

func sessionLinks(s *store.Session) []link {
	if s == nil {
		return nil
	}
	return []link{{sessionsByEnd, string(timeKey(s.End)) + s.ID, ""}}
}

func indexSession(t *txn, before, after *store.Session) error {
	return t.move(sessionLinks(before), sessionLinks(after))
}

// AddSession implements [store.Sessions].
func (db *DB) AddSession(ctx context.Context, s store.Session) error {
	key := []byte(s.ID)
	return db.write(ctx, sessionTable.op("add", key), func(t *txn) error {
		var before *store.Session
		if value := t.get(sessions, key); value != nil {
			old, err := sessionTable.read(key, value)
			if err != nil {
				return err
			}
			if old.Tenant != s.Tenant || old.Server != s.Server {
				return store.ErrExists
			}
			before = &old
		}
		_, err := sessionTable.save(t, key, before, s)
		return err
	})
}

// SessionsSince implements [store.Sessions].
func (db *DB) SessionsSince(ctx context.Context, since time.Time, limit int) (list []store.Session, err error) {
	op := fmt.Sprintf("list sessions since %s", since.UTC().Format(time.RFC3339))
	err = db.read(ctx, op, func(tx *bbolt.Tx) error {
		ends, rows := bucket(tx, sessionsByEnd).Cursor(), bucket(tx, sessions)
		for end, _ := ends.Seek(timeKey(since)); end != nil && len(list) < limit; end, _ = ends.Next() {
			id := end[timeSize:]
			s, err := sessionTable.read(id, rows.Get(id))
			if err != nil {
				return err
			}
			list = append(list, s)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Session implements [store.Sessions].
func (db *DB) Session(ctx context.Context, id string) (store.Session, error) {
	return one(ctx, db, sessionTable, []byte(id))
}
