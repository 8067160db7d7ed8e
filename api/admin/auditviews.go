package admin

import (
	"cmp"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// serverRecord is what people decide about a server, as the audit log has it.
type serverRecord struct {
	URL      string   `json:"url"`
	State    string   `json:"state"`
	Weight   float64  `json:"weight"`
	Capacity int      `json:"capacity,omitempty"`
	Hard     bool     `json:"hard,omitempty"`
	Tag      string   `json:"tag,omitempty"`
	Checksum string   `json:"checksum,omitempty"`
	Changed  []string `json:"changed,omitempty"` // also of what shows in no field, as a secret
	Force    bool     `json:"force,omitempty"`   // somebody has insisted
}

func recordOf(s store.Server) *serverRecord {
	return &serverRecord{
		URL: s.URL, State: string(s.State), Weight: s.Weight, Capacity: s.Capacity, Hard: s.Hard, Tag: s.Tag, Checksum: s.Checksum,
	}
}

// shownRecord is the same of a server as it is shown.
func shownRecord(s v1.Server) *serverRecord {
	return &serverRecord{
		URL: s.URL, State: s.State, Weight: s.Weight, Capacity: s.Capacity, Hard: s.Hard, Tag: s.Tag, Checksum: s.Checksum,
	}
}

// serverChanged is the answer to a request that has changed a server.
func serverChanged(answer any, action string, c roster.Changed, force bool) frame.Changed {
	after := recordOf(c.After)
	after.Changed, after.Force = roster.Differences(c.Before, c.After), force
	return frame.Changed{
		Answer: answer, Action: action, Kind: "server", Object: c.After.ID, Before: recordOf(c.Before), After: after,
	}
}

// verbs are what is done to one thing for what has become of it in a sync.
var verbs = map[string]string{
	"created": "add", "updated": "set", "enabled": "enable", "cordoned": "cordon", "disabled": "disable", "removed": "remove",
}

// synced are the changes that a sync has made, one by one, as if each had been asked for by itself: so whoever looks for what
// became of one server or tenant finds it.
func synced(kind string, tenant func(id string) string) func(report any) []frame.Changed {
	return func(report any) (list []frame.Changed) {
		done, _ := report.(v1.Synced)
		for _, c := range done.Changes {
			if c.Error == "" {
				list = append(list, frame.Changed{
					Action: cmp.Or(verbs[c.Action], c.Action), Kind: kind, Object: c.ID, Tenant: tenant(c.ID), After: c,
				})
			}
		}
		return list
	}
}

// syncBegun is what a list of servers is about to do.
type syncBegun struct {
	Mode    string `json:"mode"`
	Listed  int    `json:"listed"`
	Changes int    `json:"changes"`
}

// forced says that somebody has insisted; nil where nobody has.
func forced(force bool) any {
	if !force {
		return nil
	}
	return v1.Forced{Force: true}
}

// recordingRecord is what people decide about a recording, as the audit log has it.
type recordingRecord struct {
	MeetingID string            `json:"meetingID"`
	Name      string            `json:"name"`
	Tenant    string            `json:"tenant"`
	State     string            `json:"state"`
	Protected bool              `json:"protected"`
	Meta      map[string]string `json:"meta"`
}

func recordingOf(r store.Recording) *recordingRecord {
	return &recordingRecord{
		MeetingID: r.MeetingID, Name: r.Name, Tenant: r.Tenant, State: string(r.State), Protected: r.Protected, Meta: r.Meta,
	}
}

// recordingChanged is what is written of a recording that was changed; after is nil where it is not known.
func recordingChanged(action string, before, after *store.Recording) frame.Changed {
	c := frame.Changed{
		Action: action, Kind: "recording", Object: before.RecordID, Tenant: before.Tenant, Before: recordingOf(*before),
	}
	if after != nil {
		c.Tenant, c.After = after.Tenant, recordingOf(*after)
	}
	return c
}
