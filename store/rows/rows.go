// Package rows writes the records of package store as rows, and reads them again: a key, which sorts as the kind is listed,
// and a value, which is JSON for all but the smallest. Every adapter keeps these rows for what has no other form there, and
// what copies or checks whole stores compares them byte by byte. It knows no store, and never opens one.
//
// # The form
//
// Field names stay when a field of the record is renamed, secrets are revealed, and times are in UTC (a zone with odd seconds
// would shift them). What the key says is not in the value, so no closure can change it. A new field is one whose absence
// means what was true before; what was once written is read for ever.
//
// A kind that comes later is one [Codec], and one entry in [store.Kinds].
package rows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bbbpool/bbbpool/store"
)

// Codec is how records of a kind are written.
type Codec[T any] struct {
	Kind string           // as in [store.Kinds]
	Key  func(T) []byte   // names the record; nil where none can be by that name ([ErrKey])
	Look func(T) [][]byte // for each of the kind's look-ups what it is found by there, nil where it is not; nil for none

	encode func(T) ([]byte, error)
	decode func(key, value []byte) (T, error)
}

// Encode returns the value of the record's row.
func (c Codec[T]) Encode(record T) ([]byte, error) { return c.encode(record) }

// Decode makes a record of a row. The error names the row.
func (c Codec[T]) Decode(key, value []byte) (T, error) {
	record, err := c.decode(key, value)
	if err != nil {
		return record, fmt.Errorf("read the row of %.100q: %w", key, err)
	}
	return record, nil
}

// Row returns the record's row, or [ErrKey] where its name cannot be one.
func (c Codec[T]) Row(record T) (store.Row, error) {
	key := c.Key(record)
	if len(key) == 0 {
		return store.Row{}, ErrKey
	}
	value, err := c.encode(record)
	return store.Row{Kind: c.Kind, Key: key, Value: value}, err
}

// Form is a codec whose records are not told apart by type: for what walks the kinds.
type Form struct {
	// Again reads a row and writes it as it is written today: rows of equal records are equal then.
	Again func(key, value []byte) (again []byte, err error)
	// Look is [Codec.Look] of the record in the row.
	Look func(key, value []byte) ([][]byte, error)
}

func (c Codec[T]) form() Form {
	return Form{
		Again: func(key, value []byte) ([]byte, error) {
			record, err := c.Decode(key, value)
			if err != nil {
				return nil, err
			}
			if !bytes.Equal(c.Key(record), key) {
				return nil, fmt.Errorf("the row of %.100q: %w", key, errNotNamed)
			}
			return c.encode(record)
		},
		Look: func(key, value []byte) ([][]byte, error) {
			record, err := c.Decode(key, value)
			if err != nil || c.Look == nil {
				return nil, err
			}
			return c.Look(record), nil
		},
	}
}

// Of returns the form of a kind, and whether there is such a kind.
func Of(kind string) (Form, bool) {
	form, ok := forms[kind]
	return form, ok
}

// The codecs of all kinds.
var (
	Servers = Codec[store.Server]{
		Kind: "servers", Key: func(s store.Server) []byte { return []byte(s.ID) }, encode: asJSON(encodeServer), decode: decodeServer,
	}
	Tenants = Codec[store.Tenant]{
		Kind: "tenants", Key: func(t store.Tenant) []byte { return TenantKey(t.ID) },
		encode: asJSON(encodeTenant), decode: decodeTenant,
	}
	Claims = Codec[store.Claim]{
		Kind: "claims", Key: func(c store.Claim) []byte { return ClaimKey(c.MeetingKey) },
		encode: asJSON(encodeClaim), decode: decodeClaim,
	}
	Endings = Codec[store.Ending]{Kind: "endings", Key: endingKey, encode: asJSON(encodeEnding), decode: decodeEnding}
	Tokens  = Codec[Token]{
		Kind: "tokens", Key: func(t Token) []byte { return []byte(t.ID) }, encode: encodeToken, decode: decodeToken,
		Look: func(t Token) [][]byte { return [][]byte{append(TimeKey(t.Expires), t.ID...)} },
	}
	Uses = Codec[Use]{
		Kind: "uses", Key: func(u Use) []byte { return UseKey(u.Credential) },
		encode: encodeUse, decode: decodeUse,
	}
	Waiting = Codec[store.Wait]{
		Kind: "waiting", Key: func(w store.Wait) []byte { return []byte(w.ID) }, encode: asJSON(encodeWait), decode: decodeWait,
	}
	Keys     = Codec[Key]{Kind: "keys", Key: func(k Key) []byte { return []byte(k.Name) }, encode: encodeKey, decode: decodeKey}
	Sessions = Codec[store.Session]{
		Kind: "sessions", Key: func(s store.Session) []byte { return []byte(s.ID) }, Look: lookSession,
		encode: asJSON(encodeSession), decode: decodeSession,
	}
	// Recordings have no Look: what they are found by is more than a list can say, and each adapter's own.
	Recordings = Codec[store.Recording]{
		Kind: "recordings", Key: func(r store.Recording) []byte { return []byte(r.RecordID) },
		encode: asJSON(encodeRecording), decode: decodeRecording,
	}
	Jobs = Codec[store.Job]{
		Kind: "jobs", Key: func(j store.Job) []byte { return []byte(j.ID) }, encode: asJSON(encodeJob), decode: decodeJob,
		Look: func(j store.Job) [][]byte { return [][]byte{[]byte(Sized(string(j.State)) + j.ID)} },
	}
	Events = Codec[Journal]{
		Kind: "events", Key: func(j Journal) []byte { return []byte(j.Server) },
		encode: encodeJournal, decode: decodeJournal,
	}
	AdminTokens = Codec[store.AdminToken]{
		Kind: "admin-tokens", Key: func(t store.AdminToken) []byte { return []byte(t.Name) },
		encode: asJSON(encodeAdminToken), decode: decodeAdminToken,
	}
	Audits = Codec[store.Audit]{Kind: "audits", Key: auditKey, encode: asJSON(encodeAudit), decode: decodeAudit}
	Usage  = Codec[store.Usage]{Kind: "usage", Key: usageKey, encode: asJSON(encodeUsage), decode: decodeUsage}

	Callbacks = Codec[store.Callback]{
		Kind: "callbacks", Key: func(c store.Callback) []byte { return []byte(c.ID) }, Look: lookCallback,
		encode: asJSON(encodeCallback), decode: decodeCallback,
	}
	Hooks = Codec[store.Hook]{
		Kind: "hooks", Key: func(h store.Hook) []byte { return []byte(h.ID) }, encode: asJSON(encodeHook), decode: decodeHook,
	}
	Analytics = Codec[store.Analysis]{
		Kind: "analytics", Key: func(a store.Analysis) []byte { return []byte(a.ID) }, Look: lookAnalysis,
		encode: asJSON(encodeAnalysis), decode: decodeAnalysis,
	}
)

var forms = map[string]Form{
	Servers.Kind: Servers.form(), Tenants.Kind: Tenants.form(), Claims.Kind: Claims.form(), Endings.Kind: Endings.form(),
	Tokens.Kind: Tokens.form(), Uses.Kind: Uses.form(), Waiting.Kind: Waiting.form(), Keys.Kind: Keys.form(),
	Sessions.Kind:   Sessions.form(),
	Recordings.Kind: Recordings.form(), Jobs.Kind: Jobs.form(), Events.Kind: Events.form(), AdminTokens.Kind: AdminTokens.form(),
	Audits.Kind: Audits.form(), Usage.Kind: Usage.form(), Callbacks.Kind: Callbacks.form(), Hooks.Kind: Hooks.form(),
	Analytics.Kind: Analytics.form(),
}

// errNotNamed is for a row under a key that does not name its record.
var errNotNamed = errors.New("its key does not name what is in it")

func asJSON[T any](row func(T) any) func(T) ([]byte, error) {
	return func(record T) ([]byte, error) { return json.Marshal(row(record)) }
}
