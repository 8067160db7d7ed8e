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
	if !t.asked {
		return tag == ""
	}
	if tag == "" {
		tag = untagged
	}
	return slices.Contains(t.names, tag)
}

// wishes lists the wish and, where others will do, the one that it falls back to: untagged servers.
func (t tags) wishes() []tags {
	if t.asked && !t.required {
		return []tags{t, {}}
	}
	return []tags{t}
}
