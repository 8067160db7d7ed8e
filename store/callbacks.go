package store

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Back is where the front end of a meeting wants to be called back, as its create said. Servers are given other addresses, so
// nobody else has these.
type Back struct {
	Ended string      // meetingEndedURL, which nobody is shown
	Meta  []MetaField // the meta_ parameters that were taken out, in the order of their names
}

// MetaField is one piece of a meeting's metadata: its name in lower case and without "meta_", as BigBlueButton shows it.
type MetaField struct{ Name, Value string }

// The metadata that BigBlueButton calls back.
const (
	MetaEnd         = "endcallbackurl"
	MetaReady       = "bbb-recording-ready-url"
	MetaReadyBN     = "bn-recording-ready-url"
	MetaReadyCanvas = "canvas-recording-ready-url"
	MetaAnalytics   = "analytics-callback-url"
)

// None tells whether nothing was asked for.
func (b Back) None() bool { return b.Ended == "" && len(b.Meta) == 0 }

// Of returns one of the metadata that were taken out, and whether it was among them.
func (b Back) Of(name string) (value string, ok bool) {
	for _, m := range b.Meta {
		if m.Name == name {
			return m.Value, true
		}
	}
	return "", false
}

// Ready is who wants to be told of the recording: the first that there is, in BigBlueButton's order.
func (b Back) Ready() string {
	first, _ := b.Of(MetaReady)
	second, _ := b.Of(MetaReadyBN)
	third, _ := b.Of(MetaReadyCanvas)
	return cmp.Or(first, second, third)
}

// CallbackKind is what a callback tells.
type CallbackKind string

// What front ends are told.
const (
	CallbackEnded     CallbackKind = "ended"     // meetingEndedURL: the meeting is over
	CallbackEnd       CallbackKind = "end"       // meta_endCallbackUrl: the same, and whether a recording is to come
	CallbackReady     CallbackKind = "ready"     // a recording is there
	CallbackAnalytics CallbackKind = "analytics" // who did what in the meeting
	CallbackEvent     CallbackKind = "event"     // of a webhook
)

// CallbackState is how a callback stands.
type CallbackState string

// The states of a callback.
const (
	CallbackWaiting CallbackState = "waiting" // for its turn or its next try
	CallbackDead    CallbackState = "dead"    // given up, until somebody retries or drops it
	CallbackDone    CallbackState = "done"    // delivered, ended by its receiver, or dropped; kept so that it is not told twice
	CallbackOver    CallbackState = "over"    // as done, of a kind that is soon forgotten, for there are many
)

// Settled tells whether nothing is sent any more.
func (s CallbackState) Settled() bool { return s == CallbackDone || s == CallbackOver }

// Callback is something that a front end is to be told: a row of the outbox.
type Callback struct {
	ID        string // CallbackID of what it tells, of what, and whom
	Kind      CallbackKind
	Tenant    string
	MeetingID string // as the front end knows it; what is about one meeting and goes to one address goes in order
	Subject   string // the session, recording or event that it tells of
	URL       string // as the front end gave it; may have secrets of the front end in it
	Hook      string // the webhook that an event is for
	Signer    string // the name of the tenant's secret that signed the create; where there is none by that name, the newest
	Body      []byte // what is sent; nil where the other fields say it all, and once it is done
	Marks     string // of CallbackEnd: "true" or "false"; "" while the server has not told
	Reason    string // of an end: why, in one word, as in the session
	Created   time.Time
	Due       time.Time // not before; zero for at once
	Until     time.Time // given up then; zero for the pool's own limit
	State     CallbackState
	Attempts  int
	Tried     []string // the tenant's secrets that its receiver has not accepted, by name
	Outcome   string   // of the last attempt, or of what was done with it, in words
	Changed   time.Time
}

// CallbackID names a callback by what it tells, of what, and whom: that of a session, or of a recording, to one address is told
// once, whoever finds out that it is to be told.
func CallbackID(kind CallbackKind, subject, url string) string {
	sum := sha256.Sum256([]byte(string(kind) + "\x00" + subject + "\x00" + url))
	return hex.EncodeToString(sum[:16])
}

// CallbackFilter selects callbacks. Empty fields select everything.
type CallbackFilter struct {
	States    []CallbackState // none are all but CallbackOver
	Tenant    string
	MeetingID string
	Kinds     []CallbackKind
	After     Callback // the last of the page before, by its Created and ID; the zero value for the first page
	Limit     int      // 0 is no limit
}

// Along is what is written in the transaction of a session.
type Along struct {
	Used      []Usage    // added to the accounts, unless the session that stands has counted
	Callbacks []Callback // each unless there is one by that ID
}

// Hook is a webhook that a front end has registered with the pool.
type Hook struct {
	ID        string // a UUID
	Tenant    string
	URL       string // where events go; may have secrets of the front end in it
	MeetingID string // whose events alone are wanted; "" for those of all of the tenant's meetings
	Events    []string
	Raw       bool // as they are inside of BigBlueButton, not mapped
	Signer    string
	Created   time.Time
}

// Analysis is what a server has told of who did what in a meeting, kept where the tenant wants that.
type Analysis struct {
	ID        string // the server's internal meeting ID
	Tenant    string
	MeetingID string
	At        time.Time // when it came
	Body      []byte    // JSON, as it was passed on
}

// Among are the states that are selected, in a list of the caller's own. A filter without any means those that people look at.
func (f CallbackFilter) Among() []CallbackState {
	if len(f.States) == 0 {
		return []CallbackState{CallbackWaiting, CallbackDead, CallbackDone}
	}
	return slices.Clone(f.States)
}

// Selects tells whether a callback is selected, wherever it stands.
func (f CallbackFilter) Selects(c Callback) bool {
	return (len(f.States) == 0 || slices.Contains(f.States, c.State)) && (len(f.Kinds) == 0 || slices.Contains(f.Kinds, c.Kind)) &&
		(f.Tenant == "" || f.Tenant == c.Tenant) && (f.MeetingID == "" || f.MeetingID == c.MeetingID)
}
