package redis

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// envelope is a row of ours beside a record of Scalelite's.
type envelope struct {
	Row json.RawMessage `json:"row"`
	// From has a mark of each of Scalelite's fields as it was when the row was written; none of one that was not there.
	From marks `json:"from,omitempty"`
}

// marks tell whether a field is what it was. They are short, and say nothing of secrets.
type marks map[string]string

// mark is of a value that is there.
func mark(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawStdEncoding.EncodeToString(sum[:6])
}

// marksOf are those of some fields, as far as they are there.
func marksOf(fields map[string]string, names ...string) marks {
	m := marks{}
	for _, name := range names {
		if value, ok := fields[name]; ok {
			m[name] = mark(value)
		}
	}
	return m
}

// still tells whether a field is what it was when the row was written.
func (m marks) still(fields map[string]string, name string) bool {
	before, was := m[name]
	value, is := fields[name]
	return was == is && (!is || before == mark(value))
}

func (e envelope) encode() (string, error) {
	data, err := json.Marshal(e)
	return string(data), err
}

func openEnvelope(data []byte) (e envelope, err error) {
	if err = json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("read a row of ours: %w", err)
	}
	return e, nil
}
