package rule

import (
	"cmp"
	"slices"
	"strings"
)

// untagged is how front ends ask for a server without a tag.
const untagged = "none"

// Tags is a wish for tagged servers, as in Scalelite: "a;b" wants one of these, "a;b!" takes nothing else. The zero
// value, no wish at all, is for untagged servers.
type Tags struct {
	names    []string
	asked    bool
	required bool
	any      bool // every server will do
	// only are the tags of the servers that may be used at all; none for all servers.
	only []string
}

// ParseTags reads meta_server-tag. A "!" alone requires nothing. Only, unless it is empty, are the tags of the servers that may
// be used at all.
func ParseTags(s string, only []string) Tags {
	s, required := strings.CutSuffix(s, "!")
	if s == "" {
		return Tags{only: only}
	}
	return Tags{names: strings.Split(s, ";"), asked: true, required: required, only: only}
}

// Tagged wishes for servers with one tag.
func Tagged(name string) Tags { return Tags{names: []string{name}, asked: true} }

// Exclude tells whether servers are out of the question because of their tags.
func (t Tags) Exclude() bool { return t.required || len(t.only) > 0 }

// Match tells whether a server with that tag is wished for.
func (t Tags) Match(tag string) bool {
	name := cmp.Or(tag, untagged)
	switch {
	case len(t.only) > 0 && !slices.Contains(t.only, name):
		return false
	case t.any:
		return true
	case !t.asked:
		return tag == ""
	}
	return slices.Contains(t.names, name)
}

// Wishes lists the wish and, where others will do, the one that it falls back to: untagged servers, and with anyTag all
// servers in the end. Where only some servers may be used, all of these are what others are elsewhere: whoever is kept to
// servers with a tag does not have to ask for it.
func (t Tags) Wishes(anyTag bool) []Tags {
	list := []Tags{t}
	switch {
	case t.required:
		return list
	case len(t.only) > 0 && !t.asked:
		return []Tags{{any: true, only: t.only}}
	case len(t.only) > 0:
		return append(list, Tags{any: true, only: t.only})
	case t.asked:
		list = append(list, Tags{})
	}
	if anyTag {
		list = append(list, Tags{any: true})
	}
	return list
}
