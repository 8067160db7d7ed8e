package seen

import (
	"cmp"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller/observed"
	"github.com/bbbpool/bbbpool/store"
)

// TellMeetings tells what a server was seen with, in pieces.
func TellMeetings(server string, meetings []bbb.Meeting, made []observed.Meeting, send func(observed.Frame)) {
	frame := observed.Frame{Kind: observed.OfMeetings, Server: server, Created: made, Again: true}
	size, all := 0, 0
	for _, m := range meetings[:min(len(meetings), observed.MostMeetings)] {
		if all += len(m.Raw); len(m.Raw) > observed.MostBytes/16 || all > observed.MostBytes {
			continue
		}
		if size += len(m.Raw); size > observed.PieceBytes && len(frame.Meetings) > 0 {
			frame.More = true
			send(frame)
			frame = observed.Frame{Kind: observed.OfMeetings, Server: server}
			size = len(m.Raw)
		}
		frame.Meetings = append(frame.Meetings, observed.TellMeeting(m))
	}
	frame.More = false
	send(frame)
}

// TellCreated is what no poll has seen yet, as it is told.
func TellCreated(list []Created, now time.Time) (told []observed.Meeting) {
	for _, c := range list {
		m := observed.TellMeeting(c.Meeting)
		m.At = observed.AgoOf(c.At, now)
		told = append(told, m)
	}
	return told
}

// TellCopies is the copies as they are told.
func (v *View) TellCopies(now time.Time) (told []observed.Copy) {
	for internal, c := range v.Copies {
		if len(told) == observed.MostCopies {
			break
		}
		told = append(told, observed.Copy{
			Tenant: c.Key.Tenant, ID: c.Key.MeetingID, Alias: c.Alias, Internal: internal, People: c.People, Rooms: c.Rooms,
			Twin: c.Twin, Refused: c.Refused, Since: observed.AgoOf(c.Since, now),
		})
	}
	slices.SortFunc(told, func(a, b observed.Copy) int { return cmp.Compare(a.Internal, b.Internal) })
	return told
}

// Hearing is what was heard of a server's meetings so far.
type Hearing struct {
	begun    bool
	size     int
	meetings []bbb.Meeting
	created  []Created
}

// HearCreated is what was told that no poll has seen yet.
func HearCreated(told []observed.Meeting, now time.Time) (list []Created) {
	for _, t := range told {
		if m, ok := t.Hear(); ok {
			list = append(list, Created{t.At.At(now), m})
		}
	}
	return list
}

// HearCopies is the copies that were told, by internal ID.
func HearCopies(told []observed.Copy, now time.Time) map[string]Copy {
	list := map[string]Copy{}
	for _, c := range told {
		list[c.Internal] = Copy{
			Key: store.MeetingKey{Tenant: c.Tenant, MeetingID: c.ID}, Alias: c.Alias, People: max(c.People, 0),
			Rooms: max(c.Rooms, 0), Twin: c.Twin, Refused: c.Refused, Since: c.Since.At(now),
		}
	}
	return list
}

// Hear takes a piece. With the last one the view is what was told.
func (h *Hearing) Hear(f observed.Frame, now time.Time, v *View) {
	if f.Again {
		*h = Hearing{begun: true, created: HearCreated(f.Created, now)}
	}
	for _, told := range f.Meetings {
		m, ok := told.Hear()
		if h.size += len(m.Raw); ok && len(h.meetings) < observed.MostMeetings && h.size <= observed.MostBytes {
			h.meetings = append(h.meetings, m)
		}
	}
	if f.More {
		return
	}
	if h.begun { // else its beginning was told before we listened
		v.Meetings, v.Created = h.meetings, h.created
	}
	*h = Hearing{}
}
