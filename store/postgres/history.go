package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var (
	sessionTable = table[store.Session]{
		noun: "session", codec: rows.Sessions, check: func(s store.Session) error { return rows.CheckTenant(s.Tenant) },
	}
	usageTable = table[store.Usage]{noun: "usage", codec: rows.Usage}
)

// The look-ups of sessions, as in store.Kinds.
const (
	sessionsByEnd = iota
	sessionsByRoom
)

// sessionRole is [store.Sessions].
type sessionRole struct{ db *DB }

func (role sessionRole) AddSession(ctx context.Context, s store.Session, along ...store.Along) error {
	var used []store.Usage
	var tell []store.Callback
	for _, a := range along {
		used, tell = append(used, a.Used...), append(tell, a.Callbacks...)
	}
	return role.db.write(ctx, sessionTable.op("add", []byte(s.ID)), func(t *txn) error {
		locks, err := locksOfUsage(used)
		if err != nil {
			return err
		}
		if err := t.lock(append(locks, lockOf(rows.Sessions.Kind, []byte(s.ID)))...); err != nil {
			return err
		}
		standing, err := sessionTable.read(t, []byte(s.ID))
		count := used // this may run again
		switch {
		case errors.Is(err, store.ErrNotFound):
			standing = s
		case err == nil && standing.HasCounted():
			count = nil
		}
		if err = store.Ignore(err, store.ErrNotFound); err == nil {
			standing, err = standing.GoOn(s)
		}
		if err != nil {
			return err
		}
		var b pgx.Batch
		if _, err := sessionTable.save(&b, []byte(s.ID), standing); err != nil {
			return err
		}
		if err := errors.Join(t.addUsage(&b, count), addCallbacks(&b, tell)); err != nil {
			return err
		}
		return t.send(&b)
	})
}

func (role sessionRole) Session(ctx context.Context, id string) (store.Session, error) {
	return one(ctx, role.db, sessionTable, []byte(id))
}

func (role sessionRole) SessionsSince(ctx context.Context, since time.Time, after string, limit int) ([]store.Session, error) {
	op := fmt.Sprintf("list sessions since %s", since.UTC().Format(time.RFC3339))
	s := span{after: append(rows.TimeKey(since), after...), limit: limit}
	return role.list(ctx, op, sessionsByEnd, s)
}

func (role sessionRole) MeetingSessions(ctx context.Context, tenant, meeting string, limit int) ([]store.Session, error) {
	s := prefixed([]byte(rows.RoomPrefix(tenant, meeting)))
	if s.limit = limit; rows.OfTenant(tenant) == nil {
		s.limit = 0 // nothing could be stored of it
	}
	return role.list(ctx, "list the sessions of a meeting", sessionsByRoom, s)
}

// list reads the sessions in a span of a look-up; none where none are asked for.
func (role sessionRole) list(ctx context.Context, op string, look int, s span) (list []store.Session, err error) {
	err = role.db.read(ctx, op, func(t *txn) error {
		if s.limit <= 0 {
			return nil
		}
		list, err = found(t, sessionTable, look, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (role sessionRole) DeleteSessions(ctx context.Context, ended time.Time, limit int) (int, error) {
	op := fmt.Sprintf("delete sessions that ended before %s", ended.UTC().Format(time.RFC3339))
	return role.db.deleteSome(ctx, op, rows.Sessions.Kind, limit, func(t *txn) ([][]byte, error) {
		return t.placed(rows.Sessions.Kind, sessionsByEnd, span{to: rows.TimeKey(ended), limit: limit})
	})
}

// erasureRole is [store.Erasure].
type erasureRole struct{ db *DB }

func (role erasureRole) EraseSessions(ctx context.Context, tenant, meeting string, limit int) (int, error) {
	if rows.OfTenant(tenant) == nil {
		limit = 0
	}
	return role.db.deleteSome(ctx, "erase the sessions of a meeting", rows.Sessions.Kind, limit, func(t *txn) ([][]byte, error) {
		s := prefixed([]byte(rows.RoomPrefix(tenant, meeting)))
		s.limit = limit
		return t.placed(rows.Sessions.Kind, sessionsByRoom, s)
	})
}

func (role erasureRole) BlankAudit(ctx context.Context, a store.Audit) error {
	_, err := update(ctx, role.db, auditTable, rows.Audits.Key(a), nil, func(a *store.Audit) error {
		for _, side := range []*string{&a.Before, &a.After} {
			if *side != "" {
				*side = store.Erased
			}
		}
		return nil
	})
	return err
}

// usageRole is [store.Usages].
type usageRole struct{ db *DB }

// locksOfUsage are what additions to the same days wait for.
func locksOfUsage(list []store.Usage) (locks []int64, err error) {
	for _, u := range list {
		key := rows.Usage.Key(u)
		if key == nil {
			return nil, rows.ErrKey
		}
		locks = append(locks, lockOf(rows.Usage.Kind, key))
	}
	return locks, nil
}

// addUsage adds up what is of one day and tenant before it is read and written, once.
func (t *txn) addUsage(b *pgx.Batch, list []store.Usage) error {
	more := map[string][]store.Usage{}
	var order []string
	for _, u := range list {
		key := string(rows.Usage.Key(u))
		if more[key] == nil {
			order = append(order, key)
		}
		more[key] = append(more[key], u)
	}
	for _, key := range order {
		fresh := store.Usage{Day: more[key][0].Day, Tenant: more[key][0].Tenant}
		_, err := usageTable.change(t, b, []byte(key), &fresh, func(was *store.Usage) error {
			for _, u := range more[key] {
				was.Add(u)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (role usageRole) AddUsage(ctx context.Context, list ...store.Usage) error {
	return role.db.write(ctx, "add usage", func(t *txn) error {
		locks, err := locksOfUsage(list)
		if err != nil {
			return err
		}
		if err := t.lock(locks...); err != nil {
			return err
		}
		var b pgx.Batch
		if err := t.addUsage(&b, list); err != nil {
			return err
		}
		return t.send(&b)
	})
}

func (role usageRole) Usage(ctx context.Context, f store.UsageFilter) (list []store.Usage, err error) {
	s := span{from: []byte(f.From), limit: f.Limit}
	if after := rows.Usage.Key(f.After); after != nil && string(after) >= f.From {
		s.from, s.after = nil, after
	}
	if f.To != "" {
		s.to = []byte(f.To + "\x01")
	}
	err = role.db.read(ctx, "list usage", func(t *txn) error {
		list, err = ofTenant(t, f.Tenant, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// ofTenant reads the days of one tenant, or of all, a piece of the table at a time: keys begin with the day.
func ofTenant(t *txn, tenant string, s span) (list []store.Usage, err error) {
	const piece = 1000
	if tenant == "" {
		return all(t, usageTable, s)
	}
	limit := s.limit
	for s.limit = piece; ; {
		page, err := all(t, usageTable, s)
		if err != nil {
			return nil, err
		}
		for _, u := range page {
			if u.Tenant == tenant {
				list = append(list, u)
			}
			if limit > 0 && len(list) == limit {
				return list, nil
			}
		}
		if len(page) < piece {
			return list, nil
		}
		s.from, s.after = nil, rows.Usage.Key(page[piece-1])
	}
}

func (role usageRole) DeleteUsage(ctx context.Context, before string, limit int) (int, error) {
	return role.db.deleteFirst(ctx, "delete usage", rows.Usage.Kind, span{to: []byte(before), limit: limit})
}
