package rows

import (
	"encoding/json"

	"github.com/bbbpool/bbbpool/store"
)

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
