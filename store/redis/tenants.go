package redis

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// tenantRole is [store.Tenants].
type tenantRole struct{ db *DB }

func (role tenantRole) Tenants(ctx context.Context) ([]store.Tenant, error) {
	return list(ctx, role.db, role.db.tenantTable())
}

func (role tenantRole) Tenant(ctx context.Context, id string) (store.Tenant, error) {
	return one(ctx, role.db, role.db.tenantTable(), rows.TenantKey(id))
}

func (role tenantRole) CreateTenant(ctx context.Context, t store.Tenant) (store.Tenant, error) {
	return create(ctx, role.db, role.db.tenantTable(), rows.TenantKey(t.ID), t)
}

func (role tenantRole) UpdateTenant(ctx context.Context, id string, change func(*store.Tenant) error) (store.Tenant, error) {
	return update(ctx, role.db, role.db.tenantTable(), rows.TenantKey(id), change)
}

func (role tenantRole) DeleteTenant(ctx context.Context, id string) error {
	return remove(ctx, role.db, role.db.tenantTable(), rows.TenantKey(id), anyway)
}

func (db *DB) tenantTable() table[store.Tenant] {
	return table[store.Tenant]{
		noun: "tenant", codec: rows.Tenants, reads: tenantReads, one: tenantImage, listing: tenantListing, all: tenantImages,
		merge: db.mergeTenant, put: putTenant, drop: dropTenant,
	}
}

// The fields of a tenant that Scalelite has, and we too. Settings are no field, but are looked at as if they were one.
const (
	nameField     = "name"
	secretsField  = "secrets"
	settingsField = "settings"
)

// zeroTime is no time.
var zeroTime time.Time

// ours tells whether a tenant is none that Scalelite knows.
func ours(tenant string) bool { return tenant == store.DefaultTenant }

func tenantReads(db *DB, key []byte) commands {
	id := string(key)
	c := commandList([]string{"HGET", db.rowsKey("tenants"), id})
	if !ours(id) {
		c.add("HGETALL", db.key(tenantPrefix)+id)
		c.add("SISMEMBER", db.key(tenantsKey), id)
		c.add("EVERY", db.key(settingsPrefix)+id, db.key(settingPrefix))
		c.add("HOLDER", db.key(tenantPrefix)+id, db.key(tenantNamePrefix), db.key(tenantsKey))
	}
	return c
}

func tenantImage(list []any) image {
	i := image{
		fields: hash(part(list, 1)), member: truth(part(list, 2)), settings: settingsOf(part(list, 3)), holder: text(part(list, 4)),
	}
	if row, ok := found(part(list, 0)); ok {
		i.row = row
	}
	return i
}

func tenantListing(db *DB) commands {
	return commandList(
		[]string{"HGETALL", db.rowsKey("tenants")}, []string{"EVERY", db.key(tenantsKey), db.key(tenantPrefix)},
		[]string{"NESTED", db.key(tenantsKey), db.key(settingsPrefix), db.key(settingPrefix)},
		[]string{"HOLDERS", db.key(tenantPrefix), db.key(tenantNamePrefix), db.key(tenantsKey)},
	)
}

func tenantImages(list []any) map[string]image {
	images, every, nested := rowsOf(part(list, 0)), replies(part(list, 1)), replies(part(list, 2))
	holders := hash(part(list, 3))
	for n := 0; n+1 < len(every); n += 2 {
		id := text(every[n])
		if !ours(id) {
			images[id] = image{row: images[id].row, fields: hash(every[n+1]), member: true, holder: holders[id]}
		}
	}
	for n := 0; n+1 < len(nested); n += 2 {
		id := text(nested[n])
		i := images[id]
		i.settings = settingsOf(nested[n+1])
		images[id] = i
	}
	return images
}

// withSettings are the fields of a tenant, with what stands for its settings.
func (i image) withSettings() map[string]string {
	fields := map[string]string{}
	for _, name := range append([]string{nameField, secretsField}, lrsFields...) {
		if value, ok := i.fields[name]; ok {
			fields[name] = value
		}
	}
	if len(i.settings) > 0 {
		fields[settingsField] = settingsText(i.settings)
	}
	return fields
}

// mergeTenant takes a tenant to be there where Scalelite does. The default one is ours alone.
func (db *DB) mergeTenant(key []byte, i image) (t store.Tenant, stands bool, err error) {
	if !ours(string(key)) && (!i.member || len(i.fields) == 0) || rows.TenantKey(string(key)) == nil {
		return t, false, nil
	}
	t, from, ok, err := openRow(rows.Tenants, key, i.row)
	if err != nil || ours(string(key)) {
		return t, ok, err
	}
	if !ok {
		t.ID = string(key)
	}
	fields := i.withSettings()
	if !ok || !from.still(fields, nameField) {
		t.Name = i.name(t.ID)
	}
	if !ok || !from.still(fields, secretsField) {
		t.Secrets = mergeSecrets(t.Secrets, fields[secretsField], db.config.Now())
	}
	if !ok || !from.still(fields, settingsField) {
		t.Tag, t.Params = mergeSettings(t.Tag, t.Params, i.settings)
	}
	for n, value := range lrsOf(&t.LRS) {
		if name := lrsFields[n]; !ok || !from.still(fields, name) {
			value.set(fields[name])
		}
	}
	return t, true, nil
}

// name is what Scalelite calls a tenant; "" where it finds another one by that name, and so nobody ever is this one.
func (i image) name(id string) string {
	if i.holder != "" && i.holder != id {
		return ""
	}
	return i.fields[nameField]
}

// separator stands between a tenant's secrets.
const separator = ":"

// sharable tells whether Scalelite can have a secret, and should: to it, none expires.
func sharable(s store.TenantSecret, now time.Time) bool {
	return s.Valid(now) && !strings.Contains(s.Secret.Reveal(), separator)
}

// renderSecrets are a tenant's secrets in Scalelite.
func renderSecrets(list []store.TenantSecret, now time.Time) string {
	var plain []string
	for _, s := range list {
		if sharable(s, now) {
			plain = append(plain, s.Secret.Reveal())
		}
	}
	return strings.Join(plain, separator)
}

// mergeSecrets are the secrets that somebody has written with Scalelite, each with what we know of it. What Scalelite could not
// have had stays: somebody who has not seen it has not taken it away.
func mergeSecrets(mine []store.TenantSecret, field string, now time.Time) (merged []store.TenantSecret) {
	theirs := strings.Split(field, separator)
	for _, s := range mine {
		if slices.Contains(theirs, s.Secret.Reveal()) || s.Secret != "" && !sharable(s, now) {
			merged = append(merged, s)
		}
	}
	for _, value := range theirs {
		known := slices.ContainsFunc(merged, func(s store.TenantSecret) bool { return s.Secret.Reveal() == value })
		if value != "" && !known {
			merged = append(merged, store.TenantSecret{Name: freeName(merged), Secret: store.Secret(value)})
		}
	}
	return merged
}

// freeName is a name for a secret that Scalelite has given a tenant, which has none for it.
func freeName(taken []store.TenantSecret) string {
	for n := 1; ; n++ {
		name := "scalelite"
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		if !slices.ContainsFunc(taken, func(s store.TenantSecret) bool { return s.Name == name }) {
			return name
		}
	}
}

// expired tells whether a field has a secret that is over, for Scalelite would believe it.
func expired(field string, list []store.TenantSecret, now time.Time) bool {
	theirs := strings.Split(field, separator)
	return slices.ContainsFunc(list, func(s store.TenantSecret) bool {
		return s.Secret != "" && !s.Valid(now) && slices.Contains(theirs, s.Secret.Reveal())
	})
}

func putTenant(db *DB, c *commands, key []byte, i image, before *store.Tenant, now store.Tenant) error {
	id := string(key)
	if ours(id) {
		return putRow(db, c, rows.Tenants, key, now, nil)
	}
	if before == nil {
		for _, s := range i.settings {
			db.dropSetting(c, id, s.id)
		}
		if len(i.fields) > 0 {
			c.add("DEL", db.key(tenantPrefix)+id)
		}
		c.add("SADD", db.key(tenantsKey), id)
		i = image{fields: map[string]string{}}
	}
	db.putName(c, id, i, before, now)
	at := db.config.Now()
	secrets := renderSecrets(now.Secrets, at)
	if before == nil || secrets != renderSecrets(before.Secrets, at) || expired(i.fields[secretsField], now.Secrets, at) {
		i.fields[secretsField] = secrets
		c.add("HSET", db.key(tenantPrefix)+id, secretsField, secrets)
	}
	was := rules{}
	if before != nil {
		was = renderSettings(before.Tag, before.Params)
	}
	i.settings = db.putSettings(c, id, i.settings, was, renderSettings(now.Tag, now.Params))
	db.putLRS(c, id, i, before, now)
	marked := append([]string{nameField, secretsField, settingsField}, lrsFields...)
	return putRow(db, c, rows.Tenants, key, now, marksOf(i.withSettings(), marked...))
}

// putName writes a tenant's name, and what it is found by. Of two by one name the first is found, as long
// as it is there.
func (db *DB) putName(c *commands, id string, i image, before *store.Tenant, now store.Tenant) {
	if before != nil && before.Name == now.Name {
		return
	}
	if before != nil {
		c.add("DELIF", db.key(tenantNamePrefix)+before.Name, "id", id)
	}
	if now.Name != "" {
		c.add("NAME", db.key(tenantNamePrefix)+now.Name, "id", id, db.key(tenantsKey))
	}
	i.fields[nameField] = now.Name
	c.add("HSET", db.key(tenantPrefix)+id, nameField, now.Name)
}

func dropTenant(db *DB, c *commands, key []byte, i image, t store.Tenant) {
	id := string(key)
	c.add("HDEL", db.rowsKey("tenants"), id)
	if ours(id) {
		return
	}
	c.add("DEL", db.key(tenantPrefix)+id)
	c.add("DELIF", db.key(tenantNamePrefix)+t.Name, "id", id)
	c.add("SREM", db.key(tenantsKey), id)
	for _, s := range i.settings {
		db.dropSetting(c, id, s.id)
	}
}
