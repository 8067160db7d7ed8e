package seen

import (
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
)

// Sightings is what the ledger is told of a poll. A meeting with an ID that BigBlueButton does not allow cannot be
// asked for, so nobody needs to know where it is.
func Sightings(meetings []bbb.Meeting) []placement.Sighting {
	list := make([]placement.Sighting, 0, len(meetings))
	rooms := inRooms(meetings)
	for _, m := range meetings {
		if bbb.CheckMeetingID(m.MeetingID) != nil || bbb.CheckMeetingID(m.OnServer()) != nil {
			continue
		}
		s := Sighting(m)
		s.Rooms = rooms[m.InternalID]
		list = append(list, s)
	}
	return list
}

// Sighting is one meeting of a poll, but for its breakout rooms.
func Sighting(m bbb.Meeting) placement.Sighting {
	return placement.Sighting{
		Key: KeyOf(m), InternalID: m.InternalID, CreateTime: m.CreateTime, People: m.Participants, Recorded: m.Recorded,
		Name: m.Name, Ended: m.Ended, Breakout: m.Breakout, Alias: m.Alias,
	}
}

// inRooms counts the people in breakout rooms, by the internal ID of the meeting that the rooms belong to.
func inRooms(meetings []bbb.Meeting) map[string]int {
	people := map[string]int{}
	for _, m := range meetings {
		if m.Breakout && !m.Ended {
			people[m.ParentID] += m.Participants
		}
	}
	return people
}
