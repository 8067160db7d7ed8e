package observed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// The kinds of frames. What is of another kind is from a newer version, and not for us.
const (
	OfNetwork   = "network"   // leader to followers: how our own side of the servers is
	OfServer    = "server"    // how one server is, whole but for its meetings
	OfMeetings  = "meetings"  // what one server was seen with, in pieces where it is much
	OfRefreshed = "refreshed" // all servers were asked, as some have wished
	WantRefresh = "refresh"   // a follower to the leader: ask all servers now
	WantWhole   = "whole"     // tell everything about one server again
	OfCall      = "call"      // how a call to a server went
)

// Frame is one thing that an instance tells another. Which of its parts it has depends on the kind.
type Frame struct {
	Kind   string `json:"kind"`
	Server string `json:"server,omitempty"`

	Network  *Network  `json:"network,omitempty"`
	State    *State    `json:"state,omitempty"`
	Meetings []Meeting `json:"meetings,omitempty"`
	Created  []Meeting `json:"created,omitempty"` // not seen by a poll yet
	More     bool      `json:"more,omitempty"`    // another piece follows
	Again    bool      `json:"again,omitempty"`   // Created and Events are all that there are, and not what is new
	Copies   *[]Copy   `json:"copies,omitempty"`  // all of them, where they are others than before
	Events   []Event   `json:"events,omitempty"`
	Asks     []string  `json:"asks,omitempty"` // the wishes that are done, or the one that there is
	Call     *Call     `json:"call,omitempty"`
}

// Network is how our own side of the servers is.
type Network struct {
	Failing   Ago      `json:"failing,omitempty"` // since when most servers fail
	Lost      []string `json:"lost,omitempty"`    // names that do not resolve
	LostSince Ago      `json:"lostSince,omitempty"`
	NamesLost bool     `json:"namesLost,omitempty"`
}

// State is how a server is, but for what it was seen with.
type State struct {
	Health     HealthTold     `json:"health"`
	Pace       *PaceTold      `json:"pace,omitempty"`
	Clock      FiveTold       `json:"clock,omitempty"`
	Slowness   FiveTold       `json:"slowness,omitempty"`
	Level      Level          `json:"level,omitempty"`
	Expires    time.Time      `json:"expires,omitzero"` // of the certificate
	Unresolved int            `json:"unresolved,omitempty"`
	Excess     int            `json:"excess,omitempty"`
	Raised     map[string]Ago `json:"raised,omitempty"` // the warnings that go on
	Began      Ago            `json:"began,omitempty"`  // the last poll
	Polled     Ago            `json:"polled,omitempty"` // the last good one
	Latency    time.Duration  `json:"latency,omitempty"`
	Unreadable int            `json:"unreadable,omitempty"`
	OnFormer   bool           `json:"onFormer,omitempty"` // it was last seen to accept the secret of before
}

// Meeting is a meeting as it was last seen.
type Meeting struct {
	Raw      []byte `json:"raw"`
	ID       string `json:"id"`
	Alias    string `json:"alias,omitempty"`
	Internal string `json:"internal"`
	Name     string `json:"name,omitempty"`
	Parent   string `json:"parent,omitempty"`
	Time     int64  `json:"time,omitempty"` // of its creation, by the server's clock
	People   int    `json:"people,omitempty"`
	Voices   int    `json:"voices,omitempty"`
	Videos   int    `json:"videos,omitempty"`
	Joined   bool   `json:"joined,omitempty"`
	Recorded bool   `json:"recorded,omitempty"`
	Breakout bool   `json:"breakout,omitempty"`
	Ended    bool   `json:"ended,omitempty"`
	Tenant   string `json:"tenant,omitempty"`
	At       Ago    `json:"at,omitempty"` // of one that no poll has seen yet: when it was created
}

// Copy is a meeting that is claimed on another server.
type Copy struct {
	Tenant   string `json:"tenant"`
	ID       string `json:"id"`
	Alias    string `json:"alias,omitempty"`
	Internal string `json:"internal"`
	People   int    `json:"people,omitempty"`
	Rooms    int    `json:"rooms,omitempty"`
	Twin     bool   `json:"twin,omitempty"`
	Refused  bool   `json:"refused,omitempty"`
	Since    Ago    `json:"since,omitempty"`
}

// Event is something that happened to a server.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}

// Call is how a call to a server went.
type Call struct {
	URL     string     `json:"url"` // that the server had then
	Failed  bool       `json:"failed,omitempty"`
	Name    string     `json:"name,omitempty"`
	Reason  bbb.Reason `json:"reason,omitempty"`
	Text    string     `json:"text,omitempty"`
	Refused bool       `json:"refused,omitempty"` // the secret was not accepted
}

// Encode is the frame as it is sent.
func (f Frame) Encode() []byte {
	b, err := json.Marshal(f)
	if err != nil { // a year beyond 9999, as a certificate may have it
		return nil
	}
	return b
}

// The limits of what is told.
const (
	MostMeetings = 20_000   // of one server
	MostBytes    = 96 << 20 // of the meetings of one server
	PieceBytes   = 512 << 10
	MostCopies   = 1000
	MostNames    = 1000
	mostAsks     = 1000
	maxText      = 1000 // bytes of an ID or a name
	maxFrame     = 16 << 20
)

var errFrame = errors.New("news of servers: not what an instance tells")

// Decode reads a frame. What no instance would say is an error.
func Decode(b []byte) (f Frame, err error) {
	if len(b) > maxFrame {
		return f, fmt.Errorf("%w: %d bytes", errFrame, len(b))
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("%w: %w", errFrame, err)
	}
	copies := 0
	if f.Copies != nil {
		copies = len(*f.Copies)
	}
	if len(f.Meetings)+len(f.Created) > MostMeetings || copies > MostCopies || len(f.Asks) > mostAsks || len(f.Events) > maxText {
		return f, fmt.Errorf("%w: too many", errFrame)
	}
	return f, nil
}

// TellMeeting is a meeting as it is told.
func TellMeeting(m bbb.Meeting) Meeting {
	return Meeting{
		Raw: m.Raw, ID: m.MeetingID, Alias: m.Alias, Internal: m.InternalID, Name: m.Name, Parent: m.ParentID,
		Time: m.CreateTime, People: m.Participants, Voices: m.Voices, Videos: m.Videos, Joined: m.Joined,
		Recorded: m.Recorded, Breakout: m.Breakout, Ended: m.Ended, Tenant: m.Tenant,
	}
}

const maxPeople = 1_000_000 // as package bbb has it

// Hear is the meeting that was told; one that would spoil an answer that it is put into is turned down.
func (m Meeting) Hear() (bbb.Meeting, bool) {
	const begin, end = "<meeting>", "</meeting>"
	whole := bytes.HasPrefix(m.Raw, []byte(begin)) && bytes.HasSuffix(m.Raw, []byte(end)) && len(m.Raw) >= len(begin)+len(end)
	if !whole || m.ID == "" || m.Internal == "" || len(m.ID)+len(m.Alias)+len(m.Internal)+len(m.Parent) > 4*maxText {
		return bbb.Meeting{}, false
	}
	return bbb.Meeting{
		Raw: m.Raw, MeetingID: m.ID, Alias: m.Alias, InternalID: m.Internal, Name: m.Name, ParentID: m.Parent,
		CreateTime: m.Time, Participants: within(m.People, maxPeople), Voices: within(m.Voices, maxPeople),
		Videos: within(m.Videos, maxPeople), Joined: m.Joined, Recorded: m.Recorded, Breakout: m.Breakout, Ended: m.Ended,
		Tenant: m.Tenant,
	}, true
}

// Hear is the event that was told.
func (e Event) Hear() (store.Event, bool) {
	return store.Event{At: e.At, Kind: e.Kind, Text: cut(e.Text)}, len(e.Kind) <= 20
}

func cut(text string) string { return text[:min(len(text), maxText)] }
