package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// claimRole is [store.Claims].
type claimRole struct{ db *DB }

func (role claimRole) Claims(ctx context.Context) ([]store.Claim, error) {
	return list(ctx, role.db, claimTable())
}

func (role claimRole) CreateClaim(ctx context.Context, c store.Claim) (store.Claim, error) {
	return create(ctx, role.db, claimTable(), rows.ClaimKey(c.MeetingKey), c)
}

func (role claimRole) UpdateClaim(
	ctx context.Context, key store.MeetingKey, change func(*store.Claim) error,
) (store.Claim, error) {
	return update(ctx, role.db, claimTable(), rows.ClaimKey(key), change)
}

func (role claimRole) DeleteClaim(ctx context.Context, c store.Claim) error {
	return remove(ctx, role.db, claimTable(), rows.ClaimKey(c.MeetingKey), func(standing store.Claim) error {
		if standing.Server != c.Server || !standing.Placed.Equal(c.Placed) {
			return store.ErrConflict
		}
		return nil
	})
}

func claimTable() table[store.Claim] {
	return table[store.Claim]{
		noun: "claim", codec: rows.Claims, reads: claimReads, one: claimImage, listing: claimListing, all: claimImages,
		merge: mergeClaim, put: putClaim, drop: dropClaim,
	}
}

// The fields of a meeting that Scalelite has.
const (
	serverField    = "server_id"
	moderatorField = "moderator_pw"
	voiceField     = "voice_bridge"
	tenantField    = "tenant_id"
)

var meetingFields = []string{serverField, moderatorField, voiceField, tenantField}

func claimReads(db *DB, key []byte) commands {
	id := rows.MeetingOf(key).MeetingID
	return commandList(
		[]string{"HGET", db.rowsKey("claims"), string(key)}, []string{"HGETALL", db.key(meetingPrefix) + id},
		[]string{"SISMEMBER", db.key(meetingsKey), id}, []string{"HGET", db.key(ownersKey), id},
	)
}

func claimImage(list []any) image {
	i := image{fields: hash(part(list, 1)), member: truth(part(list, 2)), owner: text(part(list, 3))}
	if row, ok := found(part(list, 0)); ok {
		i.row = row
	}
	return i
}

func claimListing(db *DB) commands {
	return commandList(
		[]string{"HGETALL", db.rowsKey("claims")}, []string{"EVERY", db.key(meetingsKey), db.key(meetingPrefix)},
		[]string{"HGETALL", db.key(ownersKey)},
	)
}

func claimImages(list []any) map[string]image {
	images, every, owners := rowsOf(part(list, 0)), replies(part(list, 1)), hash(part(list, 2))
	meetings := make(map[string]image, len(every)/2)
	for n := 0; n+1 < len(every); n += 2 {
		id := text(every[n])
		i := image{fields: hash(every[n+1]), member: true, owner: owners[id]}
		meetings[id] = i
		if key := string(keyOf(id, i.fields)); key != "" {
			images[key] = image{row: images[key].row}
		}
	}
	for key, i := range images {
		id := rows.MeetingOf([]byte(key)).MeetingID
		m := meetings[id]
		m.row, m.owner = i.row, owners[id]
		images[key] = m
	}
	return images
}

// keyOf is the key of the claim that Scalelite's hash of a meeting says; nil where it says none.
func keyOf(id string, fields map[string]string) []byte {
	if fields[serverField] == "" {
		return nil
	}
	tenant := fields[tenantField]
	if tenant == "" {
		tenant = store.DefaultTenant
	}
	return rows.ClaimKey(store.MeetingKey{Tenant: tenant, MeetingID: id})
}

// mergeClaim takes a claim that has Scalelite's key to be there for as long as its meeting is in Scalelite's set: a hash that
// has expired takes away nothing. Others are ours alone.
func mergeClaim(key []byte, i image) (c store.Claim, stands bool, err error) {
	name := rows.MeetingOf(key)
	theirs := i.member && string(keyOf(name.MeetingID, i.fields)) == string(key)
	c, from, ok, err := openRow(rows.Claims, key, i.row)
	if err != nil {
		return c, false, err
	}
	mine := i.owner == string(key)
	switch {
	case ok && !mine:
		return c, true, nil
	case !theirs: // it was taken away, or is another's now, or its hash is gone
		return c, ok && i.member && len(i.fields) == 0, nil
	case !ok:
		c = store.Claim{MeetingKey: name}
	}
	edited := func(name string) bool { return !ok || !from.still(i.fields, name) }
	if edited(serverField) && c.Server != i.fields[serverField] {
		c.Server, c.InternalID, c.CreateTime = i.fields[serverField], "", 0
	}
	if edited(moderatorField) {
		c.Moderator = store.Secret(i.fields[moderatorField])
	}
	if edited(voiceField) {
		c.Voice = i.fields[voiceField]
	}
	return c, true, nil
}

// renderClaim is what a claim's fields are in Scalelite; what is "" is not there, but for the tenant.
func renderClaim(c store.Claim) map[string]string {
	tenant := c.Tenant
	if ours(tenant) {
		tenant = ""
	}
	return map[string]string{
		serverField: c.Server, moderatorField: c.Moderator.Reveal(), voiceField: c.Voice, tenantField: tenant,
	}
}

// free tells whether nobody else has Scalelite's key of a meeting. An ID in the set alone is one that was left behind.
func free(key []byte, i image) bool {
	if i.member && i.owner != "" && i.owner != string(key) {
		return false
	}
	theirs := keyOf(rows.MeetingOf(key).MeetingID, i.fields)
	return !i.member || len(theirs) == 0 || string(theirs) == string(key)
}

func putClaim(db *DB, c *commands, key []byte, i image, before *store.Claim, now store.Claim) error {
	has := before != nil && (i.row == nil || i.owner == string(key)) // Scalelite's key
	var from marks
	switch {
	case !db.words.says(now):
		if has {
			db.dropMeeting(c, key, i, *before)
		}
	case has:
		from = db.putMeeting(c, key, i, *before, now)
	case before == nil && free(key, i):
		from = db.newMeeting(c, key, i, now)
	}
	return putRow(db, c, rows.Claims, key, now, from)
}

// newMeeting writes Scalelite's keys of a meeting that it does not have.
func (db *DB) newMeeting(c *commands, key []byte, i image, now store.Claim) marks {
	name := db.key(meetingPrefix) + now.MeetingID
	if len(i.fields) > 0 {
		c.add("DEL", name)
	}
	fields := renderClaim(now)
	words := []string{"HSET", name}
	for _, f := range meetingFields {
		if fields[f] == "" && f != tenantField || !db.words.meeting(f) {
			delete(fields, f)
			continue
		}
		words = append(words, f, fields[f])
	}
	c.add(words...)
	c.add("PEXPIRE", name, strconv.FormatInt(int64(db.config.MeetingTTL/time.Millisecond), 10))
	c.add("SADD", db.key(meetingsKey), now.MeetingID)
	c.add("HSET", db.key(ownersKey), now.MeetingID, string(key))
	db.addVoice(c, now)
	return marksOf(fields, meetingFields...)
}

// addVoice notes which meeting has a number, where nothing else has it.
func (db *DB) addVoice(c *commands, now store.Claim) {
	if now.Voice != "" && db.words.voices {
		c.add("HSETNX", db.key(voicesKey), now.Voice, now.MeetingID)
	}
}

// putMeeting writes what has changed of a meeting that Scalelite has. What has expired stays so.
func (db *DB) putMeeting(c *commands, key []byte, i image, before, now store.Claim) marks {
	name, fields := db.key(meetingPrefix)+now.MeetingID, i.fields
	old, fresh := renderClaim(before), renderClaim(now)
	for _, f := range meetingFields {
		switch {
		case old[f] == fresh[f] || len(fields) == 0 || !db.words.meeting(f):
		case fresh[f] != "":
			fields[f] = fresh[f]
			c.add("HSET", name, f, fresh[f])
		default:
			delete(fields, f)
			c.add("HDEL", name, f)
		}
	}
	if before.Voice != now.Voice {
		c.add("DELIF", db.key(voicesKey), before.Voice, now.MeetingID)
		db.addVoice(c, now)
	}
	if i.owner != string(key) {
		c.add("HSET", db.key(ownersKey), now.MeetingID, string(key))
	}
	return marksOf(fields, meetingFields...)
}

func dropClaim(db *DB, c *commands, key []byte, i image, claim store.Claim) {
	c.add("HDEL", db.rowsKey("claims"), string(key))
	if i.row == nil || i.owner == string(key) {
		db.dropMeeting(c, key, i, claim)
	}
}

func (db *DB) dropMeeting(c *commands, key []byte, i image, claim store.Claim) {
	id := claim.MeetingID
	c.add("DEL", db.key(meetingPrefix)+id)
	c.add("SREM", db.key(meetingsKey), id)
	c.add("DELIF", db.key(ownersKey), id, string(key))
	for _, voice := range []string{claim.Voice, i.fields[voiceField]} {
		if voice != "" {
			c.add("DELIF", db.key(voicesKey), voice, id)
		}
	}
}
