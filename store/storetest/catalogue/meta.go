package catalogue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func metaCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Meta/Filters", Run: metaFilters},
		{Name: "Meta/Pages", Run: metaPages},
		{Name: "Meta/Long", Run: metaLong},
		{Name: "Meta/Texts", Run: metaTexts},
		{Name: "Meta/Many", Run: metaMany},
		{Name: "Meta/Gone", Run: metaGone},
	}
}

// seedMeta stores recordings of one tenant, each a minute older than the one before, and one of another.
func seedMeta(t *testing.T, s store.Index) {
	for i, meta := range []map[string]string{
		{"origin": "moodle", "course": "algebra-1"},
		{"origin": "moodle", "course": "algebra-2", "tag": ""},
		{"origin": "greenlight", "course": "geometry"},
		{"origin": "Moodle", "course": "al%gebra"},
		{"course": "algebra"},
		nil,
	} {
		r := store.Recording{RecordID: fmt.Sprint("r", i), MeetingID: fmt.Sprint("m", i%2), Tenant: "a", Meta: meta}
		r.State, r.Start = store.Published, kit.Monday.Add(-time.Duration(i)*time.Minute)
		if i == 1 {
			r.State = store.Unpublished
		}
		kit.Must(t, s.CreateRecording(t.Context(), r))
	}
	other := ARecording("b", "r9")
	other.Meta = map[string]string{"origin": "moodle"}
	kit.Must(t, s.CreateRecording(t.Context(), other))
}

// matches reads "key=value" pairs.
func matches(pairs ...string) (list []store.MetaMatch) {
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		list = append(list, store.MetaMatch{Key: key, Value: value})
	}
	return list
}

// Values are exact but for a "%" at either end; all that is asked for must match, and what is not there never does.
func metaFilters(t *testing.T, s store.Index) {
	seedMeta(t, s)
	ids := func(ids ...string) []string { return ids }
	published := []store.RecordingState{store.Published}
	for _, c := range []struct {
		name   string
		filter store.RecordingFilter
		want   []string
	}{
		{"exact", store.RecordingFilter{Meta: matches("origin=moodle")}, ids("r0", "r1")},
		{"the start of a value", store.RecordingFilter{Meta: matches("course=algebra")}, ids("r4")},
		{"nothing", store.RecordingFilter{Meta: matches("origin=")}, nil},
		{"an empty value", store.RecordingFilter{Meta: matches("tag=")}, ids("r1")},
		{"a start", store.RecordingFilter{Meta: matches("course=algebra%")}, ids("r0", "r1", "r4")},
		{"an end", store.RecordingFilter{Meta: matches("course=%gebra")}, ids("r3", "r4")},
		{"a middle", store.RecordingFilter{Meta: matches("course=%ge%")}, ids("r0", "r1", "r2", "r3", "r4")},
		{"anything", store.RecordingFilter{Meta: matches("origin=%")}, ids("r0", "r1", "r2", "r3")},
		{"anything twice", store.RecordingFilter{Meta: matches("tag=%%")}, ids("r1")},
		{"a percent sign", store.RecordingFilter{Meta: matches("course=%%%")}, ids("r3")},
		{"inside it is none", store.RecordingFilter{Meta: matches("course=al%gebra")}, ids("r3")},
		{"no underscore", store.RecordingFilter{Meta: matches("course=_lgebra", "course=%_%")}, nil},
		{"value in other case", store.RecordingFilter{Meta: matches("course=Geometry")}, nil},
		{"key in other case", store.RecordingFilter{Meta: matches("Origin=moodle")}, nil},
		{"the start of a key", store.RecordingFilter{Meta: matches("cours=%")}, nil},
		{"a key and more", store.RecordingFilter{Meta: matches("coursea=%")}, nil},
		{"an empty key", store.RecordingFilter{Meta: matches("=%")}, nil},
		{"two", store.RecordingFilter{Meta: matches("origin=moodle", "course=%2")}, ids("r1")},
		{"two the other way round", store.RecordingFilter{Meta: matches("course=%2", "origin=moodle")}, ids("r1")},
		{"two of one key", store.RecordingFilter{Meta: matches("course=a%", "course=%a")}, ids("r3", "r4")},
		{"two that exclude each other", store.RecordingFilter{Meta: matches("course=a%", "course=g%")}, nil},
		{"one twice", store.RecordingFilter{Meta: matches("tag=", "tag=")}, ids("r1")},
		{"state", store.RecordingFilter{Meta: matches("origin=moodle"), States: published}, ids("r0")},
		{"IDs", store.RecordingFilter{Meta: matches("origin=%"), RecordIDs: ids("r0", "r3", "r4", "r9")}, ids("r0", "r3")},
		{
			"IDs, states and two",
			store.RecordingFilter{Meta: matches("origin=%", "course=%a%"), RecordIDs: ids("r"), States: published},
			ids("r0", "r3"),
		},
		{"an empty ID", store.RecordingFilter{Meta: matches("origin=%"), RecordIDs: ids("")}, nil},
		{"meetings", store.RecordingFilter{Meta: matches("origin=%moo%"), MeetingIDs: ids("m0", "m2")}, ids("r0")},
		{"meetings and states", store.RecordingFilter{
			Meta: matches("course=%"), MeetingIDs: ids("m1"), States: published,
		}, ids("r3")},
	} {
		c.filter.Tenant = "a"
		page, total := list(t, s, c.filter)
		kit.Equal(t, c.name, recordIDs(page), c.want)
		kit.Equal(t, c.name+": total", total, len(c.want))
	}
	page, _ := list(t, s, store.RecordingFilter{Tenant: "b", Meta: matches("origin=moodle")})
	kit.Equal(t, "another tenant", recordIDs(page), ids("r9"))
}

// Pages of what metadata selects are in the same order as others.
func metaPages(t *testing.T, s store.Index) {
	seedMeta(t, s)
	all := []string{"r0", "r1", "r2", "r3", "r4"}
	for _, f := range []store.RecordingFilter{
		{Meta: matches("course=%")}, {Meta: matches("course=%ge%", "course=%")}, {RecordIDs: []string{"r"}, Meta: matches("course=%")},
	} {
		for _, cut := range [][2]int{{0, 1}, {1, 2}, {2, 0}, {4, 5}, {5, 1}, {9, 0}} {
			f.Tenant, f.Offset, f.Limit = "a", cut[0], cut[1]
			from, to := min(f.Offset, len(all)), len(all)
			if f.Limit > 0 {
				to = min(from+f.Limit, to)
			}
			page, total := list(t, s, f)
			kit.Equal(t, fmt.Sprintf("%+v", f), recordIDs(page), all[from:to])
			kit.Equal(t, fmt.Sprintf("%+v: total", f), total, len(all))
		}
	}
}

// Values and keys as long as descriptions are matched to their ends.
func metaLong(t *testing.T, s store.Index) {
	long := strings.Repeat("long ", 2000)
	for i, meta := range []map[string]string{
		{"d": long + "one", long + "1": "x"},
		{"d": long + "two", long + "2": "x"},
		{"d": long, long: "y"},
		{"d": "long"},
		{long + "1": "x", long + "2": "x"},
	} {
		r := store.Recording{RecordID: fmt.Sprint("r", i), Tenant: "a", Meta: meta}
		kit.Must(t, s.CreateRecording(t.Context(), r))
	}
	for _, c := range []struct{ key, value, want string }{
		{"d", long, "r2"},
		{"d", long + "one", "r0"},
		{"d", long + "on", ""},
		{"d", long + "%", "r0 r1 r2"},
		{"d", long + "t%", "r1"},
		{"d", long[:300] + "%", "r0 r1 r2"},
		{"d", "long%", "r0 r1 r2 r3"},
		{"d", "%one", "r0"},
		{"d", "%g two%", "r1"},
		{"d", "%", "r0 r1 r2 r3"},
		{long, "%", "r2"},
		{long + "1", "x", "r0 r4"},
		{long + "2", "%x%", "r1 r4"},
		{long[:300], "%", ""},
	} {
		page, _ := list(t, s, store.RecordingFilter{Tenant: "a", Meta: []store.MetaMatch{{Key: c.key, Value: c.value}}})
		kit.Equal(t, fmt.Sprintf("%.20q %.20q", c.key, c.value), strings.Join(recordIDs(page), " "), c.want)
	}
	for _, id := range []string{"r0", "r4"} {
		kit.Must(t, s.DeleteRecording(t.Context(), id))
	}
	page, _ := list(t, s, store.RecordingFilter{Tenant: "a", Meta: []store.MetaMatch{{Key: long + "2", Value: "x"}}})
	kit.Equal(t, "left", recordIDs(page), []string{"r1"})
}

// Odd keys and values are found as what they are.
func metaTexts(t *testing.T, s store.Index) {
	for i, text := range kit.Texts() {
		r := store.Recording{RecordID: fmt.Sprint("r", i), Tenant: "a", Meta: map[string]string{text: "k", "v": "|" + text + "|"}}
		kit.Must(t, s.CreateRecording(t.Context(), r))
	}
	for i, text := range kit.Texts() {
		for _, m := range []store.MetaMatch{
			{Key: text, Value: "k"},
			{Key: text, Value: "%"},
			{Key: "v", Value: "|" + text + "|"},
			{Key: "v", Value: "|" + text + "|%"},
			{Key: "v", Value: "%|" + text + "|"},
			{Key: "v", Value: "%|" + text + "|%"},
		} {
			page, _ := list(t, s, store.RecordingFilter{Tenant: "a", Meta: []store.MetaMatch{m}})
			kit.Equal(t, fmt.Sprintf("%q", m), recordIDs(page), []string{fmt.Sprint("r", i)})
		}
	}
}

// A lot of recordings are matched as a few are, whichever criterion selects fewer of them.
func metaMany(t *testing.T, s store.Index) {
	const many = 400
	var ids []string
	for i := range many {
		ids = append(ids, fmt.Sprintf("r%03d", i))
	}
	_, err := s.Commit(t.Context(), AJob("j"), ids, func(r *store.Recording) error {
		var i int
		_, err := fmt.Sscanf(r.RecordID, "r%d", &i)
		r.Tenant, r.MeetingID, r.Start = "a", "room", kit.Monday.Add(-time.Duration(i)*time.Second)
		r.State = []store.RecordingState{store.Published, store.Unpublished}[i%2]
		r.Meta = map[string]string{"all": "x" + strings.Repeat("y", i), "third": fmt.Sprint(i % 3)}
		if i%5 == 0 {
			r.Meta["fifth"] = fmt.Sprint("f", i)
		}
		return err
	})
	kit.Must(t, err)
	for _, c := range []struct {
		name   string
		filter store.RecordingFilter
		is     func(i int) bool
	}{
		{"all and a third", store.RecordingFilter{Meta: matches("all=x%", "third=1")}, func(i int) bool { return i%3 == 1 }},
		{
			"any and a fifth",
			store.RecordingFilter{Meta: matches("all=%y", "fifth=%", "third=%")},
			func(i int) bool { return i%5 == 0 && i > 0 },
		},
		{
			"a third and a fifth",
			store.RecordingFilter{Meta: matches("third=0", "fifth=f%")},
			func(i int) bool { return i%15 == 0 },
		},
		{
			"long ones",
			store.RecordingFilter{Meta: matches("all=x"+strings.Repeat("y", 300)+"%", "third=2")},
			func(i int) bool { return i >= 300 && i%3 == 2 },
		},
		{
			"a meeting",
			store.RecordingFilter{MeetingIDs: []string{"room"}, Meta: matches("third=1", "all=%")},
			func(i int) bool { return i%3 == 1 },
		},
		{"a prefix and a state", store.RecordingFilter{
			RecordIDs: []string{"r"}, States: []store.RecordingState{store.Published}, Meta: matches("third=1"),
		}, func(i int) bool { return i%6 == 4 }},
	} {
		var is []string
		for i, id := range ids {
			if c.is(i) {
				is = append(is, id)
			}
		}
		c.filter.Tenant = "a"
		page, total := list(t, s, c.filter)
		kit.Equal(t, c.name, recordIDs(page), is)
		kit.Equal(t, c.name+": total", total, len(is))
	}
}

// Metadata that is removed or changed is no longer found; what stays still is, in its new state too.
func metaGone(t *testing.T, s store.Index) {
	kit.Must(t, s.CreateRecording(t.Context(), ARecording("a", "r1")))
	_, err := s.UpdateRecording(t.Context(), "a", "r1", func(r *store.Recording) error {
		delete(r.Meta, "presenter")
		r.Meta["bbb-origin"], r.Meta["new"], r.State = "greenlight", "1", store.Unpublished
		return nil
	})
	kit.Must(t, err)
	for pair, n := range map[string]int{
		"presenter=%": 0, "bbb-origin=moodle": 0, "bbb-origin=greenlight": 1, "new=1": 1, "empty=": 1,
	} {
		f := store.RecordingFilter{Tenant: "a", Meta: matches(pair), States: []store.RecordingState{store.Unpublished}}
		_, total := list(t, s, f)
		kit.Equal(t, pair, total, n)
	}
}
