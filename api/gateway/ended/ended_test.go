package ended_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/api/gateway/ended"
	"github.com/bbbpool/bbbpool/store"
)

func key(id string) store.MeetingKey {
	return store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: id}
}

// An end is remembered for a minute at least and two at most, with its password: none may always, and any may where the end
// had none.
func TestMeetings_Forgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m ended.Meetings
		known := func(id, password string) (all bool) {
			known, right := m.Check(key(id), password)
			return known && right
		}
		m.Add(key("a"), "mp")
		m.Add(key("free"), "")
		time.Sleep(59 * time.Second)
		m.Add(key("b"), "mp")
		time.Sleep(2 * time.Second) // the next span has begun
		m.Add(key("c"), "mp")
		for id, want := range map[string]bool{"a": true, "b": true, "c": true, "free": true, "d": false} {
			if known(id, "mp") != want || known(id, "") != want || known(id, "no") != (id == "free") {
				t.Errorf("%s after a minute: with its password %t, want %t", id, known(id, "mp"), want)
			}
		}
		time.Sleep(time.Minute)
		for id, want := range map[string]bool{"a": false, "b": false, "c": true, "free": false} {
			if known(id, "mp") != want {
				t.Errorf("%s after two minutes: %t, want %t", id, !want, want)
			}
		}
		time.Sleep(2 * time.Minute)
		if known("c", "mp") {
			t.Error("an end is known after four minutes")
		}
	})
}
