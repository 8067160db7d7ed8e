package recorded

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// States of a recording.
const (
	Processing  = "processing"
	Published   = "published"
	Unpublished = "unpublished"
	Deleted     = "deleted"
)

// What a server keeps at most. The oldest recordings go.
const (
	MaxRecordings = 1_000
	maxTracks     = 20
	maxTrack      = 64 << 10
)

// Recording is a recording on a server.
type Recording struct {
	ID           string
	MeetingID    string
	Name         string
	State        string
	Start, End   time.Time
	Participants int
	Breakout     bool
	Parent       string // internal ID, of a breakout room
	Sequence     int
	Meta         rooms.Pairs // with what BigBlueButton adds
	Formats      []Format
	Tracks       []Track

	ready time.Time // when processing is done
}

// Format is a format of a recording.
type Format struct {
	Name string
	Size int64 // bytes of media
}

var formatName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// ValidFormat tells whether a format can have a name.
func ValidFormat(name string) bool { return formatName.MatchString(name) }

// IsThere tells a recording that can be watched, or could be, from one in the making or deleted.
func (r *Recording) IsThere() bool { return r.State == Published || r.State == Unpublished }

// Track is captions or subtitles of a recording. It is kept as it came, as WebVTT.
type Track struct {
	Kind, Lang, Label string
	VTT               []byte
}

// File returns what the track is called as a file.
func (t Track) File() string { return t.Kind + "_" + t.Lang + ".vtt" }

// AddTrack adds a track, or replaces the one of that kind and language. It tells whether there was room for it.
func (r *Recording) AddTrack(t Track) bool {
	same := slices.IndexFunc(r.Tracks, func(old Track) bool { return old.File() == t.File() })
	switch {
	case len(t.VTT) > maxTrack, same < 0 && len(r.Tracks) >= maxTracks:
		return false
	case same >= 0:
		r.Tracks[same] = t
	default:
		r.Tracks = append(r.Tracks, t)
	}
	return true
}

// Shelf is the recordings of a server.
type Shelf struct {
	formats    []string
	takes      time.Duration
	recordings []*Recording // oldest first
}

// NewShelf returns a shelf without recordings. Those to come have these formats, and processing takes that long.
func NewShelf(formats []string, takes time.Duration) *Shelf {
	return &Shelf{formats: formats, takes: takes}
}

// All returns the recordings, the oldest first. Nobody may keep the list, or change it.
func (s *Shelf) All() []*Recording { return s.recordings }

// Find returns a recording, or nil.
func (s *Shelf) Find(id string) *Recording {
	for _, r := range s.recordings {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// Add starts to process the recording of a meeting that has ended, in the formats that are not left out, and returns it. Where
// none is left it stays with what was archived: nil.
func (s *Shelf) Add(m *rooms.Meeting, now time.Time, without ...string) *Recording {
	formats := slices.DeleteFunc(slices.Clone(s.formats), func(name string) bool { return slices.Contains(without, name) })
	if len(formats) == 0 {
		return nil
	}
	r := &Recording{
		ID: m.Internal, MeetingID: m.ID, Name: m.Name, State: Processing,
		Start: m.Created.Add(rooms.StartDelay), End: m.EndedAt(), Participants: m.People.Joined(), Breakout: m.Room.Breakout,
		ready: now.Add(s.takes),
		Meta: append(rooms.Pairs{
			{Name: "meetingId", Value: m.ID},
			{Name: "meetingName", Value: m.Name},
			{Name: "isBreakout", Value: strconv.FormatBool(m.Room.Breakout)},
		}, m.Metadata...),
	}
	for _, name := range formats {
		r.Formats = append(r.Formats, Format{name, sizeOf(r.media(name))})
	}
	if m.ParentID() != "" {
		r.Parent, r.Sequence = m.ParentID(), m.Room.Sequence
	}
	if r.End.Before(r.Start) {
		r.End = r.Start
	}
	s.recordings = append(s.recordings, r)
	if surplus := len(s.recordings) - MaxRecordings; surplus > 0 {
		s.recordings = slices.Delete(s.recordings, 0, surplus)
	}
	return r
}

// Process publishes the recordings that are done, and returns copies of them.
func (s *Shelf) Process(now time.Time) (done []Recording) {
	for _, r := range s.recordings {
		if r.State == Processing && !r.ready.After(now) {
			r.State = Published
			done = append(done, *r)
		}
	}
	return done
}
