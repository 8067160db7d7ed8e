package store

import (
	"context"
	"time"
)

// State is the small, hot group of roles. It exists for adapters, drivers and storetest; everybody else takes one
// role, or an interface of their own.
type State interface {
	Servers
	Tenants
	Tokens
	Claims
	Endings
	Uses
	Waiting
	Whole
	Close() error
}

// Index is the large, queried group of roles. Like [State] it is for adapters, drivers and storetest alone.
type Index interface {
	Keys
	Sessions
	Recordings
	Catalogue
	Imports
	Events
	AdminTokens
	Audits
	Usages
	Erasure
	Callbacks
	Hooks
	Analytics
	Whole
	Close() error
}

// Servers keeps the servers of the pool.
type Servers interface {
	// Servers returns all servers in the order of their IDs.
	Servers(ctx context.Context) ([]Server, error)
	// Server returns one server, or ErrNotFound.
	Server(ctx context.Context, id string) (Server, error)
	// CreateServer adds a server, or returns ErrExists where the ID is taken.
	CreateServer(ctx context.Context, s Server) error
	// UpdateServer changes a server in one transaction and returns what it has become, or ErrNotFound. The ID
	// cannot be changed.
	UpdateServer(ctx context.Context, id string, change func(*Server) error) (Server, error)
	// DeleteServer removes a server, or returns ErrNotFound.
	DeleteServer(ctx context.Context, id string) error
}

// Tenants keeps the tenants and their secrets.
type Tenants interface {
	// Tenants returns all tenants in the order of their IDs.
	Tenants(ctx context.Context) ([]Tenant, error)
	// Tenant returns one tenant, or ErrNotFound.
	Tenant(ctx context.Context, id string) (Tenant, error)
	// CreateTenant adds a tenant. Where the ID is taken it returns the tenant that has it and ErrExists, so that
	// two first starts agree on one generated secret.
	CreateTenant(ctx context.Context, t Tenant) (Tenant, error)
	// UpdateTenant changes a tenant in one transaction and returns what it has become, or ErrNotFound.
	UpdateTenant(ctx context.Context, id string, change func(*Tenant) error) (Tenant, error)
	// DeleteTenant removes a tenant, or returns ErrNotFound. What is its own elsewhere is the caller's to look after.
	DeleteTenant(ctx context.Context, id string) error
}

// Uses keeps when credentials were last used. It is coarse, and may lose the last hour in a crash.
type Uses interface {
	// Uses returns when each credential was last used.
	Uses(ctx context.Context) (map[Credential]time.Time, error)
	// NoteUses notes when credentials were used, in one transaction. A time that is not later than the one that stands
	// changes nothing; the zero time forgets the credential.
	NoteUses(ctx context.Context, uses map[Credential]time.Time) error
}

// Tokens keeps which one-time tokens were used.
type Tokens interface {
	// SpendToken notes that a token was used, or returns ErrExists if it was before. What has expired may be
	// forgotten.
	SpendToken(ctx context.Context, id string, now, expires time.Time) error
}

// Claims keeps which meeting is on which server. What it has acknowledged survives a crash.
type Claims interface {
	// Claims returns all claims in no particular order.
	Claims(ctx context.Context) ([]Claim, error)
	// CreateClaim stores a claim unless the meeting has one. It returns the claim that stands afterwards, and
	// ErrExists if that is an older one: of two racing creates both learn the same server.
	CreateClaim(ctx context.Context, c Claim) (Claim, error)
	// UpdateClaim changes a claim in one transaction and returns what it has become, or ErrNotFound.
	UpdateClaim(ctx context.Context, key MeetingKey, change func(*Claim) error) (Claim, error)
	// DeleteClaim removes a claim if it still stands as given: on the same server, placed at the same time.
	// Otherwise it returns ErrConflict, and ErrNotFound where there is none.
	DeleteClaim(ctx context.Context, c Claim) error
}

// Endings keeps which meetings were ended and may go on somewhere still. What it has acknowledged survives a crash.
type Endings interface {
	// Endings returns all endings in no particular order.
	Endings(ctx context.Context) ([]Ending, error)
	// AddEndings adds endings in one transaction, all or nothing. One that is owed already, of the same meeting, server
	// and internal ID, is replaced.
	AddEndings(ctx context.Context, list ...Ending) error
	// DeleteEnding removes an ending if it still stands as given: asked for at the same time. Otherwise it returns
	// ErrConflict, and ErrNotFound where there is none.
	DeleteEnding(ctx context.Context, e Ending) error
}

// Waiting keeps what could not be written to the Index, so that it is not lost with the process that had it to write.
type Waiting interface {
	// Waiting returns what waits, in the order of the IDs, at most limit.
	Waiting(ctx context.Context, limit int) ([]Wait, error)
	// AddWaiting adds to what waits, or returns ErrExists where the ID is taken.
	AddWaiting(ctx context.Context, w Wait) error
	// DeleteWaiting takes away what waits no more. What is not there is no error.
	DeleteWaiting(ctx context.Context, ids ...string) error
}

// Keys keeps the secret keys that records are made with, so that they move with the records.
type Keys interface {
	// Key returns the key by that name. Where there is none, fresh becomes the key: two first starts agree on one. It
	// returns an error where the name is empty, and where a fresh key is needed and empty.
	Key(ctx context.Context, name string, fresh []byte) ([]byte, error)
}

// Sessions keeps the history: a compact row for each meeting that is over.
type Sessions interface {
	// AddSession stores a session; one with the same ID of the same tenant and server goes on: it is replaced, but for
	// the earlier Start and the larger Peak and Joins, which stay, for Why and Hint, if the new one has no
	// Why, and for Back and Signer, if it has no Back. So
	// closing a claim twice is harmless, also across a crash, and a meeting that moved away and came back to the copy of
	// before is one session. One of another tenant or server stays as it is, and ErrExists is returned: the ID is what a
	// server says, and a server that lies must not rewrite the history of others. What is written along with it is so
	// in the same transaction; usage as [Usages] does, unless the session that stands has counted: of two instances that tell
	// of one end only one counts it.
	AddSession(ctx context.Context, s Session, along ...Along) error
	// SessionsSince returns sessions in the order of their ends and, of equal ends, IDs: those that ended after t, and
	// those that ended at t with an ID after the given one ("" is before all). At most limit of them: the last one's
	// end and ID lead to the next page.
	SessionsSince(ctx context.Context, t time.Time, after string, limit int) ([]Session, error)
	// MeetingSessions returns the sessions of one room, newest start first and equal starts by ID, at most limit of
	// them. Meeting is the keyed hash in the rows; those without one are not found.
	MeetingSessions(ctx context.Context, tenant, meeting string, limit int) ([]Session, error)
	// Session returns one session, or ErrNotFound.
	Session(ctx context.Context, id string) (Session, error)
	// DeleteSessions removes sessions that ended before t, oldest first, at most limit of them, and returns how many.
	DeleteSessions(ctx context.Context, t time.Time, limit int) (int, error)
}

// Recordings keeps the index of recordings as front ends see it, tenant by tenant, and as operators do.
type Recordings interface {
	// Recordings returns one page of the selected recordings, newest start first and equal starts by ID, and how
	// many were selected over all pages.
	Recordings(ctx context.Context, f RecordingFilter) (page []Recording, total int, err error)
	// CreateRecording adds a recording, or returns ErrExists.
	CreateRecording(ctx context.Context, r Recording) error
	// UpdateRecording changes a recording of a tenant in one transaction and returns what it has become, or
	// ErrNotFound, also for one of another tenant.
	UpdateRecording(ctx context.Context, tenant, recordID string, change func(*Recording) error) (Recording, error)
}

// Catalogue keeps the same recordings as the library and operators see them, whatever their tenant.
type Catalogue interface {
	// Recording returns one recording, or ErrNotFound.
	Recording(ctx context.Context, recordID string) (Recording, error)
	// ScanRecordings returns up to limit recordings in the order of their IDs, from the first one after the given
	// ID on: a walk over all of them that holds no transaction for long.
	ScanRecordings(ctx context.Context, after string, limit int) ([]Recording, error)
	// OwedRecordings returns those of which a server owes something, in the order of their IDs.
	OwedRecordings(ctx context.Context) ([]Recording, error)
	// CountRecordings returns how many there are by tenant and state, in that order, without reading them.
	CountRecordings(ctx context.Context) ([]RecordingCount, error)
	// DeleteRecording forgets a recording altogether, or returns ErrNotFound.
	DeleteRecording(ctx context.Context, recordID string) error
}

// Imports keeps the jobs of the importer, and commits what they bring.
type Imports interface {
	// Jobs returns the selected jobs in the order of their IDs.
	Jobs(ctx context.Context, f JobFilter) ([]Job, error)
	// Job returns one job, or ErrNotFound.
	Job(ctx context.Context, id string) (Job, error)
	// UpdateJob changes a job in one transaction and returns what it has become. One that is not there yet is made:
	// the closure gets a job that has nothing but its ID, which cannot be changed.
	UpdateJob(ctx context.Context, id string, change func(*Job) error) (Job, error)
	// DeleteJob forgets a job, or returns ErrNotFound.
	DeleteJob(ctx context.Context, id string) error
	// Commit stores what an import has made of its recordings, and its job, all or nothing, in one transaction.
	// The closure is called for each of the IDs, and gets the recording that stands or, where there is none, one
	// that has nothing but its ID, which cannot be changed. An error from it leaves everything as it was. What tell makes of
	// each recording, as it will be, is added to the callbacks in the same transaction, each unless there is one by that ID.
	Commit(
		ctx context.Context, job Job, recordIDs []string, change func(*Recording) error, tell ...func(Recording) []Callback,
	) ([]Recording, error)
}

// Events keeps the last of what happened to servers.
type Events interface {
	// Events returns what is kept, by server, in the order in which it was given.
	Events(ctx context.Context) (map[string][]Event, error)
	// KeepEvents replaces what is kept of a server; with an empty list nothing is.
	KeepEvents(ctx context.Context, server string, list []Event) error
}

// AdminTokens keeps the tokens of administration, but for the one that the environment gives.
type AdminTokens interface {
	// AdminTokens returns all tokens in the order of their names.
	AdminTokens(ctx context.Context) ([]AdminToken, error)
	// CreateAdminToken adds a token, or returns ErrExists where the name is taken.
	CreateAdminToken(ctx context.Context, t AdminToken) error
	// DeleteAdminToken removes a token, or returns ErrNotFound.
	DeleteAdminToken(ctx context.Context, name string) error
}

// Audits keeps what was changed by whom.
type Audits interface {
	// AddAudit adds an entry, or returns ErrExists where its time and ID are taken.
	AddAudit(ctx context.Context, a Audit) error
	// Audits returns the selected entries, newest first, and equal times by ID, last first; at most f.Limit of them.
	Audits(ctx context.Context, f AuditFilter) ([]Audit, error)
	// DeleteAudits removes entries from before t, oldest first, at most limit of them, and returns how many.
	DeleteAudits(ctx context.Context, t time.Time, limit int) (int, error)
}

// Usages keeps what tenants have used, day by day.
type Usages interface {
	// AddUsage adds to what there is of these days, all or nothing, as Usage.Add does.
	AddUsage(ctx context.Context, list ...Usage) error
	// Usage returns one page of the selected days, in the order of days and, of one day, tenants.
	Usage(ctx context.Context, f UsageFilter) ([]Usage, error)
	// DeleteUsage removes rows of days before the given one, oldest first, at most limit of them, and returns how many.
	DeleteUsage(ctx context.Context, before string, limit int) (int, error)
}

// Erasure takes away what tells of people before its time is over, where somebody has asked for that.
type Erasure interface {
	// EraseSessions removes sessions of one room, wherever they could be found, newest start first, at most limit of them,
	// and returns how many. Meeting is the keyed hash in the rows; those without one are not found.
	EraseSessions(ctx context.Context, tenant, meeting string, limit int) (int, error)
	// BlankAudit replaces by [Erased] what an entry says of before and after, for good, or returns ErrNotFound. What is ""
	// stays so. The entry is found by its time and ID.
	BlankAudit(ctx context.Context, a Audit) error
}

// Callbacks keeps what front ends are to be told: the outbox.
type Callbacks interface {
	// AddCallbacks adds callbacks, each unless there is one by that ID, all or nothing.
	AddCallbacks(ctx context.Context, list ...Callback) error
	// Callbacks returns the selected callbacks, oldest first and of equal times by ID.
	Callbacks(ctx context.Context, f CallbackFilter) ([]Callback, error)
	// Callback returns one callback, or ErrNotFound.
	Callback(ctx context.Context, id string) (Callback, error)
	// UpdateCallback changes a callback in one transaction and returns what it has become, or ErrNotFound. ID and time of
	// creation cannot be changed.
	UpdateCallback(ctx context.Context, id string, change func(*Callback) error) (Callback, error)
	// DeleteCallbacks removes callbacks in a state that were created before t and have not changed since either. It looks at the
	// oldest first, behind the one that is after, at most at limit of them, and returns where to go on: the last that it looked
	// at, by its Created and ID; the zero value where there is no more to look at.
	DeleteCallbacks(ctx context.Context, state CallbackState, t time.Time, after Callback, limit int) (Callback, error)
}

// Hooks keeps the webhooks of front ends. They are few.
type Hooks interface {
	// Hooks returns all hooks in the order of their IDs.
	Hooks(ctx context.Context) ([]Hook, error)
	// CreateHook adds a hook, or returns ErrExists where the ID is taken.
	CreateHook(ctx context.Context, h Hook) error
	// DeleteHook removes a hook, or returns ErrNotFound.
	DeleteHook(ctx context.Context, id string) error
}

// Analytics keeps what servers have told of who did what in meetings.
type Analytics interface {
	// KeepAnalysis stores an analysis, in the place of one of the same ID.
	KeepAnalysis(ctx context.Context, a Analysis) error
	// Analysis returns one by the internal meeting ID, or ErrNotFound.
	Analysis(ctx context.Context, id string) (Analysis, error)
	// Analytics returns those of a meeting of a tenant, newest first and of equal times by ID, at most limit of them.
	Analytics(ctx context.Context, tenant, meetingID string, limit int) ([]Analysis, error)
	// DeleteAnalytics removes those that came before t, oldest first, at most limit of them, and returns how many.
	DeleteAnalytics(ctx context.Context, t time.Time, limit int) (int, error)
	// EraseAnalytics removes those of a meeting of a tenant, newest first, at most limit of them, and returns how many.
	EraseAnalytics(ctx context.Context, tenant, meetingID string, limit int) (int, error)
}
