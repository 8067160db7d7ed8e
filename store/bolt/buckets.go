package bolt

import (
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt/file"
)

// The tree. Rows are JSON (table.go); <time> is 12 bytes that sort as the time does, <-time> those of the newest first
// (keys.go); 0 is a zero byte, <n> the length of what follows in 4 bytes, and a <part> ends where it says (keys.go).
//
//	meta
//	└── schema                                           the version below, in decimal
//	v1
//	├── servers/<id>                                     row
//	├── tenants/<id>                                     row
//	├── claims/<tenant> 0 <meetingID>                    row
//	├── sessions/<id>                                    row
//	├── sessions-by-end/<time> <id>                      nothing
//	├── recordings/<recordID>                            row
//	├── recordings-by-id/<tenant> 0 <recordID>           <-time> of the start, then the state
//	├── recordings-by-start/<tenant> 0 <-time> <recordID>                       state
//	├── recordings-by-meeting/<tenant> 0 <n> <meetingID> <-time> <recordID>     state
//
// Since schema 2:
//
//	├── recordings-by-state/<tenant> 0 <n> <state> <-time> <recordID>           nothing
//	├── recordings-by-meta/<tenant> 0 <part of the name> <part of the value> <-time> <recordID>
//	│                     state; where the part ends before the value does, <n> <state> <the rest of the value>
//	├── recordings-counted/<tenant> 0 <state>            how many, then their bytes, in 8 bytes each
//	├── recordings-owed/<recordID>                       nothing
//	├── jobs/<id>                                        row
//	├── jobs-by-state/<n> <state> <id>                   nothing
//	├── tokens/<id>                                      <time> when it expires
//	├── tokens-by-expiry/<time> <id>                     nothing
//
// Since schema 3 (sessions of before, which have no meeting, are in no index by it):
//
//	├── sessions-by-meeting/<tenant> 0 <n> <meeting> <-time of the start> <id>  nothing
//	├── keys/<name>                                      the key itself
//
// Since schema 4:
//
//	├── endings/<tenant> 0 <n> <meetingID> <n> <server> <internal ID>           row
//	├── events/<server>                                  rows, oldest first
//
// Since schema 5 (tenants of before have their secrets without names, in "secrets"):
//
//	├── uses/<kind> 0 <tenant> 0 <name>                  <time>
//	├── admin-tokens/<name>                              row
//	├── audits/<time> <id>                               row
//	├── usage/<day> 0 <tenant>                           row
//
// Since schema 6:
//
//	├── waiting/<id>                                     row
//
// Since schema 7:
//
//	├── callbacks/<id>                                   row
//	├── callbacks-by-state/<n> <state> <time of creation> <id>                  nothing
//	├── hooks/<id>                                       row
//	├── analytics/<id>                                   row
//	├── analytics-by-time/<time> <id>                    nothing
//	└── analytics-by-meeting/<tenant> 0 <n> <meetingID> <-time> <id>            nothing
//
// The rule for a change: what has a place and a meaning in v1 keeps both for ever.
//
//   - A new bucket, or a new field whose absence means what was true before: raise schema by one and, for a bucket,
//     name it in buckets. Open creates what is missing. (A version that does not know a field would drop it when it
//     writes the row, so it must refuse the file.)
//   - Any other change: a tree v2 beside v1, schema raised by one, and a step in migrate that moves the rows in the
//     transaction that raises the version.
//   - Either way: freeze a database of the new version in testdata before it ships; the frozen ones stay for ever.
const schema = store.Schema

const (
	metaBucket = "meta"
	schemaKey  = "schema"
	tree       = "v1"

	servers             = "servers"
	tenants             = "tenants"
	claims              = "claims"
	sessions            = "sessions"
	sessionsByEnd       = "sessions-by-end"
	recordings          = "recordings"
	recordingsByID      = "recordings-by-id"
	recordingsByStart   = "recordings-by-start"
	recordingsByMeeting = "recordings-by-meeting"
	recordingsByState   = "recordings-by-state"
	recordingsByMeta    = "recordings-by-meta"
	recordingsCounted   = "recordings-counted"
	recordingsOwed      = "recordings-owed"
	jobs                = "jobs"
	jobsByState         = "jobs-by-state"
	tokens              = "tokens"
	tokensByExpiry      = "tokens-by-expiry" //nolint:gosec // a bucket
	sessionsByMeeting   = "sessions-by-meeting"
	keys                = "keys"
	endings             = "endings"
	events              = "events"
	uses                = "uses"
	adminTokens         = "admin-tokens"
	audits              = "audits"
	usage               = "usage"
	waiting             = "waiting"
	callbacks           = "callbacks"
	callbacksByState    = "callbacks-by-state"
	hooks               = "hooks"
	analytics           = "analytics"
	analyticsByTime     = "analytics-by-time"
	analyticsByMeeting  = "analytics-by-meeting"
)

var buckets = []string{
	servers, tenants, claims, sessions, sessionsByEnd,
	recordings, recordingsByID, recordingsByStart, recordingsByMeeting,
	recordingsByState, recordingsByMeta, recordingsCounted, recordingsOwed,
	jobs, jobsByState, tokens, tokensByExpiry,
	sessionsByMeeting, keys, endings, events,
	uses, adminTokens, audits, usage,
	waiting,
	callbacks, callbacksByState, hooks, analytics, analyticsByTime, analyticsByMeeting,
}

// keyed says in words what the keys of a bucket are made of that people choose the length of.
var keyed = map[string]string{
	servers: "the server's ID", tenants: "the tenant's ID", claims: "tenant and meeting ID",
	sessions: "the session's ID", sessionsByEnd: "the session's ID",
	recordings: "the record ID", recordingsByID: "tenant and record ID", recordingsByStart: "tenant and record ID",
	recordingsByMeeting: "tenant, meeting ID and record ID", recordingsByState: "tenant, state and record ID",
	recordingsByMeta: "tenant, metadata and record ID", recordingsCounted: "tenant and state",
	recordingsOwed: "the record ID", jobs: "the job's ID", jobsByState: "state and job's ID",
	tokens: "the token's ID", tokensByExpiry: "the token's ID",
	sessionsByMeeting: "tenant, meeting and the session's ID", keys: "the key's name",
	endings: "tenant, meeting ID, server and internal ID", events: "the server's ID",
	uses: "the credential's kind, tenant and name", adminTokens: "the token's name", audits: "the entry's ID",
	usage: "day and tenant", waiting: "the write's ID",
	callbacks: "the callback's ID", callbacksByState: "state and the callback's ID", hooks: "the webhook's ID",
	analytics: "the meeting's ID", analyticsByTime: "the meeting's ID",
	analyticsByMeeting: "tenant, meeting ID and the meeting's ID",
}

// bucket returns a bucket of the tree by its name.
func bucket(tx *bbolt.Tx, name string) *bbolt.Bucket {
	return tx.Bucket([]byte(tree)).Bucket([]byte(name))
}

// prepare brings the tree to today's schema. It writes only where something is to be done, so that a pool whose disk
// is full can still start.
func prepare(db *bbolt.DB) error {
	version := 0
	err := db.View(func(tx *bbolt.Tx) (err error) {
		version, err = schemaOf(tx)
		return err
	})
	switch {
	case err != nil:
		return err
	case version > schema:
		return tooNew(version)
	case version == schema:
		return db.View(complete)
	}
	if err := file.Snapshot(db.Path(), version); err != nil {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error { return migrate(tx, version) })
}

// tooNew says what to do about a schema that this version does not know.
func tooNew(version int) error {
	return fmt.Errorf("%w: its schema is %d, this version knows up to %d: start the newer version, or go back to what was kept "+
		"before the schema was raised: %s%d beside it, or a backup made by this one", store.ErrNewerSchema, version, schema,
		File+".schema-", schema)
}

// schemaOf returns the version of a database of ours.
func schemaOf(tx *bbolt.Tx) (int, error) {
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		return 0, file.ErrForeign
	}
	version, err := strconv.Atoi(string(meta.Get([]byte(schemaKey))))
	if err != nil || version < 1 || tx.Bucket([]byte(tree)) == nil && version <= schema {
		return 0, file.ErrForeign
	}
	return version, nil
}

// complete tells whether all buckets are there.
func complete(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if bucket(tx, name) == nil {
			return fmt.Errorf("%w: it has no %s", file.ErrDamaged, name)
		}
	}
	return nil
}

// migrate takes the tree from an older version, or from none, to today's.
func migrate(tx *bbolt.Tx, version int) error {
	root, err := tx.CreateBucketIfNotExists([]byte(tree))
	if err != nil {
		return err
	}
	for _, name := range buckets {
		if _, err := root.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	if version == 1 {
		if err := indexAgain(tx); err != nil {
			return err
		}
	}
	meta, err := tx.CreateBucketIfNotExists([]byte(metaBucket))
	if err != nil {
		return err
	}
	return meta.Put([]byte(schemaKey), strconv.AppendInt(nil, schema, 10))
}
