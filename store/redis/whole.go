package redis

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// wholeRole is [store.Whole]. It works in one step of the server, whatever there is: others wait meanwhile.
type wholeRole struct{ db *DB }

// section is how all records of a kind are dumped and loaded.
type section struct {
	listing func(db *DB) commands                 // what reads all of them: size commands
	size    int                                   //
	dump    func(list []any) ([]store.Row, error) // in the order of their keys
	load    func(db *DB, row store.Row) (loading, error)
}

// loading is a row on its way in.
type loading struct {
	reads commands // what there is of it: size commands
	size  int
	put   func(c *commands, list []any, l *loaded) error
}

// loaded is what rows of one load must know of each other.
type loaded struct{ meetings map[string]string } // key of the claim that gets Scalelite's key of a meeting

// sections are all kinds of the group. One that is not named here is ours alone, and needs no more than to be declared.
func (db *DB) sections() map[string]section {
	sections := map[string]section{
		"servers": mapped(serverTable(), 4, 3), "tenants": mapped(db.tenantTable(), 5, 4), "claims": mapped(claimTable(), 4, 3),
	}
	for _, kind := range kinds() {
		form, known := rows.Of(kind)
		if _, named := sections[kind]; known && !named {
			sections[kind] = plain(kind, form)
		}
	}
	return sections
}

// kinds are those of the group, in their order.
func kinds() (names []string) {
	for _, k := range store.Kinds {
		if k.State {
			names = append(names, k.Name)
		}
	}
	return names
}

// rowsFor writes records as rows.
func rowsFor[T any](codec rows.Codec[T], records []T) (list []store.Row, err error) {
	for _, record := range records {
		row, err := codec.Row(record)
		if err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, nil
}

// mapped is a kind that Scalelite has keys for.
func mapped[T any](tb table[T], reads, listing int) section {
	return section{
		listing: tb.listing, size: listing,
		dump: func(list []any) ([]store.Row, error) {
			records, err := tb.records(list)
			if err != nil {
				return nil, err
			}
			return rowsFor(tb.codec, records)
		},
		load: func(db *DB, row store.Row) (loading, error) {
			if err := checkKey(row.Key); err != nil {
				return loading{}, err
			}
			record, err := tb.codec.Decode(row.Key, row.Value)
			if err != nil {
				return loading{}, err
			}
			key := slices.Clone(row.Key)
			l := loading{reads: tb.reads(db, key), size: reads}
			for count(l.reads) < reads { // the default tenant has fewer
				l.reads.add("EXISTS", db.key(sequenceKey)+" ")
			}
			l.put = func(c *commands, list []any, l *loaded) error { return tb.load(db, c, key, list, l, record) }
			return l, nil
		},
	}
}

// load makes the writes for a record that is to be as given, whatever there is.
func (tb table[T]) load(db *DB, c *commands, key []byte, list []any, l *loaded, record T) error {
	i := tb.one(list)
	standing, stands, err := tb.merge(key, i)
	if err != nil {
		return err
	}
	if claim, ok := any(record).(store.Claim); ok && claim.Alias == "" && !stands {
		i = l.claim(claim.MeetingID, key, i)
	}
	var before *T
	if stands {
		before = &standing
	}
	_, err = tb.save(db, c, key, i, before, record)
	return err
}

// claim is what a claim finds that comes behind others of the same load: the first of one ID gets Scalelite's key.
func (l *loaded) claim(id string, key []byte, i image) image {
	if first, ok := l.meetings[id]; ok && first != string(key) {
		i.member, i.owner = true, first
		return i
	}
	if free(key, i) {
		l.meetings[id] = string(key)
	}
	return i
}

// plain is a kind that is ours alone.
func plain(kind string, form rows.Form) section {
	return section{
		size:    1,
		listing: func(db *DB) commands { return commandList([]string{"HGETALL", db.rowsKey(kind)}) },
		dump: func(found []any) (list []store.Row, err error) {
			values := hash(part(found, 0))
			for _, key := range slices.Sorted(maps.Keys(values)) {
				value, err := form.Again([]byte(key), []byte(values[key]))
				if err != nil {
					return nil, err
				}
				list = append(list, store.Row{Kind: kind, Key: []byte(key), Value: value})
			}
			return list, nil
		},
		load: func(db *DB, row store.Row) (loading, error) {
			value, err := form.Again(row.Key, row.Value)
			if err == nil {
				err = checkKey(row.Key)
			}
			if err != nil {
				return loading{}, err
			}
			key := slices.Clone(row.Key)
			return loading{
				reads: db.plainRead(kind, key), size: 1,
				put: func(c *commands, list []any, _ *loaded) error {
					return db.plainLoad(c, kind, form, key, value, part(list, 0))
				},
			}, nil
		},
	}
}

// plainLoad writes a row in the place of one that stands, with what it is found by.
func (db *DB) plainLoad(c *commands, kind string, form rows.Form, key, value []byte, standing any) error {
	if before, ok := found(standing); ok {
		looks, err := form.Look(key, before)
		if err != nil {
			return err
		}
		for n, look := range looks {
			c.add("ZREM", db.lookKey(kind, n), string(look))
		}
	}
	looks, err := form.Look(key, value)
	c.add("HSET", db.rowsKey(kind), string(key), string(value))
	db.addLooks(c, kind, looks)
	return err
}

// whole runs a call that takes long. One whose server hangs already does not.
func (db *DB) whole(ctx context.Context, op string, call func(context.Context) error) error {
	err := db.within(ctx, 1, op, func(ctx context.Context) error {
		_, _, err := db.look(ctx, commandList([]string{"EXISTS", db.key(sequenceKey)}), false)
		return err
	})
	if err != nil {
		return err
	}
	return db.within(ctx, wholeTimeouts, op, call)
}

func (role wholeRole) Dump(ctx context.Context, each func(store.Row) error) error {
	db := role.db
	return db.whole(ctx, "read everything", func(ctx context.Context) error {
		sections := db.sections()
		var reads commands
		for _, kind := range kinds() {
			reads.join(sections[kind].listing(db))
		}
		list, _, err := db.look(ctx, reads, false)
		if err != nil {
			return err
		}
		for _, kind := range kinds() {
			s := sections[kind]
			all, err := s.dump(list[:min(s.size, len(list))])
			if err != nil {
				return err
			}
			list = list[min(s.size, len(list)):]
			for _, row := range all {
				if err := each(row); err != nil {
					return ofClosure(err)
				}
			}
		}
		return nil
	})
}

func (role wholeRole) Load(ctx context.Context, list []store.Row) error {
	db := role.db
	return db.whole(ctx, "load rows", func(ctx context.Context) error {
		all, err := db.loadings(list)
		if err != nil {
			return err
		}
		var reads commands
		for _, l := range all {
			reads.join(l.reads)
		}
		return db.change(ctx, guard{fenced: true}, reads, func(found []any) (c commands, err error) {
			known := &loaded{meetings: map[string]string{}}
			for _, l := range all {
				n := min(l.size, len(found))
				if err := l.put(&c, found[:n], known); err != nil {
					return c, err
				}
				found = found[n:]
			}
			return c, nil
		})
	})
}

// loadings prepares rows. Of two by one name the last one counts.
func (db *DB) loadings(list []store.Row) (all []loading, err error) {
	sections, last := db.sections(), map[string]int{}
	for n, row := range list {
		last[row.Kind+"\x00"+string(row.Key)] = n
	}
	for n, row := range list {
		s, ok := sections[row.Kind]
		if !ok {
			return nil, fmt.Errorf("%.100q is no kind of this group", row.Kind)
		}
		l, err := s.load(db, row)
		if err != nil {
			return nil, fmt.Errorf("load a row of %s: %w", row.Kind, err)
		}
		if last[row.Kind+"\x00"+string(row.Key)] == n {
			all = append(all, l)
		}
	}
	return all, nil
}

func (role wholeRole) Wipe(ctx context.Context) error {
	db := role.db
	return db.whole(ctx, "take away everything", func(ctx context.Context) error {
		reads := commandList(
			[]string{"SMEMBERS", db.key(serversKey)}, []string{"SMEMBERS", db.key(meetingsKey)},
			[]string{"EVERY", db.key(tenantsKey), db.key(tenantPrefix)},
			[]string{"NESTED", db.key(tenantsKey), db.key(settingsPrefix), db.key(settingPrefix)},
		)
		return db.change(ctx, guard{fenced: true}, reads, func(list []any) (c commands, err error) {
			db.wipe(&c, list)
			return c, nil
		})
	})
}

// wipe makes the writes that take away all records, and nothing else: neither the lease nor what only Scalelite has.
func (db *DB) wipe(c *commands, list []any) {
	for id := range set(part(list, 0)) {
		c.add("DEL", db.key(serverPrefix)+id)
	}
	for id := range set(part(list, 1)) {
		c.add("DEL", db.key(meetingPrefix)+id)
	}
	every := replies(part(list, 2))
	for n := 0; n+1 < len(every); n += 2 {
		c.add("DEL", db.key(tenantPrefix)+text(every[n]))
		c.add("DEL", db.key(settingsPrefix)+text(every[n]))
		c.add("DELIF", db.key(tenantNamePrefix)+hash(every[n+1])[nameField], "id", text(every[n]))
	}
	nested := replies(part(list, 3))
	for n := 0; n+1 < len(nested); n += 2 {
		for _, s := range settingsOf(nested[n+1]) {
			c.add("DEL", db.key(settingPrefix)+s.id)
		}
	}
	for _, key := range []string{
		serversKey, enabledKey, loadKey, cordonedKey, meetingsKey, voicesKey, tenantsKey, ownersKey,
	} {
		c.add("DEL", db.key(key))
	}
	for _, kind := range store.Kinds {
		c.add("DEL", db.rowsKey(kind.Name))
		for n := range kind.LookUps {
			c.add("DEL", db.lookKey(kind.Name, n))
		}
	}
}
