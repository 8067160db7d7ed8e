package rows

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

type auditRow struct {
	Who    text `json:"who,omitempty"`
	Via    text `json:"via,omitempty"`
	From   text `json:"from,omitempty"`
	Action text `json:"action,omitempty"`
	Kind   text `json:"kind,omitempty"`
	Object text `json:"object,omitempty"`
	Tenant text `json:"tenant,omitempty"`
	Before text `json:"before,omitempty"`
	After  text `json:"after,omitempty"`
}

func encodeAudit(a store.Audit) any {
	return auditRow{
		text(a.Who), text(a.Via), text(a.From), text(a.Action), text(a.Kind), text(a.Object), text(a.Tenant), text(a.Before),
		text(a.After),
	}
}

func decodeAudit(key, value []byte) (store.Audit, error) {
	if len(key) <= TimeSize {
		return store.Audit{}, errTime
	}
	var r auditRow
	err := json.Unmarshal(value, &r)
	return store.Audit{
		ID: string(key[TimeSize:]), At: TimeOf(key), Who: string(r.Who), Via: string(r.Via), From: string(r.From),
		Action: string(r.Action), Kind: string(r.Kind), Object: string(r.Object), Tenant: string(r.Tenant),
		Before: string(r.Before), After: string(r.After),
	}, err
}

// auditKey is nil for an entry without an ID.
func auditKey(a store.Audit) []byte {
	if a.ID == "" {
		return nil
	}
	return append(TimeKey(a.At), a.ID...)
}

// AuditsEnd is the key before which a selection begins; nil for the end of the log.
func AuditsEnd(f store.AuditFilter) (end []byte) {
	if !f.Until.IsZero() {
		end = TimeKey(f.Until)
	}
	if f.Before.ID != "" {
		if behind := auditKey(f.Before); end == nil || bytes.Compare(behind, end) < 0 {
			end = behind
		}
	}
	return end
}

// AuditWords are what the row of a selected entry has in it, as JSON writes them. By them a row is passed over without reading
// it: most of a walk over a long log is spent on rows that are not selected. Words that JSON could write in another way than they
// are say nothing.
func AuditWords(f store.AuditFilter) (list [][]byte) {
	for _, word := range []string{f.Who, f.Via, f.Action, f.Kind, f.Object, f.Tenant} {
		odd := func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) }
		if word != "" && strings.IndexFunc(word, odd) < 0 {
			list = append(list, []byte(`"`+word+`"`))
		}
	}
	return list
}

// MayBeAudit tells whether a row has all the words of the selected entries.
func MayBeAudit(row []byte, words [][]byte) bool {
	for _, word := range words {
		if !bytes.Contains(row, word) {
			return false
		}
	}
	return true
}
