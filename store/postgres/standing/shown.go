// Package standing is what there is of a recording in PostgreSQL: its rows in Scalelite's tables, and the row of ours that has
// what those cannot say. It puts both together, takes a recording apart again, and queues the statements that read and write it.
//
// It never sends them, holds no lock and begins no transaction: whoever has one does that.
package standing

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/question"
	"github.com/bbbpool/bbbpool/store/postgres/rails"
)

// Layout is what Scalelite's tables are like in a database.
type Layout struct{ rails.Layout }

// shown is a recording as it stands in Scalelite's tables. What is zero is NULL there, but for names and flags.
type shown struct {
	id                                int64
	meetingID, name, state            string
	published, protected, republished bool
	participants                      int32
	start, end                        time.Time
	meta                              map[string]string // but for the tenant
	tenant                            string
	owned                             bool // the metadata name the tenant
	once                              bool // read to be shown once: what is made of it may have its metadata
	formats                           []shownFormat
}

// shownFormat is a row of playback_formats, with its thumbnails.
type shownFormat struct {
	id           int64
	format, path string
	minutes      int32
	images       []shownImage
}

type shownImage struct {
	width, height int32
	alt, path     string
}

// tenantKey is the metadata by which Scalelite knows whose a recording is. The default tenant's have none.
const tenantKey = "tenant-id"

// apart tells whether a piece of metadata is none of what the table says: it is whose the recording is, or Scalelite does not
// store it.
func apart(key string) bool { return key == tenantKey || rails.Unstored(key) }

// number is a number as a column holds it, 0 for what it cannot hold.
func number(n int) int32 {
	if n < math.MinInt32 || n > math.MaxInt32 {
		return 0
	}
	return int32(n)
}

// minutes is a length as Scalelite has it.
func minutes(d time.Duration) int32 { return number(int(math.Round(d.Minutes()))) }

// stands tells whether a recording stands in Scalelite's tables: what nobody knows yet to be one does not.
func stands(r store.Recording) bool { return r.State != store.Awaited }

// show is what Scalelite has of a recording. A deleted one has no metadata and no formats there.
func show(r store.Recording) shown {
	s := shown{
		meetingID: rails.ToText(r.MeetingID), name: rails.ToText(r.Name), state: rails.ToText(string(r.State)),
		published: r.State == store.Published, protected: r.Protected, republished: r.Edits.State,
		participants: number(r.Participants), start: question.Moment(r.Start), end: question.Moment(r.End),
	}
	if r.State == store.Deleted {
		return s
	}
	s.tenant, s.owned = rails.ToText(r.Tenant), r.Tenant != store.DefaultTenant
	s.meta = make(map[string]string, len(r.Meta))
	for key, value := range r.Meta {
		if !apart(key) {
			s.meta[rails.ToText(key)] = rails.ToText(value)
		}
	}
	s.formats = showFormats(r.Formats)
	return s
}

// showFormats are in the order of their types, and one of each.
func showFormats(list []store.Format) (formats []shownFormat) {
	for _, f := range list {
		shown := shownFormat{format: rails.ToText(f.Type), path: rails.ToText(f.Path), minutes: minutes(f.Length)}
		for _, i := range f.Images {
			shown.images = append(shown.images, shownImage{number(i.Width), number(i.Height), rails.ToText(i.Alt), rails.ToText(i.Path)})
		}
		if !slices.ContainsFunc(formats, func(f shownFormat) bool { return f.format == shown.format }) {
			formats = append(formats, shown)
		}
	}
	slices.SortFunc(formats, func(a, b shownFormat) int { return strings.Compare(a.format, b.format) })
	return formats
}

// same tells whether a format is shown alike.
func (f shownFormat) same(other shownFormat) bool {
	return f.format == other.format && f.path == other.path && f.minutes == other.minutes && slices.Equal(f.images, other.images)
}

// part is how much of a recording our own row has.
type part byte

const (
	rest  part = 'r' // what the tables cannot say
	kept  part = 'k' // metadata and formats, too: they say less than that, as of a deleted one
	alone part = 'a' // all of it: the recording stands nowhere else
)

// merge is the recording that the tables and our row tell of together. Either may be nil.
func merge(recordID string, s *shown, how part, own *store.Recording) store.Recording {
	switch {
	case s == nil && own == nil:
		return store.Recording{RecordID: recordID}
	case s == nil:
		r := *own
		r.RecordID = recordID
		return r
	}
	r := store.Recording{}
	if own != nil {
		r = *own
	}
	r.RecordID = recordID
	r.MeetingID, r.Name, r.State = rails.FromText(s.meetingID), rails.FromText(s.name), store.RecordingState(rails.FromText(s.state))
	r.Tenant = s.tenantOf(own)
	r.Protected, r.Edits.State = s.protected || r.Protected, s.republished || r.Edits.State
	if r.Participants == 0 || number(r.Participants) != s.participants {
		r.Participants = int(s.participants)
	}
	r.Start, r.End = exact(r.Start, s.start), exact(r.End, s.end)
	if how != kept || own.State != r.State || !sameFormats(show(*own).formats, s.formats) {
		r.Formats = formatsOf(s.formats, r.Formats)
	} else if r.State == store.Deleted && len(s.meta) == 0 {
		return r // with all that it had, which Scalelite does not have any more
	}
	r.Meta = s.metaOf(own)
	return r
}

func sameFormats(a, b []shownFormat) bool { return slices.EqualFunc(a, b, shownFormat.same) }

// exact is our time where the column has it as far as it can, else the column's.
func exact(own, column time.Time) time.Time {
	if !own.IsZero() && question.Moment(own).Equal(column) {
		return own
	}
	return column
}

// tenantOf is whose a recording is. Of a deleted one Scalelite does not know any more.
func (s *shown) tenantOf(own *store.Recording) string {
	switch {
	case s.owned:
		return rails.FromText(s.tenant)
	case own != nil && rails.FromText(s.state) == string(store.Deleted):
		return own.Tenant
	}
	return store.DefaultTenant
}

// metaOf is the metadata as front ends see it. Those that Scalelite has stored itself have the tenant among them, as there;
// those of ours where it was so. What it does not store our row has.
func (s *shown) metaOf(own *store.Recording) map[string]string {
	meta := s.meta
	if !s.once || !plain(meta) {
		meta = make(map[string]string, len(s.meta)+1)
		for key, value := range s.meta {
			meta[rails.FromText(key)] = rails.FromText(value)
		}
	}
	if own == nil && s.owned {
		meta[tenantKey] = rails.FromText(s.tenant)
	} else if own != nil {
		for key, value := range own.Meta {
			if key == tenantKey || apart(key) && rails.FromText(s.state) != string(store.Deleted) {
				meta[key] = value
			}
		}
	}
	return meta
}

// plain tells whether texts mean themselves.
func plain(texts map[string]string) bool {
	for key, value := range texts {
		if rails.FromText(key) != key || rails.FromText(value) != value {
			return false
		}
	}
	return true
}

// formatsOf are the formats that the tables have, with what our row knows of them beyond that.
func formatsOf(list []shownFormat, own []store.Format) (formats []store.Format) {
	formats = slices.Grow(formats, len(list))
	many := 0
	for _, s := range list {
		many += len(s.images)
	}
	all := make([]store.Image, 0, many)
	for _, s := range list {
		f := store.Format{Type: rails.FromText(s.format), Path: rails.FromText(s.path), Length: time.Duration(s.minutes) * time.Minute}
		if i := slices.IndexFunc(own, func(o store.Format) bool { return o.Type == f.Type }); i >= 0 {
			f.ProcessingTime, f.Size, f.Bytes = own[i].ProcessingTime, own[i].Size, own[i].Bytes
			if l := own[i].Length; l != 0 && minutes(l) == s.minutes {
				f.Length = l
			}
		}
		first := len(all)
		for _, i := range s.images {
			all = append(all, store.Image{
				Width: int(i.width), Height: int(i.height), Alt: rails.FromText(i.alt), Path: rails.FromText(i.path),
			})
		}
		if len(s.images) > 0 {
			f.Images = all[first:len(all):len(all)]
		}
		formats = append(formats, f)
	}
	return formats
}

// strip takes out of a recording what the tables say of it.
func (l *Layout) strip(r store.Recording, how part) store.Recording {
	r.MeetingID, r.Name = "", ""
	if how == rest {
		r.State = ""
		r.Formats = stripFormats(r.Formats)
		meta := maps.Clone(r.Meta)
		maps.DeleteFunc(meta, func(key, _ string) bool { return !apart(key) })
		r.Meta = meta
	}
	if l.Protects() {
		r.Protected = false
	}
	if l.Republishes() {
		r.Edits.State = false
	}
	if int(number(r.Participants)) == r.Participants {
		r.Participants = 0
	}
	if question.Moment(r.Start).Equal(r.Start) {
		r.Start = time.Time{}
	}
	if question.Moment(r.End).Equal(r.End) {
		r.End = time.Time{}
	}
	return r
}

func stripFormats(list []store.Format) (formats []store.Format) {
	for _, f := range list {
		bare := store.Format{Type: f.Type, ProcessingTime: f.ProcessingTime, Size: f.Size, Bytes: f.Bytes}
		if time.Duration(minutes(f.Length))*time.Minute != f.Length {
			bare.Length = f.Length
		}
		if bare.ProcessingTime != 0 || bare.Size != 0 || bare.Bytes != 0 || bare.Length != 0 {
			formats = append(formats, bare)
		}
	}
	return formats
}
