package store

import "time"

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
	Tag      string  // as in Scalelite's meta_server-tag; "" is untagged
	Created  time.Time
}

// Tenant is a front end, or a group of them, with secrets, meetings and recordings of its own.
type Tenant struct {
	ID      string
	Name    string
	Secrets []Secret // any of them verifies; an empty one never does
	Created time.Time
}

// DefaultTenant is the ID of the tenant that a pool has from its first start.
const DefaultTenant = "default"

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
}
