package record_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Front ends can change what plays or could play, and nothing that is on its way or gone.
func TestHere(t *testing.T) {
	for state, want := range map[store.RecordingState]bool{
		store.Published: true, store.Unpublished: true, store.Processing: false, store.Processed: false,
		store.Deleted: false, store.Awaited: false, "": false,
	} {
		if got := record.Here(&store.Recording{State: state}); got != want {
			t.Errorf("%q: %t", state, got)
		}
	}
}

// A recording is the sum of its formats.
func TestFormats(t *testing.T) {
	r := store.Recording{Formats: []store.Format{{Type: "presentation", Bytes: 40}, {Type: "video", Bytes: 2}}}
	same(t, record.FormatNames(r), []string{"presentation", "video"})
	same(t, record.FormatNames(store.Recording{}), []string{})
	if got := record.Bytes(r); got != 42 {
		t.Errorf("%d bytes", got)
	}
}

// What lies in the trash is not in its place.
func TestInPlace(t *testing.T) {
	places := map[store.RecordingState][]string{
		store.Published: {"presentation"}, store.Unpublished: {"video"}, store.Deleted: {"podcast"},
	}
	for format, want := range map[string]bool{"presentation": true, "video": true, "podcast": false, "notes": false} {
		if got := record.InPlace(places, format); got != want {
			t.Errorf("%s: %t", format, got)
		}
	}
}

// A description replaces what it tells, leaves what it does not tell, and never what people have changed.
func TestDescribe(t *testing.T) {
	known := func() store.Recording {
		return store.Recording{
			RecordID: "a", MeetingID: "room", Name: "Algebra", Participants: 3, RawSize: 7, Start: monday, End: monday.Add(time.Hour),
			Meta: map[string]string{"course": "1", "title": "edited"}, BreakoutRooms: []string{"x"},
			Edits: store.Edits{Meta: map[string]string{"title": "edited", "secret": ""}},
		}
	}
	r := known()
	record.Describe(&r, store.Recording{})
	same(t, r, known())

	record.Describe(&r, store.Recording{
		MeetingID: "hall", Name: "Geometry", Participants: 5, RawSize: 9, Start: monday.Add(time.Minute), End: monday.Add(2 * time.Hour),
		Meta: map[string]string{"course": "2", "title": "server's", "secret": "x"}, BreakoutRooms: []string{"y", "z"},
	})
	want := known()
	want.MeetingID, want.Name, want.Participants, want.RawSize = "hall", "Geometry", 5, 9
	want.Start, want.End, want.BreakoutRooms = monday.Add(time.Minute), monday.Add(2*time.Hour), []string{"y", "z"}
	want.Meta = map[string]string{"course": "2", "title": "edited"}
	same(t, r, want)
}

// Edits add, replace and remove, and leave the metadata that they are applied to alone.
func TestEdited(t *testing.T) {
	meta := map[string]string{"a": "1", "b": "2"}
	same(t, record.Edited(meta, map[string]string{"a": "", "b": "3", "c": "4", "d": ""}), map[string]string{"b": "3", "c": "4"})
	same(t, meta, map[string]string{"a": "1", "b": "2"})
	same(t, record.Edited(nil, nil), map[string]string{})
}

// What has arrived replaces what was there of the same format; other formats stay.
func TestMergeFormats(t *testing.T) {
	old := []store.Format{{Type: "presentation", Bytes: 1}, {Type: "video", Bytes: 1}}
	arrived := []store.Format{{Type: "video", Bytes: 2}, {Type: "notes", Bytes: 2}}
	same(t, record.MergeFormats(old, arrived), []store.Format{
		{Type: "notes", Bytes: 2}, {Type: "presentation", Bytes: 1}, {Type: "video", Bytes: 2},
	})
	same(t, record.MergeFormats(nil, arrived[:1]), arrived[:1])
	same(t, record.MergeFormats(old, nil), old)
}

// Whoever sends what is here already sends the same formats, of the same size; that more is here is no difference.
func TestSameFormats(t *testing.T) {
	of := func(list ...store.Format) store.Recording { return store.Recording{Formats: list} }
	film, slides := store.Format{Type: "video", Bytes: 7}, store.Format{Type: "presentation", Bytes: 8}
	for _, c := range []struct {
		come, known store.Recording
		want        bool
	}{
		{of(film), of(film, slides), true},
		{of(film, slides), of(film), false},
		{of(store.Format{Type: "video", Bytes: 6}), of(film), false},
		{of(), of(film), true},
	} {
		if got := record.SameFormats(c.come, c.known); got != c.want {
			t.Errorf("%v of %v: %t", c.come.Formats, c.known.Formats, got)
		}
	}
}

// What has arrived is owed no more; all of it is paid when the server has told what there is, and it is here.
func TestDeliver(t *testing.T) {
	here := []store.Format{{Type: "presentation"}}
	for _, c := range []struct {
		what string
		owed *store.Owed
		want *store.Owed
	}{
		{"nothing", nil, nil},
		{"what is here", &store.Owed{Step: store.OwedPublished, Formats: []string{"presentation"}}, nil},
		{
			"one more", &store.Owed{Step: store.OwedPublished, Formats: []string{"presentation", "video"}},
			&store.Owed{Step: store.OwedPublished, Formats: []string{"video"}},
		},
		{
			"nobody knows what", &store.Owed{Step: store.OwedProcessing},
			&store.Owed{Step: store.OwedProcessing},
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			var before []string
			if c.owed != nil {
				before = append(before, c.owed.Formats...)
			}
			formats := before
			r := store.Recording{Formats: here, Owed: c.owed}
			record.Deliver(&r)
			same(t, r.Owed, c.want)
			same(t, formats, before)
		})
	}
}

// Balancers' own marks are taken out of the metadata, and the map that came is not changed.
func TestDisown(t *testing.T) {
	meta := map[string]string{"bbbpool-tenant": "a", "tenant-id": "b", "course": "1"}
	r := store.Recording{Meta: meta}
	record.Disown(&r)
	same(t, r.Meta, map[string]string{"course": "1"})
	if len(meta) != 3 {
		t.Errorf("changed: %v", meta)
	}
}

// Of a deleted recording nothing is left that tells of people.
func TestStrip(t *testing.T) {
	r := store.Recording{
		RecordID: "a", Tenant: "school", MeetingID: "room", Name: "Algebra", State: store.Published, Start: monday, End: monday,
		Server: "bbb1", Imported: monday, Changed: monday, Participants: 3, Meta: map[string]string{"teacher": "x"},
		Edits: store.Edits{Meta: map[string]string{"teacher": "x"}}, Formats: []store.Format{{Type: "video"}}, Behind: "x",
	}
	record.Strip(&r)
	same(t, r, store.Recording{
		RecordID: "a", Tenant: "school", MeetingID: "room", State: store.Deleted, Start: monday, End: monday, Server: "bbb1",
		Imported: monday, Changed: monday,
	})
}

// Names that begin with a record ID in BigBlueButton's form tell it, and no others.
func TestLeadingID(t *testing.T) {
	id := strings.Repeat("a", 40) + "-1712758751753"
	for name, want := range map[string]string{
		id: id, id + ".tar": id, id + "-2.tar.gz": id, "x" + id: "", strings.ToUpper(id): "", id[:50]: "", "": "",
	} {
		if got := record.LeadingID(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Clocks that went back make nothing younger than new.
func TestAge(t *testing.T) {
	if got := record.Age(monday.Add(time.Hour), monday); got != time.Hour {
		t.Error(got)
	}
	if got := record.Age(monday, monday.Add(time.Hour)); got != 0 {
		t.Error(got)
	}
}

// A reason that is cut stays text.
func TestShorten(t *testing.T) {
	if got := record.Shorten("short"); got != "short" {
		t.Error(got)
	}
	if got := record.Shorten(strings.Repeat("ä", 1000)); len(got) != 1000 || strings.Trim(got, "ä") != "" {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	if got := record.Shorten("a" + strings.Repeat("ä", 1000)); len(got) != 999 {
		t.Errorf("%d bytes", len(got))
	}
}
