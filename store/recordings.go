package store

import (
	"strings"
	"time"
)

// RecordingState is where a recording is on its way. Published is the only one in which it plays; there is no second
// flag that could disagree.
type RecordingState string

// The states of a recording, as BigBlueButton names them, but for the first, which is ours.
const (
	Awaited     RecordingState = "awaited"     // the meeting is over, and nobody knows whether there is a recording: not shown
	Processing  RecordingState = "processing"  // the meeting is over, and nothing has arrived yet
	Processed   RecordingState = "processed"   // its server is done with it, and nothing has arrived yet
	Published   RecordingState = "published"   // plays
	Unpublished RecordingState = "unpublished" // is here, and plays for nobody
	Deleted     RecordingState = "deleted"     // what is left says that it must not come back
)

// Recording is one recording with all its formats.
type Recording struct {
	RecordID      string // the internal ID of the meeting that was recorded
	Tenant        string
	MeetingID     string
	Name          string
	State         RecordingState
	Protected     bool // plays for those alone whom the front end lets in
	Start         time.Time
	End           time.Time
	Participants  int
	RawSize       int64             // bytes of the raw material on the server, as that tells
	Breakout      *Breakout         // nil unless the meeting was a breakout room
	BreakoutRooms []string          // record IDs of the meeting's breakout rooms
	Meta          map[string]string // as it is shown: what the server recorded, and Edits over it
	Formats       []Format          // in the order of their types
	Edits         Edits
	Server        string    // that made it; "" where nobody knows
	Imported      time.Time // when files of it arrived last; zero before that
	Changed       time.Time // when its state was changed last
	Owed          *Owed     // what its server has still to deliver; nil for nothing
	Behind        string    // why its files are not where its state says, which is tried again; "" where they are
	Claimed       string    // the tenant that its metadata named and that nobody has given it to; "" for none
	ClaimedID     string    // what that tenant's front end calls the meeting, where MeetingID is the server's; else ""
}

// Breakout is what a recording of a breakout room knows of its parent.
type Breakout struct {
	Parent   string // the internal ID of the parent meeting
	Sequence int
	FreeJoin bool
}

// Edits are what people changed. They win over everything that arrives later for the same recording.
type Edits struct {
	State     bool              // somebody published or unpublished it
	Protected bool              // somebody chose whether it is protected
	Meta      map[string]string // what was set; an empty value was removed
}

// Format is one playable form of a recording.
type Format struct {
	Type           string        // presentation, video, podcast, …: [a-z0-9_-]+
	Path           string        // path and query of its URL, without a host
	Length         time.Duration // playing time
	ProcessingTime time.Duration // that the server needed; 0 where it does not tell
	Size           int64         // bytes, as the server tells
	Bytes          int64         // bytes in the library
	Images         []Image       // thumbnails
}

// Image is a thumbnail of a format.
type Image struct {
	Width, Height int // pixels; 0 where the server does not tell
	Alt           string
	Path          string // path and query of its URL, without a host
}

// TextTrack is captions or subtitles of a recording, as WebVTT. They lie with the files of its presentation, which tell of
// them; no index knows them.
type TextTrack struct {
	Kind   string // captions or subtitles
	Lang   string // language tag, as de or pt-BR
	Label  string // what viewers choose it by
	Source string // live, automatic or upload
	File   string // its name among the files of the presentation; "" for one that is not there yet
}

// Owed is what is known of a recording that its server has still to deliver, whole or in part.
type Owed struct {
	Server  string    // that owes it
	Ended   time.Time // when the meeting ended
	Step    OwedStep
	Since   time.Time // when this step was seen first
	Formats []string  // that the server has and we have not, as far as that is known
}

// OwedStep is how far a recording that is owed has come.
type OwedStep string

// The steps from the end of a meeting to the arrival of its recording. What is imported is owed no more, unless another
// format is.
const (
	OwedEnded      OwedStep = "ended"      // the server does not show it yet
	OwedProcessing OwedStep = "processing" // the server works on it
	OwedProcessed  OwedStep = "processed"  // the server is done with it, and has not published it
	OwedPublished  OwedStep = "published"  // the server has published it, and not sent it
	OwedArrived    OwedStep = "arrived"    // its archive is here, and not imported
	OwedMissing    OwedStep = "missing"    // the server does not know it: nobody pressed record, or it is lost
)

// RecordingFilter selects recordings of one tenant, and "" is one like any other. The other fields select everything
// where they are empty.
type RecordingFilter struct {
	Tenant     string
	AllTenants bool     // those of all tenants, whatever Tenant says: for operators, and never for front ends
	RecordIDs  []string // prefixes of record IDs; an empty element selects nothing
	MeetingIDs []string // ignored where RecordIDs are given
	States     []RecordingState
	Meta       []MetaMatch // all of them must match
	Offset     int
	Limit      int // 0 is no limit
}

// MetaMatch asks for a value in the metadata. A recording without the key does not match.
type MetaMatch struct {
	Key   string
	Value string // exact; a "%" at its start, its end or both stands for anything, also for nothing
}

// Pattern is a MetaMatch with the "%" taken off.
type Pattern struct {
	Key, Text  string
	Head, Tail bool // anything may stand before the text, behind it
}

// Pattern takes the "%" off what is asked for.
func (m MetaMatch) Pattern() Pattern {
	p := Pattern{Key: m.Key}
	p.Text, p.Head = strings.CutPrefix(m.Value, "%")
	p.Text, p.Tail = strings.CutSuffix(p.Text, "%")
	return p
}

// Matches tells whether a value is what is asked for.
func (p Pattern) Matches(value string) bool {
	switch {
	case p.Head && p.Tail:
		return strings.Contains(value, p.Text)
	case p.Head:
		return strings.HasSuffix(value, p.Text)
	case p.Tail:
		return strings.HasPrefix(value, p.Text)
	}
	return value == p.Text
}

// RecordingCount is how many recordings a tenant has in one state.
type RecordingCount struct {
	Tenant string
	State  RecordingState
	Count  int
	Bytes  int64 // of all their formats, in the library
}

// JobState is how an import stands.
type JobState string

// The states of an import.
const (
	JobWaiting   JobState = "waiting"   // for its turn, for its next try, or for the volume
	JobImporting JobState = "importing" // is being unpacked
	JobPlacing   JobState = "placing"   // the index has it; its files are being put in place
	JobDone      JobState = "done"
	JobFailed    JobState = "failed"  // in quarantine, until somebody retries or removes it
	JobDropped   JobState = "dropped" // of a recording that was deleted: not imported
)

// Job is the import of one archive.
type Job struct {
	ID         string // unique; the name of the archive in the spool
	Path       string // of the archive on our disk
	Source     string // spool, upload or command
	Keep       bool   // the archive is the operator's own and stays where it is
	Notify     bool   // front ends are told of what an operator imports
	Tenant     string // that the operator has named for its recordings; "" where they tell themselves
	Server     string // that has sent it; "" where nobody knows
	SHA256     string // of the archive in hexadecimal, where the sender told
	State      JobState
	Attempts   int
	Reason     string    // why it waits or has failed, in words
	Next       time.Time // of the next try
	Bytes      int64     // of the archive
	Modified   time.Time // of the archive: the newest goes first
	Staging    string    // where its files are while it is placing
	Recordings []string  // record IDs that were found in it
	Created    time.Time
	Changed    time.Time // last change of its state
}

// JobFilter selects jobs.
type JobFilter struct {
	States []JobState // none selects all
	After  string     // the ID of the last job of the page before, "" for the first page
	Limit  int        // 0 is no limit
}
