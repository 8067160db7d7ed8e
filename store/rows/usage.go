package rows

import (
	"encoding/json"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

type usageRow struct {
	Meetings     int     `json:"meetings,omitempty"`
	Joins        int     `json:"joins,omitempty"`
	PeopleMins   float64 `json:"people_mins,omitempty"`
	PeakMeetings int     `json:"peak_meetings,omitempty"`
	PeakPeople   int     `json:"peak_people,omitempty"`
	Recordings   int     `json:"recordings,omitempty"`
	Bytes        int64   `json:"bytes,omitempty"`
}

func encodeUsage(u store.Usage) any {
	return usageRow{u.Meetings, u.Joins, u.PeopleMins, u.PeakMeetings, u.PeakPeople, u.Recordings, u.Bytes}
}

func decodeUsage(key, value []byte) (store.Usage, error) {
	var r usageRow
	err := json.Unmarshal(value, &r)
	day, tenant, _ := strings.Cut(string(key), "\x00")
	return store.Usage{
		Day: day, Tenant: tenant, Meetings: r.Meetings, Joins: r.Joins, PeopleMins: r.PeopleMins, PeakMeetings: r.PeakMeetings,
		PeakPeople: r.PeakPeople, Recordings: r.Recordings, Bytes: r.Bytes,
	}, err
}

// usageKey is nil where no usage can be.
func usageKey(u store.Usage) []byte {
	if u.Day == "" || strings.Contains(u.Day+u.Tenant, "\x00") {
		return nil
	}
	return []byte(u.Day + "\x00" + u.Tenant)
}
