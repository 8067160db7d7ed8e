package rooms

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// MaxMeetings is how many meetings go on at most.
const MaxMeetings = 10_000

// Why a meeting does not come to be.
var (
	ErrNotUnique = &bbb.Error{
		Key: "idNotUnique", Message: "A meeting already exists with that meeting ID.  Please use a different meeting ID.",
	}
	ErrVoiceBridgeUse = &bbb.Error{
		Key: "nonUniqueVoiceBridge", Message: "The selected voice bridge is already in use.",
	}
	errParentMissing = &bbb.Error{
		Key: "parentMeetingIDMissing", Message: "No parent meeting ID was provided for the breakout room",
	}
	errParentUnknown = &bbb.Error{
		Key: "parentMeetingDoesNotExist", Message: "No parent meeting exists for the breakout room",
	}
	// errFull is our own: a real server has no limit.
	errFull = &bbb.Error{
		Key: "maxMeetingsReached", Message: "This simulated server has as many meetings as it may have",
	}
)

// Hooks are what rooms leave to their owner.
type Hooks struct {
	// Over is told of a meeting once it is forgotten: from then on nothing is left of it but what Over makes.
	Over func(m *Meeting, now time.Time)
	// Happened is told of what goes on in the meetings, at once. It may be nil.
	Happened func(e Event)
	// Taken tells whether something else has an internal ID.
	Taken func(internal string) bool
}

// Rooms are the meetings of one server, those included that have just ended.
type Rooms struct {
	linger time.Duration
	hooks  Hooks

	meetings map[string]*Meeting // by meetingID: the newest of that ID
	internal map[string]*Meeting // by internal ID
	voices   map[string]*Meeting // by voice bridge
	sessions map[string]*Person  // by session token
	order    []*Meeting          // as they were created
	ended    int                 // meetings of order that have ended
}

// New returns rooms in which nothing goes on. A meeting that has ended is remembered for as long as it lingers.
func New(linger time.Duration, hooks Hooks) *Rooms {
	r := &Rooms{linger: linger, hooks: hooks}
	r.Clear()
	return r
}

// Clear forgets all meetings at once, as a crash does: nobody is told.
func (r *Rooms) Clear() {
	r.meetings, r.internal = map[string]*Meeting{}, map[string]*Meeting{}
	r.voices, r.sessions = map[string]*Meeting{}, map[string]*Person{}
	r.order, r.ended = nil, 0
}

// All returns the meetings as they were created, those that have ended included. Nobody may keep the list, or change it.
func (r *Rooms) All() []*Meeting { return r.order }

// Count returns how many meetings go on.
func (r *Rooms) Count() int { return len(r.order) - r.ended }

// Find returns a meeting by its meetingID or its internal ID, ended ones included, or nil. As on a real server the internal ID
// goes before, and its beginning will do. A real one takes any beginning, this one none that tests come upon by chance.
func (r *Rooms) Find(id string) *Meeting {
	if m := r.internal[id]; m != nil {
		return m
	}
	if len(id) >= shortestBeginning && bbb.MayBeInternal(id) {
		for _, m := range r.order {
			if strings.HasPrefix(m.Internal, id) {
				return m
			}
		}
	}
	return r.meetings[id]
}

// shortestBeginning is how many characters of an internal ID are enough to find its meeting by.
const shortestBeginning = 8

// alive returns a meeting that goes on.
func (r *Rooms) alive(id string) (*Meeting, error) {
	if m := r.Find(id); m.GoesOn() {
		return m, nil
	}
	return nil, fmt.Errorf("meeting %q: %w", id, errNone)
}

var errNone = errors.New("there is none")

// Admit makes a meeting, unless there is one of that ID: then the two passwords decide whether it is the same, which is
// returned, and repeated is true.
func (r *Rooms) Admit(want Wanted, now time.Time) (m *Meeting, repeated bool, failed *bbb.Error) {
	if old := r.meetings[want.ID]; old.GoesOn() && !want.Room.Breakout {
		given := want.AttendeePW != "" || want.ModeratorPW != ""
		if given && (want.AttendeePW != old.AttendeePW || want.ModeratorPW != old.ModeratorPW) {
			return nil, false, ErrNotUnique
		}
		return old, true, nil
	}
	if r.ended > maxEnded {
		r.forgetEnded(now)
	}
	if r.Count() >= MaxMeetings {
		return nil, false, errFull
	}
	m = &Meeting{Wanted: want}
	if want.Room.Breakout {
		if failed := r.adopt(m); failed != nil {
			return nil, false, failed
		}
	}
	if r.voices[m.Voice] != nil || r.voices[m.WebVoice] != nil {
		return nil, false, ErrVoiceBridgeUse
	}
	r.identify(m, now)
	r.add(m)
	return m, false, nil
}

// adopt finds the parent of a breakout room, and gives the room the ID that it goes by and the parent's metadata.
func (r *Rooms) adopt(m *Meeting) *bbb.Error {
	if m.Room.Parent == "" {
		return errParentMissing
	}
	if m.parent = r.Find(m.Room.Parent); !m.parent.GoesOn() {
		return errParentUnknown
	}
	if r.internal[m.ID] != nil {
		return ErrNotUnique
	}
	own := m.Metadata
	m.Metadata = slices.Clone(m.parent.Metadata)
	for _, p := range own {
		m.Metadata = m.Metadata.With(p.Name, p.Value)
	}
	_, stamp, _ := strings.Cut(m.ID, "-")
	m.Internal = m.ID
	m.ID = SHA1(m.parent.Internal+"-"+stamp+"-"+strconv.Itoa(m.Room.Sequence)) + "-" + stamp
	return nil
}

// identify gives a meeting what its front end left out, and what no other meeting has.
func (r *Rooms) identify(m *Meeting, now time.Time) {
	m.Created = now.Truncate(time.Millisecond)
	if m.Internal == "" {
		m.Internal = internalID(m.ID, m.Created)
		for r.internal[m.Internal] != nil || r.hooks.Taken(m.Internal) {
			m.Created = m.Created.Add(time.Millisecond)
			m.Internal = internalID(m.ID, m.Created)
		}
	}
	if m.AttendeePW == "" {
		m.AttendeePW = RandomText(8, Alphanumeric)
	}
	if m.ModeratorPW == "" {
		m.ModeratorPW = RandomText(8, Alphanumeric)
	}
	for range 10 {
		if m.Voice != "" {
			break
		}
		if voice := RandomText(5, decimal); r.voices[voice] == nil {
			m.Voice = voice
		}
	}
	if m.Voice == "" {
		m.Voice = RandomText(10, decimal)
	}
}

// add has a meeting found from now on.
func (r *Rooms) add(m *Meeting) {
	r.meetings[m.ID], r.internal[m.Internal] = m, m
	r.voices[m.Voice] = m
	if m.WebVoice != "" {
		r.voices[m.WebVoice] = m
	}
	if m.parent != nil {
		m.parent.rooms = append(m.parent.rooms, m)
		m.parent.changed()
	}
	r.order = append(r.order, m)
	r.tell(Event{Created, m, nil, m.Created})
}

// Breakouts says which breakout rooms to open.
type Breakouts struct {
	Rooms  int  `json:"rooms"`
	People int  `json:"people"` // in each of them
	Record bool `json:"record"` // they are recorded from the first person on
}

// AddBreakouts opens breakout rooms of a meeting that goes on, empty ones, and returns their IDs. The parameters of each are
// what BigBlueButton itself would create it with; read makes of them what a create does.
func (r *Rooms) AddBreakouts(id string, want Breakouts, now time.Time, read func(bbb.Params) Wanted) ([]string, error) {
	parent, err := r.alive(id)
	if err != nil {
		return nil, err
	}
	if want.Rooms < 1 || want.Rooms > 100 {
		return nil, fmt.Errorf("%d breakout rooms: want from 1 to 100", want.Rooms)
	}
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	first := len(parent.rooms)
	ids := make([]string, want.Rooms)
	record := strconv.FormatBool(want.Record)
	for i := range want.Rooms {
		sequence := strconv.Itoa(first + i + 1)
		ids[i] = SHA1(SHA1(parent.Internal+"-"+stamp+"-"+sequence)+"-"+stamp) + "-" + stamp
		var p bbb.Params
		for _, param := range []Pair{
			{"meetingID", ids[i]},
			{"name", parent.Name + " (Room " + sequence + ")"},
			{"isBreakout", "true"},
			{"parentMeetingID", parent.Internal},
			{"sequence", sequence},
			{"freeJoin", "false"},
			{"record", record},
			{"autoStartRecording", record},
		} {
			p.Set(param.Name, param.Value)
		}
		if _, _, failed := r.Admit(read(p), now); failed != nil {
			return nil, fmt.Errorf("breakout room %s of %q: %w", sequence, id, failed)
		}
	}
	return ids, nil
}
