package analysis

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Person is what somebody did in a meeting.
type Person struct {
	UserID    string // as the front end calls the person
	Name      string
	Moderator bool
	Seconds   int // in the meeting
	Talked    int // seconds
	Talks     int // times
	Chats     int
	Hands     int // raised
	Emojis    int
	Votes     int // in polls
}

// maxPeople bounds how many people are told of.
const maxPeople = 50_000

// number is a number, however it is written; what is none is 0.
type number int

// UnmarshalJSON never fails.
func (n *number) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if err == nil && math.Abs(f) < math.MaxInt32 {
		*n = number(f)
	}
	return nil
}

// People are those who were in the meeting, in the order in which its server tells of them, and how many seconds it took. What
// cannot be read is left out.
func (t *Told) People() (list []Person, seconds int) {
	var data struct {
		Duration  number
		Attendees []json.RawMessage
	}
	if json.Unmarshal([]byte(t.raw(t.top, "data")), &data) != nil {
		return nil, 0
	}
	for _, raw := range data.Attendees[:min(len(data.Attendees), maxPeople)] {
		var a struct {
			ID         string `json:"ext_user_id"`
			Name       string
			Moderator  bool
			Duration   number
			Engagement struct {
				Chats, Talks, Raisehand, Emojis number
				Votes                           number `json:"poll_votes"`
				Talked                          number `json:"talk_time"`
			}
		}
		if json.Unmarshal(raw, &a) != nil {
			continue
		}
		e := a.Engagement
		list = append(list, Person{
			UserID: a.ID, Name: a.Name, Moderator: a.Moderator, Seconds: int(a.Duration), Talked: int(e.Talked), Talks: int(e.Talks),
			Chats: int(e.Chats), Hands: int(e.Raisehand), Emojis: int(e.Emojis), Votes: int(e.Votes),
		})
	}
	return list, int(data.Duration)
}
