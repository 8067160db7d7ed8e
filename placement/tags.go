package placement

import (
	"cmp"
	"slices"
	"strings"
)

// untagged is how front ends ask for a server without a tag.
const untagged = "none"

// tags is a wish for tagged servers, as in Scalelite: "a;b" wants one of these, "a;b!" takes nothing else. The zero
// value, no wish at all, is for untagged servers.
type tags struct {
	names    []string
	asked    bool
	required bool
	any      bool // every server will do
	// only are the tags of the servers that may be used at all; nil for all servers.
	only []string
}

// parseTags reads meta_server-tag. A "!" alone requires nothing.
func parseTags(s string) tags {
	s, required := strings.CutSuffix(s, "!")
	if s == "" {
		return tags{}
	}
	return tags{names: strings.Split(s, ";"), asked: true, required: required}
}

// match tells whether a server with that tag is wished for.
func (t tags) match(tag string) bool {
	name := cmp.Or(tag, untagged)
	switch {
	case t.only != nil && !slices.Contains(t.only, name):
		return false
	case t.any:
		return true
	case !t.asked:
		return tag == ""
	}
	return slices.Contains(t.names, name)
}

// wishes lists the wish and, where others will do, the one that it falls back to: untagged servers, and with anyTag all
// servers in the end. Where only some servers may be used, all of these are what others are elsewhere: whoever is kept to
// servers with a tag does not have to ask for it.
func (t tags) wishes(anyTag bool) []tags {
	list := []tags{t}
	switch {
	case t.required:
		return list
	case t.only != nil && !t.asked:
		return []tags{{any: true, only: t.only}}
	case t.only != nil:
		return append(list, tags{any: true, only: t.only})
	case t.asked:
		list = append(list, tags{})
	}
	if anyTag {
		list = append(list, tags{any: true})
	}
	return list
}
