package document

import (
	"bytes"
	"encoding/json"
)

// maxString is how long a string may be that is looked at, as it is written, in bytes.
const maxString = 64 << 10

// EditStrings gives strings of a body in JSON new values, so many at most, and leaves every other byte as it is. It asks edit
// about each, with the key that came last before it; names of keys stay. A body that is not JSON stays as it is.
func EditStrings(body []byte, most int, edit func(key, text string) (string, bool)) []byte {
	if !json.Valid(body) {
		return body
	}
	var out []byte
	key, done := "", 0
	for i := 0; i < len(body) && most > 0; i++ {
		if body[i] != '"' {
			continue
		}
		from := i
		for i++; body[i] != '"'; i++ {
			if body[i] == '\\' {
				i++
			}
		}
		text, isKey := value(body[from:i+1]), bytes.HasPrefix(bytes.TrimLeft(body[i+1:], blanks), []byte(":"))
		if isKey {
			key = text
		} else if next, ok := edit(key, text); ok {
			quoted, err := json.Marshal(next)
			if err != nil {
				return body
			}
			out, done, most = append(append(out, body[done:from]...), quoted...), i+1, most-1
		}
	}
	if done == 0 {
		return body
	}
	return append(out, body[done:]...)
}

// value is what a string says; "" for one that is too long.
func value(raw []byte) (text string) {
	if len(raw) > maxString || json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}
