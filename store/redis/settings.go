package redis

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/bbbpool/bbbpool/store"
)

// setting is one of a tenant's settings, as Scalelite has them: it is for creates and joins alike.
type setting struct {
	id string
	rule
	value string
}

// rule names what settings are about. Of two about one thing, Scalelite takes either.
type rule struct {
	param    string
	override bool // whatever the front end says
}

// rules are settings without their IDs.
type rules map[rule]string

// The fields of a setting.
const (
	paramField    = "param"
	valueField    = "value"
	overrideField = "override"
	ofTenantField = "tenant_id"
)

// tagParam asks for servers with a tag. It is for creates alone, and its default is the tenant's Tag.
const tagParam = "meta_server-tag"

func settingsOf(reply any) (list []setting) {
	every := replies(reply)
	for n := 0; n+1 < len(every); n += 2 {
		fields := hash(every[n+1])
		if len(fields) == 0 {
			continue // which Scalelite does not take for one
		}
		list = append(list, setting{
			id: text(every[n]), value: fields[valueField],
			rule: rule{param: fields[paramField], override: fields[overrideField] == "true"},
		})
	}
	slices.SortFunc(list, func(a, b setting) int {
		return cmp.Or(cmp.Compare(a.param, b.param), cmp.Compare(a.id, b.id))
	})
	return list
}

// settingsText stands for all of a tenant's settings, to see whether somebody has changed them.
func settingsText(list []setting) string {
	var all []byte
	for _, s := range list {
		for _, part := range []string{s.id, s.param, s.value} {
			all = binary.AppendUvarint(all, uint64(len(part)))
			all = append(all, part...)
		}
		if s.override {
			all = append(all, 1)
		}
	}
	return string(all)
}

func opOf(override bool) store.ParamOp {
	if override {
		return store.ParamOverride
	}
	return store.ParamDefault
}

// renderSettings are the settings that Scalelite has for a tenant's tag and rules. A rule for one call alone is one for both
// there: parameters that a call does not know do no harm to it. Where calls differ the create has it.
func renderSettings(tag string, params []store.ParamRule) rules {
	settings := rules{}
	for _, call := range []string{"join", "create"} {
		defaults := map[string]bool{}
		for _, p := range params {
			first := !defaults[p.Name]
			switch {
			case p.Call != call || p.Name == "":
			case p.Op == store.ParamOverride: // the last one works
				settings[rule{p.Name, true}] = p.Value
			case p.Op == store.ParamDefault && first: // the first one works
				settings[rule{p.Name, false}] = p.Value
				defaults[p.Name] = true
			}
		}
	}
	if tag != "" {
		settings[rule{tagParam, false}] = tag
	}
	return settings
}

// mergeSettings makes tag and rules of settings that somebody has written with Scalelite. Rules that say what a setting says
// stay, and so do those that no setting can say.
func mergeSettings(tag string, params []store.ParamRule, list []setting) (string, []store.ParamRule) {
	theirs := rules{}
	for _, s := range list {
		theirs[s.rule] = s.value
	}
	mine := renderSettings(tag, params)
	same := func(r rule) bool {
		value, ok := theirs[r]
		return ok && mine[r] == value
	}
	if !same(rule{tagParam, false}) {
		tag = theirs[rule{tagParam, false}]
	}
	merged := slices.DeleteFunc(slices.Clone(params), func(p store.ParamRule) bool {
		says := p.Op == store.ParamDefault || p.Op == store.ParamOverride
		return says && !same(rule{p.Name, p.Op == store.ParamOverride})
	})
	for _, s := range list {
		if known, ok := mine[s.rule]; s.param == "" || s.rule == (rule{tagParam, false}) || ok && known == theirs[s.rule] {
			continue
		}
		if theirs[s.rule] != s.value {
			continue // there is another one about the same, which counts
		}
		merged = append(merged, store.ParamRule{Call: "create", Op: opOf(s.override), Name: s.param, Value: s.value})
		if s.param != tagParam {
			merged = append(merged, store.ParamRule{Call: "join", Op: opOf(s.override), Name: s.param, Value: s.value})
		}
		mine[s.rule] = s.value
	}
	return tag, merged
}

// putSettings writes what has changed from one set of settings to another, and returns what there is then.
func (db *DB) putSettings(c *commands, tenant string, standing []setting, was, now rules) (list []setting) {
	there := map[rule]bool{}
	for _, s := range standing {
		value, wanted := now[s.rule]
		before, known := was[s.rule]
		switch {
		case known && !wanted:
			db.dropSetting(c, tenant, s.id)
			continue
		case wanted && (!known || before != value) && s.value != value:
			c.add("HSET", db.key(settingPrefix)+s.id, valueField, value)
			s.value = value
		}
		there[s.rule] = true
		list = append(list, s)
	}
	for r, value := range now {
		if _, known := was[r]; there[r] || known && was[r] == value {
			continue
		}
		s := setting{id: uuid(), rule: r, value: value}
		override := "false"
		if r.override {
			override = "true"
		}
		c.add(
			"HSET", db.key(settingPrefix)+s.id, paramField, r.param, valueField, value, overrideField, override,
			ofTenantField, tenant,
		)
		c.add("SADD", db.key(settingsPrefix)+tenant, s.id)
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b setting) int {
		return cmp.Or(cmp.Compare(a.param, b.param), cmp.Compare(a.id, b.id))
	})
	return list
}

func (db *DB) dropSetting(c *commands, tenant, id string) {
	c.add("DEL", db.key(settingPrefix)+id)
	c.add("SREM", db.key(settingsPrefix)+tenant, id)
}

// uuid is a random ID in the form of all others that Scalelite makes.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
