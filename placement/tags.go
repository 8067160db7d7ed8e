package placement

import (
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
	switch {
	case t.any:
		return true
	case !t.asked:
		return tag == ""
	case tag == "":
		tag = untagged
	}
	return slices.Contains(t.names, tag)
}

// wishes lists the wish and, where others will do, the one that it falls back to: untagged servers, and with anyTag all
// servers in the end.
func (t tags) wishes(anyTag bool) []tags {
	list := []tags{t}
	if t.required {
		return list
	}
	if t.asked {
		list = append(list, tags{})
	}
	if anyTag {
		list = append(list, tags{any: true})
	}
	return list
}
