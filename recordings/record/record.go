// Package record is what everybody does who works on a recording: the importer, the audit, what servers owe, and those who
// change one by hand. It has the pure functions on a recording's entry in the index, finds out whose a recording is, and
// lets the files follow the entry.
//
// The index says what there is and in which state; [Files] brings the library to where the index says, keeps as work to be
// done what the disk does not let it do now, and writes beside the files what they do not tell themselves. The package never
// decides what a recording is to be.
package record

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// Here tells whether a recording is one that front ends can change.
func Here(r *store.Recording) bool { return r.State == store.Published || r.State == store.Unpublished }

// FormatNames are the formats of a recording by name.
func FormatNames(r store.Recording) []string {
	list := make([]string, 0, len(r.Formats))
	for _, f := range r.Formats {
		list = append(list, f.Type)
	}
	return list
}

// Bytes is what a recording takes in the library.
func Bytes(r store.Recording) (bytes int64) {
	for _, f := range r.Formats {
		bytes += f.Bytes
	}
	return bytes
}

// InPlace tells whether a format is where recordings are kept that are not deleted.
func InPlace(places map[store.RecordingState][]string, format string) bool {
	return slices.Contains(places[store.Published], format) || slices.Contains(places[store.Unpublished], format)
}

// Describe takes over what a description tells of a recording. What it does not tell stays as it was, and so does what
// people have changed.
func Describe(r *store.Recording, by store.Recording) {
	r.MeetingID, r.Name = cmp.Or(by.MeetingID, r.MeetingID), cmp.Or(by.Name, r.Name)
	r.Participants, r.RawSize = cmp.Or(by.Participants, r.Participants), cmp.Or(by.RawSize, r.RawSize)
	r.Breakout = cmp.Or(by.Breakout, r.Breakout)
	if !by.Start.IsZero() {
		r.Start = by.Start
	}
	if !by.End.IsZero() {
		r.End = by.End
	}
	if len(by.BreakoutRooms) > 0 {
		r.BreakoutRooms = by.BreakoutRooms
	}
	if len(by.Meta) > 0 {
		r.Meta = by.Meta
	}
	r.Meta = Edited(r.Meta, r.Edits.Meta)
}

// Edited is metadata with what people changed in it. An empty value removes its key.
func Edited(meta, edits map[string]string) map[string]string {
	all := maps.Clone(meta)
	if all == nil {
		all = map[string]string{}
	}
	for key, value := range edits {
		if value == "" {
			delete(all, key)
		} else {
			all[key] = value
		}
	}
	return all
}

// MergeFormats are the formats of a recording after some have arrived, sorted by name. Those that did not come again stay.
func MergeFormats(old, arrived []store.Format) []store.Format {
	all := slices.Clone(arrived)
	for _, f := range old {
		if !slices.ContainsFunc(arrived, func(a store.Format) bool { return a.Type == f.Type }) {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b store.Format) int { return strings.Compare(a.Type, b.Type) })
	return all
}

// SameFormats tells whether all that has come of a recording is known, of the same size.
func SameFormats(come, known store.Recording) bool {
	return !slices.ContainsFunc(come.Formats, func(f store.Format) bool {
		return !slices.ContainsFunc(known.Formats, func(k store.Format) bool { return k.Type == f.Type && k.Bytes == f.Bytes })
	})
}

// Deliver takes what has arrived of a recording off what its server owes.
func Deliver(r *store.Recording) {
	if r.Owed == nil {
		return
	}
	here := FormatNames(*r)
	r.Owed.Formats = slices.DeleteFunc(slices.Clone(r.Owed.Formats), func(f string) bool { return slices.Contains(here, f) })
	if r.Owed.Step == store.OwedPublished && len(r.Owed.Formats) == 0 {
		r.Owed = nil
	}
}

// Metadata by which balancers mark whose a meeting is. They are no business of front ends.
const (
	ownTenant       = bbb.TenantKey
	scaleliteTenant = "tenant-id"
)

// meetingKey is the metadata key under which BigBlueButton shows the ID of a recording's meeting.
const meetingKey = "meetingId"

// Disown takes out of the metadata by what balancers mark whose a meeting is. Where the server knew the meeting by another ID
// than its front end, that one is in there: the recording has it from then on, and so has its metadata. A breakout room has
// its parent's metadata, and an ID of the server's own. One that another tenant claims keeps the server's ID until it is that
// one's: by the front end's it would be in a room of whoever has it meanwhile.
func Disown(r *store.Recording) {
	r.Meta = maps.Clone(r.Meta)
	if id := r.Meta[bbb.IDKey]; bbb.CheckMeetingID(id) == nil && r.Breakout == nil && r.Meta["isBreakout"] != "true" {
		if r.Claimed == "" {
			rename(r, id)
		} else if id != r.MeetingID {
			r.ClaimedID = id
		}
	}
	maps.DeleteFunc(r.Meta, func(key, _ string) bool { return bbb.HiddenMeta(strings.ToLower(key)) })
}

// Settle ends a claim: the recording is whose it is, and has the ID that the front end has given its meeting.
func Settle(r *store.Recording) {
	if r.ClaimedID != "" {
		r.Meta = maps.Clone(r.Meta)
		rename(r, r.ClaimedID)
	}
	r.Claimed, r.ClaimedID = "", ""
}

// rename gives a recording another meeting's ID, in its metadata, too, if it stands there.
func rename(r *store.Recording, meetingID string) {
	if r.Meta[meetingKey] != "" {
		r.Meta[meetingKey] = meetingID
	}
	r.MeetingID = meetingID
}

// Strip leaves of a deleted recording what must not come back, and nothing that tells of people.
func Strip(r *store.Recording) {
	*r = store.Recording{
		RecordID: r.RecordID, Tenant: r.Tenant, MeetingID: r.MeetingID, State: store.Deleted, Start: r.Start, End: r.End,
		Server: r.Server, Imported: r.Imported, Changed: r.Changed, Claimed: r.Claimed, ClaimedID: r.ClaimedID,
	}
}

var leadingID = regexp.MustCompile(`^[0-9a-f]{40}-[0-9]{13}`)

// LeadingID is the record ID that a name begins with, in the form that BigBlueButton gives it; "" where it does not.
func LeadingID(name string) string { return leadingID.FindString(name) }

// Age is how long something has been so; never negative, whatever clocks say.
func Age(now, since time.Time) time.Duration { return max(0, now.Sub(since)) }

// maxReason bounds the reason that is kept with a recording or an import, in bytes.
const maxReason = 1000

// Shorten cuts a reason to what is kept of it in the index.
func Shorten(reason string) string {
	return strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
}

// Progress is how far a long work has come.
type Progress struct {
	Done    int
	Total   int    // 0 while it is not known
	Current string // what is being worked on
	Problem string // with Current; the work goes on
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind     string // missing, orphan, misplaced, leftover, stuck, unreadable, skipped
	RecordID string // of the recording it is about
	Format   string
	Path     string
	Text     string // what is wrong, and what was done or can be done about it
	Repaired bool
}

// Kinds of findings.
const (
	Missing    = "missing"    // the index has a format that the disk has not
	Orphan     = "orphan"     // the disk has a format that the index has not
	Misplaced  = "misplaced"  // a format is where its state does not belong
	Leftover   = "leftover"   // of something that was broken off, or deleted
	Stuck      = "stuck"      // an import that nothing happens to any more
	Unreadable = "unreadable" // it cannot be looked at
	Skipped    = "skipped"    // nothing of it was wanted
)

// MaxFindings is how many findings are listed.
const MaxFindings = 10_000
