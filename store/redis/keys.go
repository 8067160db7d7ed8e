package redis

import "fmt"

// The keys, all below the namespace ("scalelite:" unless it is set otherwise). Scalelite's own are
//
//	servers                set of IDs
//	server:{id}            hash: url, secret, tag, load_multiplier, state; online, meetings, … are observed
//	server_enabled         set of IDs
//	server_load, cordoned_server_load
//	                       sorted sets of IDs, by load
//	meetings               set of meeting IDs; they outlive
//	meeting:{id}           hash: server_id, moderator_pw, voice_bridge, tenant_id; expires
//	voice_bridges          hash: number → meeting ID
//	tenants                set of IDs
//	tenant:{id}            hash: name, secrets, and what is none of ours
//	tenant_name:{name}     hash: id
//	tenant_settings:{id}   set of IDs of settings
//	tenant_setting:{id}    hash: param, value, override, tenant_id
//
// and ours, below "bbbpool:",
//
//	servers, tenants, claims
//	                       hash: key of the row → row, and what Scalelite's fields were (envelope.go)
//	endings, tokens, uses, waiting
//	                       hash: key of the row → row
//	meetings               hash: meeting ID → key of the claim that has Scalelite's key of that name
//	{kind}-by-{n}          sorted set of what the n-th look-up of the kind finds, all of one score
//	schema                 of our keys
//	sequence               counts writes
//	home                   when all records were put here from elsewhere (home.go)
//	lease                  hash: holder, address, epoch, beat, and written, the sequence of the last write with it; vouched, the
//	                       run of Redis of which a leader has said that nothing is missing in it; words, what the Scalelite
//	                       knows that has filled this Redis (words.go)
//	instances              set of IDs
//	instance:{id}          JSON; expires
//	peer-key               what instances know each other by
//
// A new key is one whose absence means what was true before. What an older version would get wrong is a new [Schema].
const (
	serversKey       = "servers"
	serverPrefix     = "server:"
	enabledKey       = "server_enabled"
	loadKey          = "server_load"
	cordonedKey      = "cordoned_server_load"
	meetingsKey      = "meetings"
	meetingPrefix    = "meeting:"
	voicesKey        = "voice_bridges"
	tenantsKey       = "tenants"
	tenantPrefix     = "tenant:"
	tenantNamePrefix = "tenant_name:"
	settingsPrefix   = "tenant_settings:"
	settingPrefix    = "tenant_setting:"
	oursPrefix       = "bbbpool:"
	ownersKey        = oursPrefix + "meetings"
	schemaKey        = oursPrefix + "schema"
	sequenceKey      = oursPrefix + "sequence"
	leaseKey         = oursPrefix + "lease"
	instancesKey     = oursPrefix + "instances"
	instancePrefix   = oursPrefix + "instance:"
	peerKey          = oursPrefix + "peer-key"
)

// Schema is the highest one of our keys that this version knows: 2 has the fields of store's schema 7, which an older version
// would drop from the claims and tenants that it writes. It is written when all instances know it ([DB.RaiseSchema]), and from
// then on no older one opens the store; until then there may be such ones, and firstSchema stands.
const (
	Schema      = 2
	firstSchema = 1
)

// key is a key of the namespace.
func (db *DB) key(name string) string { return db.prefix + name }

// rowsKey is the hash with our rows of a kind.
func (db *DB) rowsKey(kind string) string { return db.prefix + oursPrefix + kind }

// lookKey is what records of a kind are found by, of its look-ups in the n-th.
func (db *DB) lookKey(kind string, n int) string { return fmt.Sprintf("%s-by-%d", db.rowsKey(kind), n) }
