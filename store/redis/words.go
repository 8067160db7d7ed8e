package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// words are what the Scalelite knows that has filled a Redis, of what its versions have learned since the oldest one that is to
// go on with what we leave. On a field that it does not know it raises, whenever it looks at the hash.
type words struct {
	voices  bool // voice_bridge of a meeting, since 1.4
	tenants bool // tenant_id of a meeting, since 1.5
	lrs     bool // learning record store of a tenant, since 1.5.3
	tags    bool // tag of a server, since 1.6
}

// latest are those of a Scalelite that has left nothing which says otherwise.
func latest() words { return words{voices: true, tenants: true, lrs: true, tags: true} }

// text is how they are noted: what was found out once, from what Scalelite had left, is not found again beside what we write.
func (w words) text() string {
	return fmt.Sprintf(wordsForm, w.voices, w.tenants, w.lrs, w.tags)
}

// wordsForm is what words are noted in.
const wordsForm = "voices=%t tenants=%t lrs=%t tags=%t"

// readWords finds out what the Scalelite knows that was here last.
func (db *DB) readWords(ctx context.Context) (w words, err error) {
	w = latest()
	err = db.within(ctx, listTimeouts, "look which Scalelite was here", func(ctx context.Context) error {
		list, _, err := db.look(ctx, commandList(
			[]string{"HGETALL", db.rowsKey("servers")}, []string{"EVERY", db.key(serversKey), db.key(serverPrefix)},
			[]string{"EVERY", db.key(tenantsKey), db.key(tenantPrefix)}, []string{"HLEN", db.key(voicesKey)},
			[]string{"HGETALL", db.key(ownersKey)}, []string{"EVERY", db.key(meetingsKey), db.key(meetingPrefix)},
			[]string{"HGET", db.key(leaseKey), wordsField},
		), false)
		if err == nil {
			w = wordsOf(list)
		}
		return err
	})
	if !errors.Is(err, store.ErrAway) {
		err = nil // a key that is none of these is for whoever needs it to tell of
	}
	return w, err
}

// wordsOf are those of what stands. A server with a version of BigBlueButton or a tag is of 1.6 or later. Else what was noted
// counts; where nothing was, a server that was looked at without a version is of one before that, as all later ones note it in
// the same round. Of servers that were added here nothing follows.
func wordsOf(list []any) (w words) {
	images, every, before16 := rowsOf(part(list, 0)), replies(part(list, 1)), false
	for n := 0; n+1 < len(every); n += 2 {
		id, fields := text(every[n]), hash(every[n+1])
		_, version := fields[versionField]
		_, tag := fields[tagField]
		if version || tag && images[id].row == nil {
			return latest()
		}
		s, _, _, err := openRow(rows.Servers, []byte(id), images[id].row)
		_, seen := fields[meetingsField]
		before16 = before16 || seen && err == nil && s.Created.IsZero()
	}
	if _, err := fmt.Sscanf(text(part(list, 6)), wordsForm, &w.voices, &w.tenants, &w.lrs, &w.tags); err == nil {
		return w
	}
	if before16 {
		return wordsBefore16(list)
	}
	return latest()
}

// wordsBefore16 are those of a version before 1.6, by what it has left of tenants and meetings.
func wordsBefore16(list []any) (w words) {
	owners, every := hash(part(list, 4)), replies(part(list, 5))
	tenants := replies(part(list, 2))
	w.tenants = len(tenants) > 0
	for n := 0; n+1 < len(tenants); n += 2 {
		fields := hash(tenants[n+1])
		w.lrs = w.lrs || slices.ContainsFunc(lrsFields, func(name string) bool { return fields[name] != "" })
	}
	w.voices = w.tenants || number(part(list, 3)) > 0
	for n := 0; n+1 < len(every); n += 2 {
		if _, made := owners[text(every[n])]; made {
			continue // here
		}
		fields := hash(every[n+1])
		_, voice := fields[voiceField]
		_, tenant := fields[tenantField]
		w.voices, w.tenants = w.voices || voice || tenant, w.tenants || tenant
	}
	return w
}

// server tells whether a field of a server is known.
func (w words) server(field string) bool { return w.tags || field != tagField }

// meeting tells whether a field of a meeting is known.
func (w words) meeting(field string) bool {
	return field != voiceField && field != tenantField || field == voiceField && w.voices || field == tenantField && w.tenants
}

// says tells whether a claim can be told of as a meeting: one of a tenant cannot where there are none.
func (w words) says(c store.Claim) bool {
	return c.Alias == "" && c.Server != "" && (w.tenants || ours(c.Tenant))
}
