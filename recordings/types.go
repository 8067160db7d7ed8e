package recordings

import (
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// Progress is how far a long work has come.
type Progress struct {
	Done    int    `json:"done"`
	Total   int    `json:"total"`             // 0 while it is not known
	Current string `json:"current,omitempty"` // what is being worked on
	Problem string `json:"problem,omitempty"` // with Current; the work goes on
}

// ImportOptions say what to import, and how.
type ImportOptions struct {
	Path   string `json:"path"`             // an archive, or a directory of archives or of recordings
	Tenant string `json:"tenant,omitempty"` // for recordings that do not tell
	Force  bool   `json:"force,omitempty"`  // bring back what was deleted
}

// ImportReport is the outcome of an import.
type ImportReport struct {
	Imported []string  `json:"imported"`          // record IDs that are new, or have something new
	Same     int       `json:"same"`              // recordings that were there already, just so
	Skipped  []Finding `json:"skipped,omitempty"` // what nothing was wanted of, and why
	Failed   []Finding `json:"failed"`
}

// VerifyOptions say what to do about what is found.
type VerifyOptions struct {
	Repair bool `json:"repair,omitempty"` // mend what is misplaced or left over; forget formats whose files are gone
	Adopt  bool `json:"adopt,omitempty"`  // take into the index what only the disk has
	Mark   bool `json:"mark,omitempty"`   // take the volume that is mounted now for the right one
}

// VerifyReport compares the index with the disk.
type VerifyReport struct {
	Recordings int       `json:"recordings"` // in the index, deleted ones included
	Formats    int       `json:"formats"`    // on the disk
	Findings   []Finding `json:"findings"`
	Repaired   int       `json:"repaired"`
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind     string `json:"kind"`               // missing, orphan, misplaced, leftover, stuck, unreadable, skipped
	RecordID string `json:"recordID,omitempty"` // of the recording it is about
	Format   string `json:"format,omitempty"`
	Path     string `json:"path,omitempty"`
	Text     string `json:"text"` // what is wrong, and what was done or can be done about it
	Repaired bool   `json:"repaired"`
}

// PruneOptions say which recordings are too old, or too much. At least one of OlderThan and KeepUnder must be given.
type PruneOptions struct {
	OlderThan Age    `json:"older_than,omitempty"` // since the end of the meeting
	KeepUnder int64  `json:"keep_under,omitempty"` // bytes that may remain; the oldest go first
	Tenant    string `json:"tenant,omitempty"`     // of this tenant alone; the bytes are then its own
	DryRun    bool   `json:"dry_run,omitempty"`    // say what would be done, and do nothing
}

// PruneReport is what was deleted, or would be.
type PruneReport struct {
	Deleted   []Pruned  `json:"deleted"`
	Bytes     int64     `json:"bytes"`            // that they took
	Protected int       `json:"protected"`        // that would have gone, but are kept by their metadata
	Remaining int64     `json:"remaining"`        // bytes that are left, of the tenant or of all
	Behind    []Finding `json:"behind,omitempty"` // deleted ones whose files could not be removed yet
}

// Pruned is a recording that retention deletes.
type Pruned struct {
	RecordID  string    `json:"recordID"`
	Tenant    string    `json:"tenant"`
	MeetingID string    `json:"meetingID"`
	Name      string    `json:"name"`
	End       time.Time `json:"end"`
	Bytes     int64     `json:"bytes"`
}

// Keep is the key in the metadata that protects a recording from retention, unless its value is "false".
const Keep = bbb.KeepKey

// Owing is a recording that a server owes, with the age of the step.
type Owing struct {
	store.Recording
	Age     time.Duration // since the meeting ended
	Step    time.Duration // since the present step began
	Overdue bool
}
