package recordings

import (
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings/audit"
	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/owed"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/recordings/volume"
)

// What the parts take and return, under the names by which it is known outside.
type (
	// Progress is how far a long work has come.
	Progress = record.Progress
	// Finding is one thing that is not as it should be.
	Finding = record.Finding
	// ImportOptions say what to import, and how.
	ImportOptions = imports.Options
	// ImportReport is the outcome of an import.
	ImportReport = imports.Report
	// VerifyOptions say what to do about what is found.
	VerifyOptions = audit.Options
	// VerifyReport compares the index with the disk.
	VerifyReport = audit.Report
	// Owing is a recording that a server owes, with the age of the step.
	Owing = owed.Owing
)

// JobIgnored is the state in which [Service.Jobs] lists what lies in the spool and nothing takes. It is never stored.
const JobIgnored = imports.JobIgnored

// Errors of the parts, under the names by which they are known outside.
var (
	// ErrBusy: the job is at work.
	ErrBusy = imports.ErrBusy
	// ErrOver: the job is done, or was dropped.
	ErrOver = imports.ErrOver
	// ErrNothing: there is nothing to import.
	ErrNothing = imports.ErrNothing
	// ErrVolume: index and disk cannot be compared, because the disk is not there as it should be.
	ErrVolume = volume.ErrUnusable
	// ErrBehind: the index has a change and the files could not follow.
	ErrBehind = record.ErrBehind
)

// PruneOptions say which recordings are too old, or too much. At least one of OlderThan and KeepUnder must be given.
type PruneOptions struct {
	OlderThan quantity.Age // since the end of the meeting
	KeepUnder int64        // bytes that may remain; the oldest go first
	Tenant    string       // of this tenant alone; the bytes are then its own
	DryRun    bool         // say what would be done, and do nothing
}

// PruneReport is what was deleted, or would be.
type PruneReport struct {
	Deleted   []Pruned
	Bytes     int64     // that they took
	Protected int       // that would have gone, but are kept by their metadata
	Remaining int64     // bytes that are left, of the tenant or of all
	Behind    []Finding // deleted ones whose files could not be removed yet
}

// Pruned is a recording that retention deletes.
type Pruned struct {
	RecordID  string
	Tenant    string
	MeetingID string
	Name      string
	End       time.Time
	Bytes     int64
}

// Keep is the key in the metadata that protects a recording from retention, unless its value is "false".
const Keep = bbb.KeepKey
