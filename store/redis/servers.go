package redis

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// serverRole is [store.Servers].
type serverRole struct{ db *DB }

func (role serverRole) Servers(ctx context.Context) ([]store.Server, error) {
	return list(ctx, role.db, serverTable())
}

func (role serverRole) Server(ctx context.Context, id string) (store.Server, error) {
	return one(ctx, role.db, serverTable(), []byte(id))
}

func (role serverRole) CreateServer(ctx context.Context, s store.Server) error {
	_, err := create(ctx, role.db, serverTable(), []byte(s.ID), s)
	return err
}

func (role serverRole) UpdateServer(ctx context.Context, id string, change func(*store.Server) error) (store.Server, error) {
	return update(ctx, role.db, serverTable(), []byte(id), change)
}

func (role serverRole) DeleteServer(ctx context.Context, id string) error {
	return remove(ctx, role.db, serverTable(), []byte(id), anyway)
}

func serverTable() table[store.Server] {
	return table[store.Server]{
		noun: "server", codec: rows.Servers, reads: serverReads, one: serverImage, listing: serverListing, all: serverImages,
		merge: mergeServer, put: putServer, drop: dropServer,
	}
}

// The fields of a server that Scalelite has.
const (
	urlField        = "url"
	secretField     = "secret"
	tagField        = "tag"
	multiplierField = "load_multiplier"
	stateField      = "state"
	onlineField     = "online"
)

var serverFields = []string{urlField, secretField, tagField, multiplierField, stateField}

// legacyEnabled stands for the state of a server without one that is in the set of enabled ones, as old versions had it.
const legacyEnabled = "\x00enabled"

func serverReads(db *DB, key []byte) commands {
	id := string(key)
	return commandList(
		[]string{"HGET", db.rowsKey("servers"), id}, []string{"HGETALL", db.key(serverPrefix) + id},
		[]string{"SISMEMBER", db.key(serversKey), id}, []string{"SISMEMBER", db.key(enabledKey), id},
	)
}

func serverImage(list []any) image {
	i := image{fields: hash(part(list, 1)), member: truth(part(list, 2)), enabled: truth(part(list, 3))}
	i.row, _ = found(part(list, 0))
	if _, ok := found(part(list, 0)); !ok {
		i.row = nil
	}
	return i.legacy()
}

// legacy gives a server without a state what stands for it.
func (i image) legacy() image {
	if _, ok := i.fields[stateField]; !ok && i.enabled && len(i.fields) > 0 {
		i.fields[stateField] = legacyEnabled
	}
	return i
}

func serverListing(db *DB) commands {
	return commandList(
		[]string{"HGETALL", db.rowsKey("servers")}, []string{"EVERY", db.key(serversKey), db.key(serverPrefix)},
		[]string{"SMEMBERS", db.key(enabledKey)},
	)
}

func serverImages(list []any) map[string]image {
	images, every, enabled := rowsOf(part(list, 0)), replies(part(list, 1)), set(part(list, 2))
	for n := 0; n+1 < len(every); n += 2 {
		id := text(every[n])
		i := image{row: images[id].row, fields: hash(every[n+1]), member: true, enabled: enabled[id]}
		images[id] = i.legacy()
	}
	return images
}

// mergeServer takes a server to be there where Scalelite does: it is in the set, and has a hash.
func mergeServer(key []byte, i image) (s store.Server, stands bool, err error) {
	if !i.member || len(i.fields) == 0 || len(key) == 0 {
		return s, false, nil
	}
	s, from, ok, err := openRow(rows.Servers, key, i.row)
	if err != nil {
		return s, false, err
	}
	if !ok {
		s.ID = string(key)
	}
	edited := func(name string) bool { return !ok || !from.still(i.fields, name) }
	if edited(urlField) {
		s.URL, s.Admitted = i.fields[urlField], zeroTime // it was another machine that was admitted
	}
	if edited(secretField) {
		s.Secret = store.Secret(i.fields[secretField])
		s.Former, s.FormerUntil, s.Switched = "", zeroTime, zeroTime
	}
	if edited(tagField) {
		s.Tag = i.fields[tagField]
	}
	if edited(multiplierField) {
		s.Weight = weightOf(i.fields[multiplierField])
	}
	if edited(stateField) {
		s.State = stateOf(i.fields[stateField])
	}
	return s, true, nil
}

// stateOf is what Scalelite means by a state. What it does not know is not enabled, and it does not cordon it either.
func stateOf(field string) store.ServerState {
	switch field {
	case string(store.Enabled), legacyEnabled:
		return store.Enabled
	case string(store.Cordoned):
		return store.Cordoned
	}
	return store.Disabled
}

// renderServer is what a server's fields are in Scalelite; what is "" is not there.
func renderServer(s store.Server) map[string]string {
	state := s.State
	if state == store.Draining {
		state = store.Cordoned // on its way out, which Scalelite has no word for
	}
	multiplier := ""
	if m := inverse(s.Weight); s.Weight > 0 && m > 0 && !math.IsInf(m, 0) {
		multiplier = decimal(m)
	}
	return map[string]string{
		urlField: s.URL, secretField: s.Secret.Reveal(), tagField: s.Tag, multiplierField: multiplier, stateField: string(state),
	}
}

// kept are the fields of a server that are there though they be empty: a hash without any field is none.
func kept(name string) bool { return name == urlField || name == secretField }

func putServer(db *DB, c *commands, key []byte, i image, before *store.Server, now store.Server) error {
	id := string(key)
	name := db.key(serverPrefix) + id
	fields, old := i.fields, map[string]string{}
	if before != nil {
		old = renderServer(*before)
	} else {
		if len(fields) > 0 {
			c.add("DEL", name)
		}
		fields = map[string]string{onlineField: "false"}
		c.add("HSET", name, onlineField, "false")
		c.add("SADD", db.key(serversKey), id)
	}
	fresh := renderServer(now)
	for _, f := range serverFields {
		switch {
		case before != nil && old[f] == fresh[f] || !db.words.server(f):
		case fresh[f] != "" || kept(f):
			fields[f] = fresh[f]
			c.add("HSET", name, f, fresh[f])
		default:
			delete(fields, f)
			c.add("HDEL", name, f)
		}
	}
	if before == nil || old[stateField] != fresh[stateField] {
		db.moveServer(c, id, fresh[stateField])
	}
	return putRow(db, c, rows.Servers, key, now, marksOf(fields, serverFields...))
}

// moveServer puts a server into the sets of its state. Its load goes along, as far as it is known: a server without one
// appears when it is next looked at.
func (db *DB) moveServer(c *commands, id, state string) {
	enabled, load, cordoned := db.key(enabledKey), db.key(loadKey), db.key(cordonedKey)
	switch store.ServerState(state) {
	case store.Enabled:
		c.add("SADD", enabled, id)
		c.add("ZMOVE", cordoned, load, id)
	case store.Cordoned, store.Draining:
		c.add("SREM", enabled, id)
		c.add("ZMOVE", load, cordoned, id)
	default: // disabled, or none at all, which a server in the set would be enabled with
		c.add("SREM", enabled, id)
		c.add("ZREM", load, id)
		c.add("ZREM", cordoned, id)
	}
}

func dropServer(db *DB, c *commands, key []byte, _ image, _ store.Server) {
	id := string(key)
	c.add("HDEL", db.rowsKey("servers"), id)
	c.add("DEL", db.key(serverPrefix)+id)
	c.add("SREM", db.key(serversKey), id)
	db.moveServer(c, id, string(store.Disabled))
}

// inverse makes a multiplier of a weight, and the other way round, in as many digits as people write.
func inverse(x float64) float64 {
	const digits = 12
	short, err := strconv.ParseFloat(strconv.FormatFloat(1/x, 'g', digits, 64), 64)
	if err != nil {
		return 1
	}
	return short
}

// decimal is a number with a point in it, as Scalelite writes multipliers.
func decimal(x float64) string {
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// weightOf is the weight that a multiplier stands for; 1 where it is none that a server can have.
func weightOf(multiplier string) float64 {
	m, err := strconv.ParseFloat(strings.TrimSpace(multiplier), 64)
	if err != nil || !(m > 0) || math.IsInf(m, 0) {
		return 1
	}
	if w := inverse(m); w > 0 && !math.IsInf(w, 0) {
		return w
	}
	return 1
}
