package simulator

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

func emptyOr(value string, valid func(string) bool) bool { return value == "" || valid(value) }

func isBoolean(s string) bool { return s == "true" || s == "false" }

func validPassword(s string) bool {
	n := utf8.RuneCountInString(s)
	return n == 0 || 2 <= n && n <= 64
}

// truth reads a boolean as Java does: what is not "true" is false. An empty one has the default.
func truth(s string, otherwise bool) bool {
	if s == "" {
		return otherwise
	}
	return strings.EqualFold(s, "true")
}

// sequenceOf reads the number of a breakout room, which BigBlueButton breaks down over if it is none.
func sequenceOf(p bbb.Params) (n int, bad bool) {
	if !truth(p.Get("isBreakout"), false) {
		return 0, false
	}
	n, err := strconv.Atoi(p.Get("sequence"))
	return n, err != nil
}

// number reads a number as BigBlueButton does: what is none has the default.
func number(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n < 1<<31 {
		return n
	}
	return otherwise
}

var metaName = regexp.MustCompile(`^meta_[A-Za-z][A-Za-z0-9-]*$`)

// metadataOf returns the metadata: names in lower case, and those that BigBlueButton does not like left out.
func metadataOf(p bbb.Params) rooms.Pairs {
	var pairs rooms.Pairs
	for _, param := range p {
		if metaName.MatchString(param.Name) {
			name := strings.ToLower(strings.TrimPrefix(param.Name, "meta_"))
			if bbb.ValidName(name) {
				pairs = pairs.With(name, param.Value)
			}
		}
	}
	return pairs
}

// splitList splits a list at its commas.
func splitList(s string) []string {
	var items []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// matches compares a value with a pattern that may start and end with "%".
func matches(value, pattern string) bool {
	inner, open := strings.CutPrefix(pattern, "%")
	inner, end := strings.CutSuffix(inner, "%")
	switch {
	case open && end:
		return strings.Contains(value, inner)
	case open:
		return strings.HasSuffix(value, inner)
	case end:
		return strings.HasPrefix(value, inner)
	}
	return value == pattern
}

// disabled tells whether a create has taken a feature away, and not given it back.
func disabled(params bbb.Params, feature string) bool {
	return listed(params.Get("disabledFeatures"), feature) && !listed(params.Get("disabledFeaturesExclude"), feature)
}

func listed(list, word string) bool {
	for name := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(name) == word {
			return true
		}
	}
	return false
}
