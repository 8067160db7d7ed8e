package recordingcalls_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/recordingcalls"
	"github.com/bbbpool/bbbpool/store"
)

// shelf is recordings of one tenant, newest first; the calls that change them are taken note of.
type shelf struct {
	list  []store.Recording
	calls []string
	err   error
}

func newShelf(n int) *shelf {
	s := &shelf{}
	for i := range n {
		start := time.UnixMilli(1_760_000_000_000).Add(-time.Duration(i) * time.Hour)
		s.list = append(s.list, store.Recording{
			RecordID: fmt.Sprintf("r%d", i), Tenant: "school", MeetingID: "room", State: store.Published, Start: start, End: start,
			Formats: []store.Format{{Type: "presentation", Path: fmt.Sprintf("/play/r%d", i)}},
		})
	}
	return s
}

func (s *shelf) Recordings(_ context.Context, f store.RecordingFilter) ([]store.Recording, int, error) {
	var all []store.Recording
	for _, r := range s.list {
		if f.RecordIDs == nil || slices.Contains(f.RecordIDs, r.RecordID) {
			all = append(all, r)
		}
	}
	from := min(f.Offset, len(all))
	return all[from:min(from+f.Limit, len(all))], len(all), s.err
}

func (s *shelf) note(format string, args ...any) (int, error) {
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
	return len(s.list), s.err
}

func (s *shelf) Publish(_ context.Context, tenant string, ids []string, publish bool) (int, error) {
	return s.note("publish %s %v %t", tenant, ids, publish)
}

func (s *shelf) Update(_ context.Context, tenant string, ids []string, meta map[string]string, protect *bool) (int, error) {
	return s.note("update %s %v %v %t", tenant, ids, meta, protect != nil)
}

func (s *shelf) Delete(_ context.Context, tenant string, ids []string) (int, error) {
	return s.note("delete %s %v", tenant, ids)
}

// captions takes text tracks, or fails.
type captions struct{ err error }

func (c captions) TextTracks(context.Context, string, string) ([]store.TextTrack, error) {
	return nil, nil
}

func (c captions) AddTextTrack(context.Context, string, string, store.TextTrack, []byte) error {
	return c.err
}

// ask asks a question, as the gateway does, with a text track in it where the call takes one.
func ask(t *testing.T, s *recordingcalls.Calls, call, query string) (recordingcalls.Answer, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+call+"?"+query, nil)
	if call == "putRecordingTextTrack" {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, _ := form.CreateFormFile("file", "a.srt")
		_, _ = part.Write([]byte("1\n00:00:01,5 --> 00:00:02,250\n<font>hi</font>\n"))
		_ = form.Close()
		r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+call+"?"+query, &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
	}
	request, err := bbb.ReadRequest(r, call, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return s.ByName()[call](t.Context(), recordingcalls.Question{
		Tenant: "school", Request: request, MediaType: r.Header.Get("Content-Type"), Origin: "https://pool",
	})
}

func open(s recordingcalls.Calls) *recordingcalls.Calls {
	s.Link = func(_ store.Recording, f store.Format) string { return f.Path }
	s.Open()
	return &s
}

// A change is of the tenant's recordings alone, says which ones also where it fails, and keeps our own metadata away.
func TestChanges(t *testing.T) {
	gone := errors.New("the index is gone")
	for _, c := range []struct {
		call, query string
		on          *shelf
		none        bool
		done        string
		changed     []string
		err         error
	}{
		{"publishRecordings", "recordID=a,b&publish=TRUE", newShelf(1), false, "publish school [a b] true", []string{"a", "b"}, nil},
		{"publishRecordings", "recordID=a", newShelf(1), false, "", []string{"a"}, bbb.ErrMissingPublish},
		{"publishRecordings", "publish=true", newShelf(1), false, "", nil, bbb.ErrMissingRecordID},
		{"deleteRecordings", "recordID=a", newShelf(1), false, "delete school [a]", []string{"a"}, nil},
		{"deleteRecordings", "recordID=a", newShelf(0), false, "delete school [a]", []string{"a"}, bbb.ErrRecordingNotFound},
		{"deleteRecordings", "recordID=a", newShelf(1), true, "", []string{"a"}, bbb.ErrRecordingNotFound},
		{"deleteRecordings", "recordID=a", &shelf{err: gone}, false, "delete school [a]", []string{"a"}, gone},
		{
			"updateRecordings", "recordID=a&meta_Topic=x&meta_bbbpool-tenant=other&meta_bbbpool-keep=true&protect=true",
			newShelf(1), false, "update school [a] map[bbbpool-keep:true topic:x] true",
			[]string{"a"},
			nil,
		},
	} {
		a, err := ask(t, open(recordingcalls.Calls{Recordings: c.on, None: c.none}), c.call, c.query)
		if !errors.Is(err, c.err) || !slices.Equal(a.Changed, c.changed) || strings.Join(c.on.calls, ";") != c.done ||
			(err == nil) != strings.Contains(string(a.XML), "SUCCESS") {
			t.Errorf("%s %s: %+v %v, called %q", c.call, c.query, a, err, c.on.calls)
		}
	}
}

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

// What goes wrong with a text track is told in JSON. Only what is our fault is an error of ours beside it.
func TestPutRecordingTextTrack(t *testing.T) {
	full := errors.New("no space left")
	for _, c := range []struct {
		query, key string
		add        error
		ours       error
	}{
		{"recordID=r0&kind=captions&lang=de-AT", "", nil, nil},
		{"recordID=r9&kind=captions&lang=de", "noRecordings", nil, nil},
		{"recordID=r0&kind=poem&lang=de", "invalidKind", nil, nil},
		{"recordID=r0&kind=captions&lang=d!", "invalidLang", nil, nil},
		{"recordID=r0&kind=captions&lang=de", "upload_text_track_failed", fs.ErrNotExist, nil},
		{"recordID=r0&kind=captions&lang=de", "upload_text_track_failed", store.ErrTooLarge, nil},
		{"recordID=r0&kind=captions&lang=de", "upload_text_track_failed", full, full},
	} {
		s := open(recordingcalls.Calls{Recordings: newShelf(1), Tracks: captions{c.add}})
		a, err := ask(t, s, "putRecordingTextTrack", c.query)
		text, broken := json.Marshal(a.JSON)
		if err != nil || broken != nil || a.Key != c.key || !errors.Is(a.Err, c.ours) ||
			!strings.Contains(string(text), `"messageKey":"`+c.key) {
			t.Errorf("%s: %+v %v", c.query, a, err)
		}
	}
}
