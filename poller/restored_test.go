package poller_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// What a poll sees is changed into what front ends are to see, each meeting by its key, as far as there is room for that in memory:
// a server may list any number of meetings, and what is put in is a front end's choice.
func TestPoller_Restored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(), time.Now, "a")
		more := make([]byte, 3<<20)
		var asked []string
		r.Restored = func(k store.MeetingKey, m *bbb.Meeting) {
			asked = append(asked, k.Tenant+" "+k.MeetingID)
			m.Raw = slices.Concat(m.Raw, more)
		}
		var rooms []bbb.Meeting
		for i := range 5 {
			m := room(fmt.Sprintf("class-%d", i), fmt.Sprintf("i-%d", i), 0)
			m.Tenant = "arts"
			rooms = append(rooms, m)
		}
		r.net["a"].show(rooms...)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- r.Run(ctx) }()
		r.pass(time.Second)
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		if !slices.Equal(asked, []string{"arts class-0", "arts class-1", "arts class-2"}) {
			t.Errorf("asked about %q", asked)
		}
		grown := 0
		for _, m := range r.Meetings("arts") {
			if len(m.Raw) > len(more) {
				grown++
			}
		}
		if grown != 3 {
			t.Errorf("%d meetings were changed, want 3", grown)
		}
	})
}
