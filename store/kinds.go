package store

// Kind is a kind of records, and what an adapter has to find them by. Adapters make their indexes for it; what copies or
// checks a whole store walks the kinds.
type Kind struct {
	Name    string
	State   bool     // of the group [State]; else of [Index]
	Key     []string // the fields that name a record
	LookUps []string // what else records are found by, or listed in the order of; of each, the fields in their order
}

// Schema is the version of what is kept, in all adapters alike: it rises with every kind and every field that is added, so that
// no version drops what a later one has written. What each brought is told in store/bolt/buckets.go.
const Schema = 7

// Kinds are all records that a pool keeps.
var Kinds = []Kind{
	{Name: "servers", State: true, Key: []string{"ID"}},
	{Name: "tenants", State: true, Key: []string{"ID"}},
	{Name: "claims", State: true, Key: []string{"Tenant", "MeetingID"}},
	{Name: "endings", State: true, Key: []string{"Tenant", "MeetingID", "Server", "InternalID"}},
	{Name: "tokens", State: true, Key: []string{"ID"}, LookUps: []string{"Expires"}},
	{Name: "uses", State: true, Key: []string{"Kind", "Tenant", "Name"}},
	{Name: "waiting", State: true, Key: []string{"ID"}},
	{Name: "keys", Key: []string{"Name"}},
	{Name: "sessions", Key: []string{"ID"}, LookUps: []string{"End,ID", "Tenant,Meeting,-Start,ID"}},
	{Name: "recordings", Key: []string{"RecordID"}, LookUps: []string{
		"Tenant,-Start,RecordID", "Tenant,RecordID (prefix)", "Tenant,MeetingID,-Start,RecordID",
		"Tenant,State,-Start,RecordID", "Tenant,Meta,-Start,RecordID", "Owed",
	}},
	{Name: "jobs", Key: []string{"ID"}, LookUps: []string{"State,ID"}},
	{Name: "events", Key: []string{"Server"}},
	{Name: "admin-tokens", Key: []string{"Name"}},
	{Name: "audits", Key: []string{"At", "ID"}, LookUps: []string{"-At,-ID"}},
	{Name: "usage", Key: []string{"Day", "Tenant"}},
	{Name: "callbacks", Key: []string{"ID"}, LookUps: []string{"State,Created,ID"}},
	{Name: "hooks", Key: []string{"ID"}},
	{Name: "analytics", Key: []string{"ID"}, LookUps: []string{"At,ID", "Tenant,MeetingID,-At,ID"}},
}
