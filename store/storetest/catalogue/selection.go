package catalogue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func selectionCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Recordings/Filters", Run: recordingFilters},
		{Name: "Recordings/Pages", Run: recordingPages},
		{Name: "Recordings/Times", Run: recordingTimes},
		{Name: "Recordings/AllTenants", Run: recordingsOfAll},
	}
}

// seed stores recordings of one tenant, each a minute younger than the one before, and a few of another.
func seed(t *testing.T, s store.Index) {
	for i, r := range []store.Recording{
		{RecordID: "aa-1", MeetingID: "room", State: "published"},
		{RecordID: "aa-2", MeetingID: "room", State: "unpublished"},
		{RecordID: "ab-1", MeetingID: "room2", State: "published"},
		{RecordID: "b_1", MeetingID: "hall", State: "processing"},
		{RecordID: "bx1", MeetingID: "hall", State: "deleted"},
		{RecordID: "b%1", MeetingID: "", State: ""},
	} {
		r.Tenant, r.Start = "a", kit.Monday.Add(time.Duration(i)*time.Minute)
		kit.Must(t, s.CreateRecording(t.Context(), r))
	}
	for _, tenant := range []string{"b", "aa", ""} {
		r := ARecording(tenant, "aa-"+tenant)
		kit.Must(t, s.CreateRecording(t.Context(), r))
	}
}

// Filters as the contract has them: record IDs are prefixes and outdo meeting IDs, everything else is exact, and each
// recording is selected once.
func recordingFilters(t *testing.T, s store.Index) {
	seed(t, s)
	ids := func(ids ...string) []string { return ids }
	in := func(states ...store.RecordingState) []store.RecordingState { return states }
	for _, c := range []struct {
		name   string
		filter store.RecordingFilter
		want   []string
	}{
		{"all", store.RecordingFilter{}, ids("b%1", "bx1", "b_1", "ab-1", "aa-2", "aa-1")},
		{"ID", store.RecordingFilter{RecordIDs: ids("aa-1")}, ids("aa-1")},
		{"prefix", store.RecordingFilter{RecordIDs: ids("a")}, ids("ab-1", "aa-2", "aa-1")},
		{"overlapping prefixes", store.RecordingFilter{RecordIDs: ids("aa", "a", "aa-1")}, ids("ab-1", "aa-2", "aa-1")},
		{"an ID with more behind it", store.RecordingFilter{RecordIDs: ids("aa-1x")}, nil},
		{"an ID in capitals", store.RecordingFilter{RecordIDs: ids("AA-1")}, nil},
		{"an empty ID", store.RecordingFilter{RecordIDs: ids("")}, nil},
		{"an empty ID beside one", store.RecordingFilter{RecordIDs: ids("", "bx")}, ids("bx1")},
		{"an empty ID and a meeting", store.RecordingFilter{RecordIDs: ids(""), MeetingIDs: ids("room")}, nil},
		{"underscore is no wildcard", store.RecordingFilter{RecordIDs: ids("b_")}, ids("b_1")},
		{"percent is no wildcard", store.RecordingFilter{RecordIDs: ids("b%", "%")}, ids("b%1")},
		{"meeting", store.RecordingFilter{MeetingIDs: ids("room")}, ids("aa-2", "aa-1")},
		{"meetings", store.RecordingFilter{MeetingIDs: ids("room2", "room", "room")}, ids("ab-1", "aa-2", "aa-1")},
		{"the start of a meeting ID", store.RecordingFilter{MeetingIDs: ids("roo")}, nil},
		{"an empty meeting ID", store.RecordingFilter{MeetingIDs: ids("")}, ids("b%1")},
		{"meeting under an ID", store.RecordingFilter{RecordIDs: ids("aa-1"), MeetingIDs: ids("hall")}, ids("aa-1")},
		{"state", store.RecordingFilter{States: in("published")}, ids("ab-1", "aa-1")},
		{"states", store.RecordingFilter{States: in("deleted", "processing")}, ids("bx1", "b_1")},
		{
			"a state twice",
			store.RecordingFilter{States: in("published", "unpublished", "published")},
			ids("ab-1", "aa-2", "aa-1"),
		},
		{"an empty state", store.RecordingFilter{States: in("")}, ids("b%1")},
		{"the start of a state", store.RecordingFilter{States: in("publish", "any")}, nil},
		{"state and meeting", store.RecordingFilter{MeetingIDs: ids("room"), States: in("unpublished")}, ids("aa-2")},
		{"state and prefix", store.RecordingFilter{RecordIDs: ids("a"), States: in("published")}, ids("ab-1", "aa-1")},
	} {
		c.filter.Tenant = "a"
		page, total := list(t, s, c.filter)
		kit.Equal(t, c.name, recordIDs(page), c.want)
		kit.Equal(t, c.name+": total", total, len(c.want))
	}
	for tenant, want := range map[string][]string{"b": ids("aa-b"), "aa": ids("aa-aa"), "": ids("aa-"), "nobody": nil} {
		for _, f := range []store.RecordingFilter{{}, {RecordIDs: ids("a")}, {MeetingIDs: ids("room")}} {
			f.Tenant = tenant
			page, _ := list(t, s, f)
			kit.Equal(t, "tenant "+tenant, recordIDs(page), want)
		}
	}
}

func recordIDs(page []store.Recording) (ids []string) {
	for _, r := range page {
		ids = append(ids, r.RecordID)
	}
	return ids
}

// Pages cut the same order without gap or overlap, and all of them know how many there are.
func recordingPages(t *testing.T, s store.Index) {
	seed(t, s)
	for _, f := range []store.RecordingFilter{
		{},
		{RecordIDs: []string{"a", "b"}},
		{MeetingIDs: []string{"hall", "room", "room2"}},
		{States: []store.RecordingState{store.Published, store.Unpublished}},
	} {
		f.Tenant = "a"
		all, total := list(t, s, f)
		for _, cut := range [][2]int{{0, 1}, {1, 2}, {2, 0}, {total - 1, 5}, {total, 1}, {total + 7, 0}, {0, total}} {
			f.Offset, f.Limit = cut[0], cut[1]
			from := min(f.Offset, total)
			to := total
			if f.Limit > 0 {
				to = min(from+f.Limit, total)
			}
			page, got := list(t, s, f)
			kit.Equal(t, fmt.Sprintf("%+v", f), recordIDs(page), recordIDs(all[from:to]))
			kit.Equal(t, fmt.Sprintf("%+v: total", f), got, total)
		}
	}
}

// Newest start first whatever the time, and equal starts by ID, so that pages are stable.
func recordingTimes(t *testing.T, s store.Index) {
	starts := map[string]time.Time{
		"c": kit.Monday, "b": kit.Monday, "bb": kit.Monday.In(time.FixedZone("", 7200)), "ms": kit.Monday.Add(time.Millisecond),
		"epoch": time.UnixMilli(0), "before": time.UnixMilli(-1), "future": time.Date(2301, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for id, start := range starts {
		r := ARecording("a", id)
		r.Start = start
		kit.Must(t, s.CreateRecording(t.Context(), r))
	}
	order := []string{"future", "ms", "b", "bb", "c", "epoch", "before"}
	for _, f := range []store.RecordingFilter{{}, {MeetingIDs: []string{"room"}}, {RecordIDs: order}} {
		f.Tenant = "a"
		page, _ := list(t, s, f)
		kit.Equal(t, "order", recordIDs(page), order)
		for _, r := range page {
			kit.Equal(t, "start of "+r.RecordID, r.Start, starts[r.RecordID])
		}
	}
}

// Operators see the recordings of all tenants in one order, under every filter and page by page.
func recordingsOfAll(t *testing.T, s store.Index) {
	page, total := list(t, s, store.RecordingFilter{AllTenants: true})
	kit.Equal(t, "a new store", recordIDs(page), nil)
	kit.Equal(t, "a new store: total", total, 0)
	tenants := []string{"", "a", "ab", "b", "\u00e4"}
	for i := range 15 {
		r := ARecording(tenants[i%len(tenants)], fmt.Sprintf("r%02d", i))
		r.Start, r.State = kit.Monday.Add(-time.Duration(i/3)*time.Hour), store.Published
		if r.MeetingID = "room"; i%4 == 0 {
			r.MeetingID, r.State, r.Meta = "hall", store.Deleted, map[string]string{"course": fmt.Sprint(i)}
		}
		kit.Must(t, s.CreateRecording(t.Context(), r))
	}
	for _, c := range []struct {
		filter store.RecordingFilter
		want   string
	}{
		{store.RecordingFilter{}, "00 01 02 03 04 05 06 07 08 09 10 11 12 13 14"},
		{store.RecordingFilter{Tenant: "b"}, "00 01 02 03 04 05 06 07 08 09 10 11 12 13 14"},
		{store.RecordingFilter{RecordIDs: []string{"r1", "r00"}}, "00 10 11 12 13 14"},
		{store.RecordingFilter{RecordIDs: []string{""}}, ""},
		{store.RecordingFilter{MeetingIDs: []string{"hall"}}, "00 04 08 12"},
		{store.RecordingFilter{States: []store.RecordingState{store.Deleted}}, "00 04 08 12"},
		{
			store.RecordingFilter{
				States: []store.RecordingState{store.Deleted, store.Published}, MeetingIDs: []string{"room"},
			},
			"01 02 03 05 06 07 09 10 11 13 14",
		},
		{store.RecordingFilter{States: []store.RecordingState{store.Published}}, "01 02 03 05 06 07 09 10 11 13 14"},
		{store.RecordingFilter{Meta: matches("bbb-origin=moodle", "presenter=%nal")}, "01 02 03 05 06 07 09 10 11 13 14"},
		{store.RecordingFilter{Meta: matches("course=%")}, "00 04 08 12"},
	} {
		c.filter.AllTenants = true
		all := strings.Fields(c.want)
		for _, cut := range [][2]int{{0, 0}, {0, 4}, {3, 5}, {10, 100}, {100, 1}} {
			c.filter.Offset, c.filter.Limit = cut[0], cut[1]
			page, total := list(t, s, c.filter)
			kit.Equal(t, fmt.Sprintf("%+v: total", c.filter), total, len(all))
			to := len(all)
			if cut[1] > 0 {
				to = min(cut[0]+cut[1], to)
			}
			kit.Equal(t, fmt.Sprintf("%+v", c.filter), numbers(page), all[min(cut[0], to):to])
		}
	}
}

// numbers are record IDs without the letter before them.
func numbers(page []store.Recording) (list []string) {
	for _, r := range page {
		list = append(list, r.RecordID[1:])
	}
	return list
}
