package poller_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// A follower has heard of all servers when the leader has told of each, also of one that nobody has polled yet, or polls at all; of
// one that is added it has not until it is told.
func TestFollower_Heard(t *testing.T) {
	together(t, []string{"bbb1", "bbb2"}, func(t *testing.T, i *instances) {
		synctest.Wait()
		if !i.b.Heard() {
			t.Error("it has not heard of all servers")
		}
		late := store.Server{ID: "late", URL: "https://late.test/bigbluebutton/", Secret: "s", State: store.Disabled}
		i.b.SetServer(late)
		synctest.Wait()
		if i.b.Heard() {
			t.Error("it has heard of a server that the leader does not know")
		}
		i.a.SetServer(late)
		i.a.pass(time.Second)
		if !i.b.Heard() {
			t.Error("it has not heard of a server that is disabled")
		}
	})
	if r := newRig(t, config(), time.Now, "bbb1"); r.Heard() {
		t.Error("who hears nobody has heard")
	}
}
