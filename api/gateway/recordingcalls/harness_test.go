package recordingcalls_test

import (
	"context"
	"fmt"
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
	list    []store.Recording
	filters []store.RecordingFilter // that pages were asked for with
	before  func()                  // each page; nil does nothing
	calls   []string
	err     error
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
	s.filters = append(s.filters, f)
	if s.before != nil {
		s.before()
	}
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

// captions are text tracks in memory, each with its file; they take more, or fail.
type captions struct {
	list  []store.TextTrack
	files []string
	err   error
}

func (c *captions) TextTracks(context.Context, string, string) ([]store.TextTrack, error) {
	return c.list, c.err
}

func (c *captions) AddTextTrack(_ context.Context, tenant, recordID string, t store.TextTrack, vtt []byte) error {
	if c.err == nil {
		t.File = tenant + "_" + recordID + "_" + t.Lang + ".vtt"
		c.list, c.files = append(c.list, t), append(c.files, string(vtt))
	}
	return c.err
}

// ask asks a question, as the gateway does, with a text track in it where the call takes one.
func ask(t *testing.T, s *recordingcalls.Calls, call, query string) (recordingcalls.Answer, error) {
	t.Helper()
	if call == "putRecordingTextTrack" {
		form, mediaType := upload(t, part{"file", aSRT})
		return post(t, s, call, query, form, mediaType)
	}
	return answer(t, s, call, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+call+"?"+sign(call, query), nil))
}

// sign signs a query, as front ends do.
func sign(call, query string) string { return bbb.SHA256.Sign(call, query, "secret") }

// aSRT is a text track in the format that most have.
const aSRT = "1\n00:00:01,5 --> 00:00:02,250\n<font>hi</font>\n"

// post asks a question that has a body.
func post(t *testing.T, s *recordingcalls.Calls, call, query, body, mediaType string) (recordingcalls.Answer, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+call+"?"+sign(call, query), strings.NewReader(body))
	r.Header.Set("Content-Type", mediaType)
	return answer(t, s, call, r)
}

// answer reads and verifies a request, and has it answered.
func answer(t *testing.T, s *recordingcalls.Calls, call string, r *http.Request) (recordingcalls.Answer, error) {
	t.Helper()
	request, err := bbb.ReadRequest(r, call, 8<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := request.Verify([]bbb.Secret{"secret"}, true, bbb.SHA256); err != nil {
		t.Fatal(err)
	}
	return s.ByName()[call](r.Context(), recordingcalls.Question{
		Tenant: "school", Request: request, MediaType: r.Header.Get("Content-Type"), Origin: "https://pool",
	})
}

// part is a part of a multipart form: a file under the name of its field.
type part struct{ field, content string }

// upload makes such a form.
func upload(t *testing.T, parts ...part) (body, mediaType string) {
	t.Helper()
	var b strings.Builder
	form := multipart.NewWriter(&b)
	for _, p := range parts {
		w, err := form.CreateFormFile(p.field, "a.srt")
		if err == nil {
			_, err = w.Write([]byte(p.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), form.FormDataContentType()
}

// open makes calls ready whose formats are played where they lie.
func open(s recordingcalls.Calls) *recordingcalls.Calls {
	s.Link = func(_ store.Recording, f store.Format) string { return f.Path }
	s.FileLink = func(r store.Recording, format, name string) string {
		return "/files/" + r.RecordID + "/" + format + "/" + name
	}
	s.Open()
	return &s
}
