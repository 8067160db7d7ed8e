package access

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

const (
	widest = 60 // characters of an ID, or of a change
	wide   = 24 // characters of a value
)

// difference says in short what was changed, as far as that can be told from what there was before and after: of a thing
// that has come or gone, that alone is to be said.
func difference(e v1.AuditEntry) string {
	after, _ := e.After.(map[string]any)
	for _, name := range []string{"changed", "fields"} { // the pool says so itself
		if list, ok := after[name].([]any); ok {
			return joined(list)
		}
	}
	was, is := flat{}, flat{}
	was.add("", bare(e.Before))
	is.add("", bare(e.After))
	_, list := bare(e.After).([]any)
	switch {
	case e.After == nil, e.Before == nil && !list:
		return ""
	case e.Before != nil && !alike(was, is): // what it was, and what was to be done with it
		return asked(is)
	}
	return changes(was, is)
}

// bare is a state as it was written: what is no object is kept as the value of one.
func bare(state any) any {
	tree, ok := state.(map[string]any)
	if value, has := tree["value"]; ok && has && len(tree) == 1 {
		return value
	}
	return state
}

// line is what was changed in one line, as far as there is room.
func line(words []string) string {
	text := []rune(strings.Join(words, ", "))
	if len(text) <= widest {
		return string(text)
	}
	return string(text[:widest-1]) + "…"
}

func joined(list []any) string {
	words := make([]string, len(list))
	for i, one := range list {
		words[i] = fmt.Sprint(one)
	}
	return line(words)
}

// flat is a tree as values by their paths, as limits.meetings. Those of a list go by the names that they have, so that one
// which has come, gone or changed is told by its name: there is "#" under its path.
type flat map[string]string

// thing is the value of a path of one of a list.
const thing = "#"

func (f flat) add(path string, tree any) {
	switch tree := tree.(type) {
	case map[string]any:
		if op, ok := tree["op"].(string); ok && tree["value"] != nil { // a rule for a parameter
			f[path] = short(fmt.Sprintf("%s %v", op, tree["value"]))
			return
		}
		for name, value := range tree {
			f.add(below(path, name), value)
		}
	case []any:
		if !named(tree) {
			f[path] = short(tree)
			return
		}
		for _, one := range tree {
			one, _ := one.(map[string]any)
			path := below(path, fmt.Sprint(one["name"]))
			f[path] = thing
			f.add(path, one)
		}
	default:
		f[path] = short(tree)
	}
}

func below(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// named tells whether each of a list has a name.
func named(list []any) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(one any) bool {
		tree, ok := one.(map[string]any)
		return !ok || tree["name"] == nil
	})
}

// alike tells whether two flat trees are of the same thing.
func alike(was, is flat) bool {
	for path := range is {
		if _, ok := was[path]; ok {
			return true
		}
	}
	return false
}

// asked is what was asked for, as far as it says anything.
func asked(is flat) string {
	var words []string
	for _, path := range slices.Sorted(maps.Keys(is)) {
		if value := is[path]; value != "" && value != "false" && value != "0" {
			words = append(words, path+": "+value)
		}
	}
	return line(words)
}

// changes are the differences of two flat trees.
func changes(was, is flat) string {
	all := maps.Clone(was)
	maps.Copy(all, is)
	var words []string
	whole := "" // what has come or gone, so that nothing is to be said of what is below
	for _, path := range slices.Sorted(maps.Keys(all)) {
		switch before, after := was[path], is[path]; {
		case before == after, whole != "" && strings.HasPrefix(path, whole+"."):
		case after == thing:
			words, whole = append(words, "+"+path), path
		case before == thing:
			words, whole = append(words, "-"+path), path
		default:
			words = append(words, fmt.Sprintf("%s: %s -> %s", path, before, after))
		}
	}
	return line(words)
}

// short is a value in a few characters; none at all is the same as an empty one.
func short(v any) string {
	if list, ok := v.([]any); ok && len(list) == 0 {
		return ""
	}
	if text, ok := v.(string); ok {
		return terminal.MiddleCut(text, wide)
	}
	text, err := json.Marshal(v)
	if err != nil || v == nil {
		return ""
	}
	return terminal.MiddleCut(string(text), wide)
}
