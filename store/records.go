package store

import (
	"cmp"
	"time"
)

// ServerState is what people decided about a server. Its health is observed and not part of the record.
type ServerState string

// The states that people give to servers.
const (
	Enabled  ServerState = "enabled"  // takes new meetings
	Cordoned ServerState = "cordoned" // keeps its meetings, takes no new ones
	Draining ServerState = "draining" // cordoned, on its way out
	Disabled ServerState = "disabled" // not used at all
)

// Server is a BigBlueButton server in the pool.
type Server struct {
	ID       string // unique in the pool, [a-z0-9._-]
	URL      string // of its API, ending in /bigbluebutton/api
	Secret   Secret
	Checksum string // the algorithm it accepts (sha1, sha256, sha384, sha512); "" is sha256
	State    ServerState
	Weight   float64 // how much it carries relative to others; 2 takes twice as much
	Capacity int     // people it should carry at most; 0 is no limit
	Hard     bool    // no new meeting goes beyond the capacity; otherwise the server comes after all others then
	Tag      string  // as in Scalelite's meta_server-tag; "" is untagged
	Created  time.Time
	Admitted time.Time // when it last passed the test that lets a server into the pool; zero if it never did

	// Former is the secret that the present one is to take the place of, "" outside of a change. Until FormerUntil the
	// server may have either; after that it has the present one, or is waited for. Switched is since when it is known to
	// have the present one; zero while it has the former.
	Former      Secret
	FormerUntil time.Time
	Switched    time.Time
}

// Awaited tells whether the server is to change its secret, and has its former one still, as far as known.
func (s Server) Awaited() bool { return s.Former != "" && s.Switched.IsZero() }

// MeetingKey names a meeting as its front end does.
type MeetingKey struct {
	Tenant    string
	MeetingID string
}

// Claim is the stored fact that a meeting is on a server. It stands before the server is asked to create the meeting,
// so that no acknowledged meeting can be lost, and until the meeting is gone.
type Claim struct {
	MeetingKey
	Server     string    // the ID of the server that has the meeting
	InternalID string    // the server's ID for the meeting; "" until the server has answered
	CreateTime int64     // the server's time of creation in milliseconds since 1970; 0 until the server has answered
	Placed     time.Time // when this server was chosen
	Expected   float64   // people counted before they arrive
	Recorded   bool      // created with record=true
	Hint       int       // people that the front end has announced; 0 where it has not
	Why        Decision  // why this server was chosen; zero for a meeting that was found there
	Breakout   bool      // a breakout room, whose people are those of its parent
	Name       string    // of the meeting, if it is recorded and as far as known: what its recording is called before it is here

	// Alias is the ID that the server knows the meeting by, for the meeting's life; "" where that is the front end's own.
	Alias     string
	Signer    string // name of the tenant's secret that signed the create; "" for a meeting that was found there
	Moderator Secret // the moderators' password, as far as known
	Voice     string // the voice bridge: what the front end has asked for and gets, or what its server has said; "" until then
	Request   string // the create that made it, where another instance has handed that on; it may be handed on twice
	Unmade    string // the formats of its recording that the create has switched off, as it says them
	Back      *Back  // where its front end wants to be called back; nil for nowhere, and never changed
	Marks     string // whether something was marked for recording, as its server has told at the end: "true" or "false"; else ""
}

// OnServer returns the ID that the server knows the meeting by.
func (c Claim) OnServer() string { return cmp.Or(c.Alias, c.MeetingID) }

// Ending is the stored fact that a meeting was ended by somebody who may, and that one server may have it still: the
// server was away, or ends meetings in its own time. It is bound to the server's own ID, so that a later meeting by that
// name is another one, and stands until the server is seen without the meeting. Of a server that nobody could look at then
// no ID is known: it owes the end of whatever it has by that name from before.
type Ending struct {
	MeetingKey
	Server     string
	InternalID string    // the server's ID for the meeting; "" for whatever it has from before
	Asked      time.Time // when the end was acknowledged
	Alias      string    // as in the claim
}

// OnServer returns the ID that the server knows the meeting by.
func (e Ending) OnServer() string { return cmp.Or(e.Alias, e.MeetingID) }

// Decision is the numbers that a server was chosen by, in people.
type Decision struct {
	Here     int     // in the server's meetings, joins on their way included
	Expected float64 // still expected in its meetings
	Kept     float64 // room held for meetings that were not created yet
	Own      float64 // expected in the meeting itself
	Basis    string  // what Own was taken from: "history", "hint", "tenant" or "default"
	Weight   float64
	Next     string  // the server that came second; "" where there was none
	NextAt   float64 // people per weight that it would have counted
}

// Session is a past meeting: what is left of a claim when it is closed.
type Session struct {
	ID       string // the server's internal meeting ID
	Tenant   string
	Server   string
	Start    time.Time
	End      time.Time
	Peak     int    // most people seen at once
	Joins    int    // joins that were sent there
	Reason   string // why the claim was closed: "ended", "gone", "moved", …
	Recorded bool
	Meeting  string   // keyed hash of tenant and meetingID, the same for all sessions of a room; "" in old rows
	Hint     int      // people that the front end had announced; 0 where it had not
	Why      Decision // why it was on that server
	Signer   string   // as in the claim
	Back     *Back    // as in the claim
}

// Wait is a write to the Index that waits until the Index is there again.
type Wait struct {
	ID   string // unique; what waits is done in the order of the IDs
	Call string // what is to be done
	Data []byte // with what
}

// Event is something that happened to a server.
type Event struct {
	At   time.Time
	Kind string // one of a few words
	Text string // what happened and what follows, for people
}

// HasCounted tells whether what was used by the meeting of a session that stands was counted with it: one that had only moved
// away counts where it goes on.
func (s Session) HasCounted() bool { return s.Reason != "moved" }

// GoOn returns what becomes of a session that stands when one with its ID is added, as [Sessions] says. One of another tenant
// or server is refused with ErrExists.
func (s Session) GoOn(added Session) (Session, error) {
	if s.Tenant != added.Tenant || s.Server != added.Server {
		return s, ErrExists
	}
	after := added
	after.Peak, after.Joins = max(s.Peak, added.Peak), max(s.Joins, added.Joins)
	if !s.Start.IsZero() && (added.Start.IsZero() || s.Start.Before(added.Start)) {
		after.Start = s.Start
	}
	if added.Why == (Decision{}) {
		after.Why, after.Hint = s.Why, s.Hint
	}
	if added.Back == nil {
		after.Back, after.Signer = s.Back, cmp.Or(added.Signer, s.Signer)
	}
	return after, nil
}
