package access

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// How much of a change is kept.
const (
	maxWord   = 256      // bytes of who, from, the verb and the kind
	maxObject = 1 << 10  // bytes of an ID
	maxState  = 16 << 10 // bytes of what there was, and of what there is
)

// cut is what stands where something was cut off.
const cut = "…"

// clip cuts text off that is longer than so many bytes, between two characters.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := limit - len(cut)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cut
}

// masked is a value as JSON, without secrets. Types of secrets mask themselves; by the names of its fields it is made sure
// that what was forgotten does not stay for years either.
func masked(v any) string {
	if v == nil {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		return `{"error":"it has no form in JSON"}`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil || tree == nil {
		return ""
	}
	state := plain(mask(tree))
	if len(state) <= maxState {
		return state
	}
	return plain(map[string]string{"cut": clip(state, maxState/2-len(`{"cut":""}`))}) // quotes take twice their room
}

// plain is a value that has come from JSON as JSON again, in as little room as it takes.
func plain(v any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// mask masks what is secret by its name, all the way down.
func mask(tree any) any {
	switch tree := tree.(type) {
	case []any:
		for i, value := range tree {
			tree[i] = mask(value)
		}
	case map[string]any:
		for name, value := range tree {
			if isSecret(name) {
				tree[name] = hide(value)
			} else {
				tree[name] = mask(value)
			}
		}
		if name, ok := tree["name"].(string); ok && isSecret(name) { // a parameter of a call with its value
			if value, ok := tree["value"]; ok {
				tree["value"] = hide(value)
			}
		}
	}
	return tree
}

// hide hides the texts of a secret, or of several. What else there is of them, as their names, is masked as anything is.
func hide(value any) any {
	switch value := value.(type) {
	case string:
		if value == "" {
			return ""
		}
		return "***"
	case []any:
		for i, one := range value {
			value[i] = hide(one)
		}
		return value
	}
	return mask(value)
}

// isSecret tells whether a field or parameter of that name has something that is nobody's business.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "secret") || strings.Contains(name, "password") || name == "token" ||
		strings.HasSuffix(name, "pw") || name == "authorization"
}
