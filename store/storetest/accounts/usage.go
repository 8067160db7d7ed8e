package accounts

import (
	"fmt"
	"math"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func usageCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Usage/AddsUp", Run: usageAddsUp},
		{Name: "Usage/Filter", Run: usageFilter},
		{Name: "Usage/AllOrNothing", Run: usageAllOrNothing},
		{Name: "Usage/NoNumbers", Run: usageNoNumbers},
		{Name: "Usage/Delete", Run: usageDelete},
		{Name: "Usage/WithSession", Run: usageWithSession},
	}
}

// aUsage fills every field.
func aUsage(day, tenant string) store.Usage {
	return store.Usage{
		Day: day, Tenant: tenant, Meetings: 3, Joins: 40, PeopleMins: 1200.0 / 7, PeakMeetings: 2, PeakPeople: 31,
		Recordings: 1, Bytes: 1 << 40,
	}
}

func usageOf(t *testing.T, s store.Index, f store.UsageFilter) []store.Usage {
	t.Helper()
	list, err := s.Usage(t.Context(), f)
	kit.Must(t, err)
	return list
}

// What counts adds up, in one call and over several; of peaks the higher one stands.
func usageAddsUp(t *testing.T, s store.Index) {
	kit.Equal(t, "a new store", usageOf(t, s, store.UsageFilter{}), nil)
	kit.Must(t, s.AddUsage(t.Context()))
	kit.Must(t, s.AddUsage(t.Context(), aUsage("2026-01-05", "a")))
	kit.Equal(t, "once", usageOf(t, s, store.UsageFilter{}), []store.Usage{aUsage("2026-01-05", "a")})
	more := store.Usage{Day: "2026-01-05", Tenant: "a", PeopleMins: 0.5, PeakMeetings: 1, PeakPeople: 32, Bytes: 1}
	kit.Must(t, s.AddUsage(t.Context(), more, aUsage("2026-01-05", "b"), more))
	summed := aUsage("2026-01-05", "a")
	summed.Add(more)
	summed.Add(more)
	kit.Equal(t, "thrice", usageOf(t, s, store.UsageFilter{}), []store.Usage{summed, aUsage("2026-01-05", "b")})
}

// Days come in their order and, of one day, tenants in theirs; both bounds belong to what is selected.
func usageFilter(t *testing.T, s store.Index) {
	var all []store.Usage
	for day := range 4 {
		for _, tenant := range []string{"", "a", "a ", "ab", "b"} {
			all = append(all, aUsage(fmt.Sprintf("2026-01-%02d", 30+day-28*(day/2)), tenant)) // not in order: 30, 31, 04, 05
		}
	}
	kit.Must(t, s.AddUsage(t.Context(), all...))
	all = append(append([]store.Usage{}, all[10:]...), all[:10]...)
	of := func(list []store.Usage, tenant string) (own []store.Usage) {
		for _, u := range list {
			if u.Tenant == tenant {
				own = append(own, u)
			}
		}
		return own
	}
	for _, c := range []struct {
		filter store.UsageFilter
		want   []store.Usage
	}{
		{store.UsageFilter{}, all},
		{store.UsageFilter{Tenant: "a"}, of(all, "a")},
		{store.UsageFilter{Tenant: "c"}, nil},
		{store.UsageFilter{From: "2026-01-05"}, all[5:]},
		{store.UsageFilter{To: "2026-01-30"}, all[:15]},
		{store.UsageFilter{From: "2026-01-05", To: "2026-01-05"}, all[5:10]},
		{store.UsageFilter{From: "2026-01-06", To: "2026-01-29"}, nil},
		{store.UsageFilter{From: "2026-01-05", To: "2026-01-30", Tenant: "ab"}, of(all[5:15], "ab")},
		{store.UsageFilter{From: "2026-02-01", To: "2026-01-01"}, nil},
	} {
		kit.Equal(t, fmt.Sprintf("%+v", c.filter), usageOf(t, s, c.filter), c.want)
		for _, limit := range []int{1, 3, 100} {
			kit.Equal(t, fmt.Sprintf("%+v by %d", c.filter, limit), usageByPages(t, s, c.filter, limit, len(all)), c.want)
		}
	}
	gone := store.UsageFilter{After: store.Usage{Day: "2026-01-05", Tenant: "aa"}, Limit: 2} // of a row that is not there
	kit.Equal(t, "behind", usageOf(t, s, gone), all[8:10])
}

// usageByPages walks over the selected days.
func usageByPages(t *testing.T, s store.Index, f store.UsageFilter, limit, most int) (walked []store.Usage) {
	t.Helper()
	for f.Limit = limit; len(walked) <= most; f.After = walked[len(walked)-1] {
		list := usageOf(t, s, f)
		if walked = append(walked, list...); len(list) < limit {
			break
		}
	}
	return walked
}

// What has no day, or could be taken for another's, is refused, and the rest of the call with it.
func usageAllOrNothing(t *testing.T, s store.Index) {
	good := aUsage("2026-01-05", "a")
	if err := s.AddUsage(t.Context(), good, aUsage("", "a")); err == nil {
		t.Error("usage without a day was added")
	}
	kit.Refused(t, "tenant", s.AddUsage(t.Context(), good, aUsage("2026-01-05", kit.TooLong)))
	kit.Equal(t, "usage", usageOf(t, s, store.UsageFilter{}), nil)
	odd := aUsage("2026-01-05", "a\x00b")
	if err := s.AddUsage(t.Context(), odd); err == nil { // a store may refuse it
		kit.Equal(t, "odd", usageOf(t, s, store.UsageFilter{}), []store.Usage{odd})
	}
}

// A measure that is no number, or more than one can say, must not make a day unwritable or unreadable.
func usageNoNumbers(t *testing.T, s store.Index) {
	day := aUsage("2026-01-05", "a")
	for _, mins := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64} {
		kit.Must(t, s.AddUsage(t.Context(), store.Usage{Day: day.Day, Tenant: "b", PeopleMins: mins}))
		kit.Must(t, s.AddUsage(t.Context(), store.Usage{Day: day.Day, Tenant: "b", PeopleMins: mins, Joins: math.MaxInt}))
	}
	kit.Must(t, s.AddUsage(t.Context(), day))
	other := store.Usage{Day: day.Day, Tenant: "b", PeopleMins: math.MaxFloat64, Joins: math.MaxInt}
	kit.Equal(t, "usage", usageOf(t, s, store.UsageFilter{}), []store.Usage{day, other})
}

// Days before the given one go, oldest first, and no more rows than asked for.
func usageDelete(t *testing.T, s store.Index) {
	var all []store.Usage
	for day := range 4 {
		all = append(all, aUsage(fmt.Sprintf("2026-01-%02d", day+1), "a"), aUsage(fmt.Sprintf("2026-01-%02d", day+1), "b"))
	}
	kit.Must(t, s.AddUsage(t.Context(), all...))
	for _, c := range []struct {
		before string
		limit  int
		want   int
	}{
		{"", 10, 0},
		{"2026-01-01", 10, 0},
		{"2026-01-03", 0, 0},
		{"2026-01-03", -1, 0},
		{"2026-01-03", 3, 3},
		{"2026-01-03", 10, 1},
		{"2026-01-03", 10, 0},
		{"2027-01-01", 10, 4},
	} {
		n, err := s.DeleteUsage(t.Context(), c.before, c.limit)
		kit.Must(t, err)
		kit.Equal(t, "deleted", n, c.want)
		all = all[n:]
		kit.Equal(t, "left", usageOf(t, s, store.UsageFilter{}), all)
	}
}

// What was used by a meeting is added with its session, and neither without the other: with the first that tells of its end,
// and not with one that had only moved away, nor with who tells of the same end again.
func usageWithSession(t *testing.T, s store.Index) {
	ctx, u := t.Context(), aUsage("2026-01-05", "a")
	session := store.Session{ID: "s", Tenant: "a", Server: "bbb1", Start: kit.Monday, End: kit.Monday, Reason: "moved"}
	if err := s.AddSession(ctx, session, along(u, aUsage("", "a"))); err == nil {
		t.Error("usage without a day was added")
	}
	_, err := s.Session(ctx, "s")
	kit.Want(t, "without its usage", err, store.ErrNotFound)
	kit.Must(t, s.AddSession(ctx, session))
	session.Reason = "ended"
	for range 3 {
		kit.Must(t, s.AddSession(ctx, session, along(u)))
	}
	foreign := session
	foreign.Server = "bbb2"
	kit.Want(t, "of another server", s.AddSession(ctx, foreign, along(u)), store.ErrExists)
	other := session
	other.ID = "other"
	kit.Refused(t, "tenant", s.AddSession(ctx, other, along(u, aUsage("2026-01-05", kit.TooLong))))
	kit.Equal(t, "usage", usageOf(t, s, store.UsageFilter{}), []store.Usage{u})
}

func along(used ...store.Usage) store.Along { return store.Along{Used: used} }

// Of additions that race none is lost.
func raceAddUsage(t *testing.T, s store.Index) {
	kit.Race(kit.Racers, func(i int) {
		for range 4 {
			u := store.Usage{Day: "2026-01-05", Tenant: "a", Joins: 1, PeopleMins: 0.5, PeakPeople: i}
			kit.Want(t, "add", s.AddUsage(t.Context(), u, u), nil)
		}
	})
	sum := store.Usage{Day: "2026-01-05", Tenant: "a", Joins: 8 * kit.Racers, PeopleMins: 4 * kit.Racers, PeakPeople: kit.Racers - 1}
	kit.Equal(t, "usage", usageOf(t, s, store.UsageFilter{}), []store.Usage{sum})
}

// Of several who tell of the end of one meeting at once, one counts it.
func raceEnd(t *testing.T, s store.Index) {
	session := store.Session{ID: "s", Tenant: "a", Server: "bbb1", Start: kit.Monday, End: kit.Monday, Reason: "ended"}
	u := store.Usage{Day: "2026-01-05", Tenant: "a", Meetings: 1}
	kit.Race(kit.Racers, func(int) { kit.Want(t, "add", s.AddSession(t.Context(), session, along(u)), nil) })
	kit.Equal(t, "usage", usageOf(t, s, store.UsageFilter{}), []store.Usage{u})
}
