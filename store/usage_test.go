package store_test

import (
	"math"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// What counts adds up, of peaks the higher one stands, and what is no number or too much for one adds nothing.
func TestUsage_Add(t *testing.T) {
	day := store.Usage{Day: "2026-01-05", Tenant: "a", Meetings: 1, PeopleMins: 2, PeakMeetings: 3, PeakPeople: 4, Bytes: 5}
	for _, c := range []struct{ more, want store.Usage }{
		{store.Usage{}, day},
		{
			store.Usage{Day: "x", Tenant: "y", Meetings: 2, Joins: 7, PeopleMins: 0.5, PeakMeetings: 2, PeakPeople: 5, Recordings: 1, Bytes: 1},
			store.Usage{
				Day: "2026-01-05", Tenant: "a", Meetings: 3, Joins: 7, PeopleMins: 2.5, PeakMeetings: 3, PeakPeople: 5, Recordings: 1, Bytes: 6,
			},
		},
		{store.Usage{PeopleMins: math.NaN(), Meetings: math.MaxInt, Bytes: math.MaxInt64}, day},
		{store.Usage{PeopleMins: math.Inf(-1), Bytes: math.MinInt64}, store.Usage{
			Day: "2026-01-05", Tenant: "a", Meetings: 1, PeopleMins: 2, PeakMeetings: 3, PeakPeople: 4, Bytes: math.MinInt64 + 5,
		}},
	} {
		got := day
		if got.Add(c.more); got != c.want {
			t.Errorf("more %+v:\ngot  %+v\nwant %+v", c.more, got, c.want)
		}
	}
}
