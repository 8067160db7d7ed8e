package v1

import (
	"context"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
)

// Protection asks for all recordings to be protected, or not.
type Protection struct {
	Tenant  string `json:"tenant,omitempty"` // of this tenant alone
	Protect bool   `json:"protect"`
}

// ProtectReport is the outcome of that.
type ProtectReport struct {
	Changed int `json:"changed"`
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
	OlderThan quantity.Age `json:"older_than,omitempty"` // since the end of the meeting
	KeepUnder int64        `json:"keep_under,omitempty"` // bytes that may remain; the oldest go first
	Tenant    string       `json:"tenant,omitempty"`     // of this tenant alone; the bytes are then its own
	DryRun    bool         `json:"dry_run,omitempty"`    // say what would be done, and do nothing
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
const Keep = "bbbpool-keep"

// Verify compares the index with the disk.
func (r Recordings) Verify(ctx context.Context, o VerifyOptions, tell func(Progress)) (VerifyReport, error) {
	return follow[VerifyReport](ctx, r.client, "/recordings-verify", o, tell)
}

// Prune deletes what is too old, or too much.
func (r Recordings) Prune(ctx context.Context, o PruneOptions, tell func(Progress)) (PruneReport, error) {
	return follow[PruneReport](ctx, r.client, "/recordings-prune", o, tell)
}

// ProtectAll protects all recordings, or a tenant's.
func (r Recordings) ProtectAll(ctx context.Context, p Protection, tell func(Progress)) (ProtectReport, error) {
	return follow[ProtectReport](ctx, r.client, "/recordings-protect", p, tell)
}
