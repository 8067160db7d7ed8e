package admin

import (
	"time"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// Recording is a recording as operators see it in a list.
type Recording struct {
	RecordID     string     `json:"recordID"`
	MeetingID    string     `json:"meetingID"`
	Tenant       string     `json:"tenant"`
	Name         string     `json:"name"`
	State        string     `json:"state"`
	Published    bool       `json:"published"` // the state is published
	Protected    bool       `json:"protected"`
	Start        *time.Time `json:"start"`
	End          *time.Time `json:"end"`
	Participants int        `json:"participants"`
	RawSize      int64      `json:"raw_size"` // bytes of the raw material on the server, as that tells
	Size         int64      `json:"size"`     // bytes in the library
	Formats      []string   `json:"formats"`  // their types
}

func newRecording(r store.Recording) Recording {
	shown := Recording{
		RecordID: r.RecordID, MeetingID: r.MeetingID, Tenant: r.Tenant, Name: r.Name,
		State: string(r.State), Published: r.State == store.Published, Protected: r.Protected,
		Start: stamp(r.Start), End: stamp(r.End), Participants: r.Participants, RawSize: r.RawSize, Formats: []string{},
	}
	for _, f := range r.Formats {
		shown.Size += f.Bytes
		shown.Formats = append(shown.Formats, f.Type)
	}
	return shown
}

// RecordingPage is one page of a list.
type RecordingPage struct {
	Recordings []Recording `json:"recordings"`
	Total      int         `json:"total"` // over all pages
}

// RecordingDetails is a recording with all that is known of it.
type RecordingDetails struct {
	Recording
	Details Details `json:"details"`
}

// Details is what a list does not show of a recording.
type Details struct {
	Formats       []Format          `json:"formats"`
	Meta          map[string]string `json:"meta"`
	Edits         Edits             `json:"edits"`
	Server        string            `json:"server"` // that made it; "" where nobody knows
	Owed          *Owed             `json:"owed"`   // null where nothing is
	Imported      *time.Time        `json:"imported"`
	Changed       *time.Time        `json:"changed"`       // when its state was changed last
	Breakout      string            `json:"breakout"`      // internal ID of the parent, of a breakout room
	BreakoutRooms []string          `json:"breakoutRooms"` // record IDs
	Behind        string            `json:"behind"`        // why its files are not where its state says; "" where they are
	Claimed       string            `json:"claimed"`       // the tenant that its metadata named and that was not there
}

// Format is a playable form of a recording.
type Format struct {
	Type   string  `json:"type"`
	Length float64 `json:"length_s"` // seconds that it plays
	Bytes  int64   `json:"bytes"`    // in the library
	Link   string  `json:"link"`     // path and query, without a host
}

// Edits are what people have changed, and no later import does.
type Edits struct {
	State     bool              `json:"state"`
	Protected bool              `json:"protected"`
	Meta      map[string]string `json:"meta"` // an empty value was removed
}

// Owed is what a server has still to deliver of a recording.
type Owed struct {
	Server  string     `json:"server"`
	Ended   *time.Time `json:"ended"` // when the meeting did
	Step    string     `json:"step"`
	Since   *time.Time `json:"since"` // when this step was seen first
	Formats []string   `json:"formats"`
}

func newDetails(r store.Recording) RecordingDetails {
	d := Details{
		Formats: []Format{}, Meta: orEmpty(r.Meta), Server: r.Server,
		Edits: Edits{State: r.Edits.State, Protected: r.Edits.Protected, Meta: orEmpty(r.Edits.Meta)},
		Owed:  newOwed(r.Owed), Imported: stamp(r.Imported), Changed: stamp(r.Changed),
		BreakoutRooms: append([]string{}, r.BreakoutRooms...), Behind: r.Behind, Claimed: r.Claimed,
	}
	if r.Breakout != nil {
		d.Breakout = r.Breakout.Parent
	}
	for _, f := range r.Formats {
		d.Formats = append(d.Formats, Format{
			Type: f.Type, Length: tenths(f.Length.Seconds()), Bytes: f.Bytes, Link: f.Path,
		})
	}
	return RecordingDetails{Recording: newRecording(r), Details: d}
}

func orEmpty(meta map[string]string) map[string]string {
	if meta == nil {
		return map[string]string{}
	}
	return meta
}

func newOwed(o *store.Owed) *Owed {
	if o == nil {
		return nil
	}
	return &Owed{
		Server: o.Server, Ended: stamp(o.Ended), Step: string(o.Step), Since: stamp(o.Since),
		Formats: append([]string{}, o.Formats...),
	}
}

// RecordingOwed is a recording that a server owes, whole or in part.
type RecordingOwed struct {
	Recording
	Owed    *Owed `json:"owed"`
	Age     int64 `json:"age_s"`  // seconds since the meeting ended
	Step    int64 `json:"step_s"` // seconds since the present step began
	Overdue bool  `json:"overdue"`
}

func newRecordingOwed(o recordings.Owing) RecordingOwed {
	return RecordingOwed{
		Recording: newRecording(o.Recording), Owed: newOwed(o.Owed), Age: int64(o.Age.Seconds()),
		Step: int64(o.Step.Seconds()), Overdue: o.Overdue,
	}
}

// Job is the import of an archive.
type Job struct {
	ID         string     `json:"id"`
	State      string     `json:"state"`
	Attempts   int        `json:"attempts"`
	Reason     string     `json:"reason"` // why it waits or has failed
	Next       *time.Time `json:"next"`   // of the next try
	Bytes      int64      `json:"bytes"`  // of the archive
	Source     string     `json:"source"` // spool, upload or command
	Server     string     `json:"server"` // that has sent it; "" where nobody knows
	Recordings []string   `json:"recordings"`
	Created    *time.Time `json:"created"`
	Changed    *time.Time `json:"changed"`
}

func newJob(j store.Job) Job {
	return Job{
		ID: j.ID, State: string(j.State), Attempts: j.Attempts, Reason: j.Reason, Next: stamp(j.Next), Bytes: j.Bytes,
		Source: j.Source, Server: j.Server, Recordings: append([]string{}, j.Recordings...), Created: stamp(j.Created),
		Changed: stamp(j.Changed),
	}
}

// Volume is how a disk is on which recordings lie.
type Volume struct {
	Name      string     `json:"name"`
	Path      string     `json:"path"`
	Problem   string     `json:"problem"` // why it cannot be used; "" where it can
	Free      int64      `json:"free"`    // bytes
	Total     int64      `json:"total"`   // bytes
	Inodes    uint64     `json:"inodes"`  // that are free
	LatencyMS float64    `json:"latency_ms"`
	At        *time.Time `json:"at"` // when it was looked at
}

func newVolume(s volume.Status) Volume {
	return Volume{
		Name: s.Name, Path: s.Path, Problem: s.Problem, Free: s.Free, Total: s.Total, Inodes: s.Inodes,
		LatencyMS: milliseconds(s.Latency), At: stamp(s.At),
	}
}

// RecordingChange asks for a recording to be changed.
type RecordingChange struct {
	Meta map[string]string `json:"meta"` // an empty value removes its key
}

// Assignment asks for a recording to be given to a tenant.
type Assignment struct {
	Tenant string `json:"tenant"`
}

// Protection asks for all recordings to be protected, or not.
type Protection struct {
	Tenant  string `json:"tenant,omitempty"` // of this tenant alone
	Protect bool   `json:"protect"`
}

// ProtectReport is the outcome of that.
type ProtectReport struct {
	Changed int `json:"changed"`
}

// RecordingSums are the recordings at a glance.
type RecordingSums struct {
	Published   int   `json:"published"`
	Unpublished int   `json:"unpublished"`
	Processing  int   `json:"processing"` // nothing has arrived yet
	Deleted     int   `json:"deleted"`
	Bytes       int64 `json:"bytes"` // in the library, without the deleted ones
	Importing   int   `json:"importing"`
	Failed      int   `json:"failed"` // imports
	Owed        int   `json:"owed"`
	Overdue     int   `json:"overdue"` // of those
}

// Script is a script for a server, that sends its recordings to the pool.
type Script struct {
	Script string `json:"script"`
}
