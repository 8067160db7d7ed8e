package bbb_test

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// hostile holds every character that XML cares about, and some that it forbids.
const hostile = "a<b>&\"'\r\n\t\x00\x01\x0b\x1f\x7f\u0085\ufffe\uffff\ufffd\xff\xc3]]>ü数😀"

// Names are text and nothing else, whatever is in them.
func TestBuilder(t *testing.T) {
	body := bbb.Success().Text("name", hostile).Int("n", -1).Bool("b", true).Raw([]byte("<r/>")).
		Message("key", "a message").Bytes()
	var got struct {
		Code    string `xml:"returncode"`
		Name    string `xml:"name"`
		N       int    `xml:"n"`
		B       bool   `xml:"b"`
		Key     string `xml:"messageKey"`
		Message string `xml:"message"`
	}
	if err := xml.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	want := got
	want.Code, want.N, want.B, want.Key, want.Message = "SUCCESS", -1, true, "key", "a message"
	want.Name = "a<b>&\"'\r\n\t\x7f\u0085\ufffd]]>ü数😀"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Errors are answered with status 200, where client libraries look for them, except those of HTTP itself.
func TestWriteError(t *testing.T) {
	const checksum = "<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey>" +
		"<message>Checksums do not match</message></response>"
	w := httptest.NewRecorder()
	bbb.WriteError(w, bbb.ErrChecksum)
	if w.Code != http.StatusOK || w.Body.String() != checksum {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	want := http.Header{
		"Content-Type": {"text/xml; charset=utf-8"}, "Cache-Control": {"no-store"}, "Content-Length": {"131"},
	}
	if diff := cmp.Diff(want, w.Header()); diff != "" {
		t.Error(diff)
	}
	w = httptest.NewRecorder()
	bbb.WriteError(w, bbb.ErrMethod)
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("wrong method: got %d", w.Code)
	}
}

// Lengths count as Java counts them, so that we refuse what the server would refuse.
func TestCheckMeetingID(t *testing.T) {
	for id, want := range map[string]*bbb.Error{
		"": bbb.ErrMissingMeetingID, "a": bbb.ErrMeetingIDSize, "ab": nil, "😀": nil, "a,b": bbb.ErrMeetingIDComma,
		strings.Repeat("ü", 256): nil, strings.Repeat("a", 257): bbb.ErrMeetingIDSize,
		strings.Repeat("😀", 129): bbb.ErrMeetingIDSize,
	} {
		if got := bbb.CheckMeetingID(id); got != want {
			t.Errorf("%q: got %v, want %v", id, got, want)
		}
	}
	for name, want := range map[string]*bbb.Error{
		"": bbb.ErrMissingName, "a": bbb.ErrNameSize, "a, b": nil, strings.Repeat("a", 257): bbb.ErrNameSize,
	} {
		if got := bbb.CheckName(name); got != want {
			t.Errorf("name %q: got %v, want %v", name, got, want)
		}
	}
}

// A FAILED without a key has no element for it, as BigBlueButton's answers to insertDocument.
func TestWriteError_NoKey(t *testing.T) {
	w := httptest.NewRecorder()
	bbb.WriteError(w, &bbb.Error{Message: "Meeting with id [a] not found."})
	const want = "<response><returncode>FAILED</returncode><message>Meeting with id [a] not found.</message></response>"
	if got := w.Body.String(); got != want {
		t.Errorf("got %s", got)
	}
}
