package seen

import (
	"bytes"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// View is what was seen of a server at the last good poll, and what is known since. It is part of the state of the server.
type View struct {
	Polled     time.Time // when it began
	Latency    time.Duration
	Meetings   []bbb.Meeting
	Unreadable int             // meetings that could not be read
	Copies     map[string]Copy // meetings that are claimed on another server, by internal ID
	Created    []Created       // not seen by a poll yet
}

// Created is a meeting that was created, and that no poll has seen yet.
type Created struct {
	At      time.Time
	Meeting bbb.Meeting
}

// Replace replaces the view by what a poll that began at that time has seen. It tells whether that is anything else.
func (v *View) Replace(meetings []bbb.Meeting, unreadable int, began time.Time) (changed bool) {
	changed = len(v.Created) > 0 || !sameMeetings(v.Meetings, meetings)
	v.Meetings, v.Unreadable = meetings, unreadable
	if len(v.Created) == 0 {
		return changed
	}
	listed := make(map[string]bool, len(meetings))
	for _, m := range meetings {
		listed[m.InternalID] = true
	}
	v.Created = slices.DeleteFunc(v.Created, func(c Created) bool {
		return c.At.Before(began) || listed[c.Meeting.InternalID]
	})
	return changed
}

// All returns every meeting of the view, as a list of its own.
func (v *View) All() []bbb.Meeting {
	meetings := make([]bbb.Meeting, 0, len(v.Meetings)+len(v.Created))
	meetings = append(meetings, v.Meetings...)
	for _, c := range v.Created {
		meetings = append(meetings, c.Meeting)
	}
	return meetings
}

// CopiesOf returns what was seen of a meeting, of those copies that were not seen lately no more than their names; not more
// of them than anybody looks after.
func (v *View) CopiesOf(k store.MeetingKey) []bbb.Meeting {
	meetings := slices.DeleteFunc(v.All(), func(m bbb.Meeting) bool { return KeyOf(m) != k })
	for internal, c := range v.Copies {
		here := func(m bbb.Meeting) bool { return m.InternalID == internal }
		if c.Key == k && !slices.ContainsFunc(meetings, here) {
			meetings = append(meetings, Named(k, c.Alias, internal))
		}
	}
	return meetings[:min(len(meetings), placement.MaxCopies)]
}

// Named is a meeting of which no more is known than its names.
func Named(k store.MeetingKey, alias, internal string) bbb.Meeting {
	return bbb.Meeting{MeetingID: k.MeetingID, Tenant: k.Tenant, Alias: alias, InternalID: internal}
}

// KeyOf is whose meeting it is. One without a mark belongs to the default tenant. One of a tenant that is not there, or not
// any more, is claimed under the name that it carries: no front end gets at it, administration does, and nothing of it is
// ever the default tenant's.
func KeyOf(m bbb.Meeting) store.MeetingKey {
	tenant := m.Tenant
	if tenant == "" {
		tenant = store.DefaultTenant
	}
	return store.MeetingKey{Tenant: tenant, MeetingID: m.MeetingID}
}

// sameMeetings tells whether two views show the same.
func sameMeetings(a, b []bbb.Meeting) bool {
	return slices.EqualFunc(a, b, func(x, y bbb.Meeting) bool {
		return x.MeetingID == y.MeetingID && x.Tenant == y.Tenant && x.Alias == y.Alias && bytes.Equal(x.Raw, y.Raw)
	})
}
