package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

var usageTable = table[store.Usage]{bucket: usage, noun: "usage", encode: encodeUsage, decode: decodeUsage}

type usageRow struct {
	Meetings     int     `json:"meetings,omitempty"`
	Joins        int     `json:"joins,omitempty"`
	PeopleMins   float64 `json:"people_mins,omitempty"`
	PeakMeetings int     `json:"peak_meetings,omitempty"`
	PeakPeople   int     `json:"peak_people,omitempty"`
	Recordings   int     `json:"recordings,omitempty"`
	Bytes        int64   `json:"bytes,omitempty"`
}

func encodeUsage(u store.Usage) any {
	return usageRow{u.Meetings, u.Joins, u.PeopleMins, u.PeakMeetings, u.PeakPeople, u.Recordings, u.Bytes}
}

func decodeUsage(key, value []byte) (store.Usage, error) {
	var r usageRow
	err := json.Unmarshal(value, &r)
	day, tenant, _ := strings.Cut(string(key), "\x00")
	return store.Usage{
		Day: day, Tenant: tenant, Meetings: r.Meetings, Joins: r.Joins, PeopleMins: r.PeopleMins, PeakMeetings: r.PeakMeetings,
		PeakPeople: r.PeakPeople, Recordings: r.Recordings, Bytes: r.Bytes,
	}, err
}

// usageKey is nil where no usage can be.
func usageKey(u store.Usage) []byte {
	if u.Day == "" || strings.Contains(u.Day+u.Tenant, "\x00") {
		return nil
	}
	return []byte(u.Day + "\x00" + u.Tenant)
}

// usageRole is [store.Usages].
type usageRole struct{ db *DB }

func (role usageRole) AddUsage(ctx context.Context, list ...store.Usage) error {
	return role.db.write(ctx, "add usage", func(t *txn) error { return t.addUsage(list) })
}

func (t *txn) addUsage(list []store.Usage) error {
	for _, u := range list {
		_, err := usageTable.change(t, usageKey(u), &store.Usage{Day: u.Day, Tenant: u.Tenant}, func(was *store.Usage) error {
			was.Add(u)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (role usageRole) Usage(ctx context.Context, f store.UsageFilter) (list []store.Usage, err error) {
	err = role.db.read(ctx, "list usage", func(tx *bbolt.Tx) error {
		c := bucket(tx, usage).Cursor()
		for key, value := firstUsage(c, f); key != nil; key, value = c.Next() {
			u, err := usageTable.read(key, value)
			switch {
			case err != nil || ctx.Err() != nil:
				return errors.Join(err, ctx.Err())
			case f.To != "" && u.Day > f.To || f.Limit > 0 && len(list) == f.Limit:
				return nil
			case f.Tenant == "" || f.Tenant == u.Tenant:
				list = append(list, u)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// firstUsage places a cursor at the first row that may be selected.
func firstUsage(c *bbolt.Cursor, f store.UsageFilter) (key, value []byte) {
	after := usageKey(f.After)
	if string(after) < f.From {
		return c.Seek([]byte(f.From))
	}
	if key, value = c.Seek(after); after != nil && bytes.Equal(key, after) {
		return c.Next()
	}
	return key, value
}

func (role usageRole) DeleteUsage(ctx context.Context, before string, limit int) (deleted int, err error) {
	err = role.db.write(ctx, "delete usage", func(t *txn) error {
		deleted, err = t.deleteBefore(usage, []byte(before), limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// deleteBefore removes the first rows of a bucket that has no index, up to a key and at most limit of them.
func (t *txn) deleteBefore(name string, end []byte, limit int) (deleted int, err error) {
	var keys [][]byte
	c := bucket(t.Tx, name).Cursor()
	for key, _ := c.First(); key != nil && len(keys) < limit && bytes.Compare(key, end) < 0; key, _ = c.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	for _, key := range keys {
		if err := t.delete(name, key); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}
