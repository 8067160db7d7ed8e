package recordingcalls_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/gateway/recordingcalls"
	"github.com/bbbpool/bbbpool/store"
)

// A page is sent whole. Everything comes in pieces, and where something cannot be read the list breaks off with the error.
func TestGetRecordings_PageOrPieces(t *testing.T) {
	const n = 5000
	index := newShelf(n)
	s := open(recordingcalls.Calls{Recordings: index})
	a, err := ask(t, s, "getRecordings", "limit=2&offset=1")
	if err != nil || a.Pieces != nil || strings.Count(string(a.XML), "<recordID>") != 2 ||
		!strings.Contains(string(a.XML), "<url>https://pool/play/r1</url>") {
		t.Errorf("a page: %s %v", a.XML, err)
	}
	a, err = ask(t, s, "getRecordings", "")
	if err != nil || a.Pieces == nil {
		t.Fatalf("all: %+v %v", a, err)
	}
	var whole strings.Builder
	pieces := 0
	for more := true; more; pieces++ {
		var piece []byte
		if piece, more, err = a.Pieces(); err != nil {
			t.Fatal(err)
		}
		whole.Write(piece)
	}
	if got := strings.Count(whole.String(), "<recordID>"); got != n || pieces < 2 {
		t.Errorf("%d recordings in %d pieces, want %d", got, pieces, n)
	}
	if a, err = ask(t, s, "getRecordings", ""); err != nil {
		t.Fatal(err)
	}
	if _, more, err := a.Pieces(); !more || err != nil {
		t.Fatalf("the first piece: %t %v", more, err)
	}
	index.err = errors.New("the index is gone")
	if piece, _, err := a.Pieces(); !errors.Is(err, index.err) {
		t.Errorf("after the index has failed: %q %v", piece, err)
	}
}

// A pool that shows no recordings lists none, and one that wants a filter says so.
func TestGetRecordings_NoneOrFiltered(t *testing.T) {
	a, err := ask(t, open(recordingcalls.Calls{Recordings: newShelf(3), None: true}), "getRecordings", "recordID=r1")
	if err != nil || !strings.Contains(string(a.XML), "noRecordings") {
		t.Errorf("none: %s %v", a.XML, err)
	}
	filtered := open(recordingcalls.Calls{Recordings: newShelf(3), Filtered: true})
	if _, err := ask(t, filtered, "getRecordings", ""); err == nil {
		t.Error("all recordings are listed where a filter is wanted")
	}
	if a, err := ask(t, filtered, "getRecordings", "recordID=r1"); err != nil || a.Pieces == nil {
		t.Errorf("filtered: %+v %v", a, err)
	}
}

// all reads a long list to its end, and returns the IDs in it.
func all(t *testing.T, next recordingcalls.Pieces) (ids []string) {
	t.Helper()
	var whole strings.Builder
	for more := true; more; {
		var piece []byte
		var err error
		if piece, more, err = next(); err != nil {
			t.Fatal(err)
		}
		whole.Write(piece)
	}
	if !strings.HasSuffix(whole.String(), "</response>") {
		t.Fatalf("it ends with %q", whole.String()[max(0, whole.Len()-100):])
	}
	for _, m := range regexp.MustCompile("<recordID>([^<]*)<").FindAllStringSubmatch(whole.String(), -1) {
		ids = append(ids, m[1])
	}
	return ids
}

// What a call asks for is what the index is asked for: of its own tenant, whatever else it says. A list that has nothing
// in it but blanks selects nothing; one that came empty selects everything.
func TestGetRecordings_Filter(t *testing.T) {
	shown := []store.RecordingState{store.Published, store.Unpublished}
	for query, want := range map[string]store.RecordingFilter{
		"":                                 {States: shown},
		"tenant=other&AllTenants=true":     {States: shown},
		"recordID=a,%20b%20,":              {RecordIDs: []string{"a", "b", ""}, States: shown},
		"meetingID=a,%20b%20,":             {MeetingIDs: []string{"a", "b"}, States: shown},
		"recordID=&meetingID=":             {States: shown},
		"recordID=%20":                     {RecordIDs: []string{""}, States: shown},
		"meetingID=%20":                    {RecordIDs: []string{""}, MeetingIDs: []string{}, States: shown},
		"meetingID=,":                      {RecordIDs: []string{""}, MeetingIDs: []string{}, States: shown},
		"recordID=a&meetingID=,":           {RecordIDs: []string{"a"}, MeetingIDs: []string{"", ""}, States: shown},
		"state=any":                        {},
		"state=published,any":              {},
		"state=,%20":                       {States: shown},
		"state=deleted,%20processing":      {States: []store.RecordingState{store.Deleted, store.Processing}},
		"meta_Topic=a%25&meta_b=&Meta_c=d": {States: shown, Meta: []store.MetaMatch{{Key: "topic", Value: "a%"}, {Key: "b"}}},
		"limit=7":                          {States: shown, Limit: 7},
		"limit=100&offset=3":               {States: shown, Limit: 100, Offset: 3},
		"limit=1&offset=-3":                {States: shown, Limit: 1},
		"limit=1&offset=x":                 {States: shown, Limit: 1},
		"limit=0&offset=3":                 {States: shown},
		"limit=101":                        {States: shown},
		"limit=x":                          {States: shown},
	} {
		index := newShelf(0)
		a, err := ask(t, open(recordingcalls.Calls{Recordings: index}), "getRecordings", query)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if want.Limit == 0 { // everything comes in pieces, and the first of them is asked for
			want.Limit = 100
			all(t, a.Pieces)
		}
		want.Tenant = "school"
		if diff := cmp.Diff([]store.RecordingFilter{want}, index.filters); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", query, diff)
		}
	}
}

// Fields of a multipart form have lost the difference between a blank and nothing: neither selects anything.
func TestGetRecordings_EmptyInAForm(t *testing.T) {
	const multipart = "--b\r\nContent-Disposition: form-data; name=\"recordID\"\r\n\r\n \r\n--b--\r\n"
	for mediaType, form := range map[string]string{
		"multipart/form-data; boundary=b": multipart, "application/x-www-form-urlencoded": "recordID=",
	} {
		index := newShelf(3)
		a, err := post(t, open(recordingcalls.Calls{Recordings: index}), "getRecordings", "", form, mediaType)
		if err != nil {
			t.Fatal(err)
		}
		if got := all(t, a.Pieces); len(got) != 3 || index.filters[0].RecordIDs != nil {
			t.Errorf("%s: %v, asked for %+v", mediaType, got, index.filters)
		}
	}
	index := newShelf(3)
	a, err := post(t, open(recordingcalls.Calls{Recordings: index}), "getRecordings", "", "recordID=%20",
		"application/x-www-form-urlencoded")
	if err != nil {
		t.Fatal(err)
	}
	if got := all(t, a.Pieces); len(got) != 0 {
		t.Errorf("a blank: %v", got)
	}
}

// Recordings that come and go while a long list is read move the others: whatever was there all the time is listed once, and
// nothing twice.
func TestGetRecordings_MovingPages(t *testing.T) {
	const n = 900
	for name, change := range map[string]func(s *shelf, page int){
		"new ones come":   func(s *shelf, page int) { s.list = slices.Concat(newest(page, 5), s.list) },
		"a flood of them": func(s *shelf, page int) { s.list = slices.Concat(newest(page, 500), s.list) },
		"those that were met go": func(s *shelf, _ int) {
			s.list = slices.Delete(s.list, 0, 30)
		},
	} {
		index := newShelf(n)
		for i := range index.list {
			index.list[i].Meta = map[string]string{"text": strings.Repeat("x", 6000)}
		}
		before := slices.Clone(index.list)
		pages := 0
		index.before = func() {
			if pages++; pages > 1 && pages < 5 {
				change(index, pages)
			}
		}
		a, err := ask(t, open(recordingcalls.Calls{Recordings: index}), "getRecordings", "")
		if err != nil {
			t.Fatal(err)
		}
		got := all(t, a.Pieces)
		times := map[string]int{}
		for _, id := range got {
			times[id]++
		}
		for _, r := range before {
			stayed := slices.ContainsFunc(index.list, func(s store.Recording) bool { return s.RecordID == r.RecordID })
			if times[r.RecordID] > 1 || stayed && times[r.RecordID] != 1 {
				t.Errorf("%s: %s is listed %d times", name, r.RecordID, times[r.RecordID])
			}
		}
		if pages < 5 {
			t.Errorf("%s: only %d pages, nothing has moved between them", name, pages)
		}
	}
}

// newest are recordings that have come after all others.
func newest(page, n int) (list []store.Recording) {
	for _, r := range newShelf(n).list {
		r.RecordID, r.Start = "new"+r.RecordID+string(rune('a'+page)), r.Start.Add(time.Duration(page)*1000*time.Hour)
		list = append(list, r)
	}
	return list
}

// Few long lists are fetched from at the same time beyond their first pieces: another one waits for its turn, and no longer
// than whoever wants it.
func TestGetRecordings_LongListsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		index := newShelf(5000)
		hold := make(chan struct{})
		s := open(recordingcalls.Calls{Recordings: index})
		lists := make([]recordingcalls.Pieces, 5)
		for i := range lists {
			a, err := ask(t, s, "getRecordings", "")
			if err != nil {
				t.Fatal(err)
			}
			if _, more, err := a.Pieces(); !more || err != nil {
				t.Fatalf("the first piece: %t %v", more, err)
			}
			lists[i] = a.Pieces
		}
		ctx, hangUp := context.WithCancel(t.Context())
		left, err := answer(t, s, "getRecordings",
			httptest.NewRequestWithContext(ctx, http.MethodGet, "/getRecordings?"+sign("getRecordings", ""), nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, more, err := left.Pieces(); !more || err != nil {
			t.Fatalf("the first piece: %t %v", more, err)
		}
		index.before = func() { <-hold }
		last := make(chan error, 1)
		for i, next := range lists {
			go func() {
				if _, _, err := next(); i == len(lists)-1 {
					last <- err
				}
			}()
			synctest.Wait()
		}
		select {
		case err := <-last:
			t.Errorf("the fifth does not wait: %v", err)
		default:
		}
		hangUp()
		if _, _, err := left.Pieces(); !errors.Is(err, context.Canceled) {
			t.Errorf("whoever has hung up: %v", err)
		}
		close(hold)
		if err := <-last; err != nil {
			t.Error(err)
		}
	})
}

// A page that cannot be read is an error, also the first piece of a long list.
func TestGetRecordings_Fails(t *testing.T) {
	index := newShelf(5000)
	index.err = errors.New("the index is gone")
	s := open(recordingcalls.Calls{Recordings: index})
	for _, query := range []string{"limit=3", ""} {
		a, err := ask(t, s, "getRecordings", query)
		if a.Pieces != nil {
			_, _, err = a.Pieces()
		}
		if !errors.Is(err, index.err) {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// A pool that shows no recordings says on a page that there are none; one that wants a filter takes a meeting for one.
func TestGetRecordings_NonePaged(t *testing.T) {
	index := newShelf(3)
	a, err := ask(t, open(recordingcalls.Calls{Recordings: index, None: true}), "getRecordings", "limit=2&offset=1")
	want := "<response><returncode>SUCCESS</returncode><recordings></recordings><messageKey>noRecordings</messageKey>" +
		"<message>There are no recordings for the meeting(s).</message><pagination><pageable><offset>1</offset><limit>2</limit>" +
		"<paged>true</paged><unpaged>false</unpaged></pageable><totalElements>0</totalElements><empty>true</empty></pagination></response>"
	if got := strings.ReplaceAll(string(a.XML), "\n", ""); err != nil || got != want || index.filters != nil {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	filtered := open(recordingcalls.Calls{Recordings: index, Filtered: true})
	for query, allowed := range map[string]bool{"meetingID=room": true, "recordID=r1": true, "state=any": false, "limit=2": false} {
		if _, err := ask(t, filtered, "getRecordings", query); (err == nil) != allowed {
			t.Errorf("%s: %v", query, err)
		}
	}
}
