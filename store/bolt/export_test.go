package bolt

import (
	"encoding/json"
	"maps"

	"github.com/bbbpool/bbbpool/store"
)

// Buckets are those of the tree.
var Buckets = buckets

// Keyed says in words what the keys of each are made of.
func Keyed() map[string]string { return maps.Clone(keyed) }

// WriteSession is the row of a session.
func WriteSession(s store.Session) ([]byte, error) { return json.Marshal(encodeSession(s)) }

// ScanSession reads a row without encoding/json, and tells whether it could.
func ScanSession(row []byte) (store.Session, bool) {
	var r sessionRow
	ok := r.scan(row)
	return r.session(nil), ok
}

// UnmarshalSession reads a row by encoding/json.
func UnmarshalSession(row []byte) (store.Session, error) {
	var r sessionRow
	err := json.Unmarshal(row, &r)
	return r.session(nil), err
}
