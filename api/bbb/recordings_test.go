package bbb_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// recordingsAnswer is an answer to getRecordings with these elements in its list.
func recordingsAnswer(list string) []byte {
	return []byte("<response><returncode>SUCCESS</returncode><recordings>" + list + "</recordings></response>")
}

// Whatever form a server writes its recordings in, the same is read.
func TestParseRecordings(t *testing.T) {
	const id = "183f0bf3a0982a127bdb8161e0c44eb696b3e75c-1760000000123"
	full := bbb.Recording{
		RecordID: id, MeetingID: "room-42", Name: "Room <42>", State: "published", Published: true,
		Start: time.UnixMilli(1_760_000_000_142).UTC(), End: time.UnixMilli(1_760_003_600_456).UTC(),
		Participants: 3, RawSize: 13_622_874,
		Meta: map[string]string{
			"meetingId": "room-42", "meetingName": "Room <42>", "isBreakout": "false", "recording": "yes", "empty": "",
		},
		Formats: []string{"podcast", "presentation"},
	}
	sample, err := os.ReadFile("testdata/getrecordings.xml")
	if err != nil {
		t.Fatal(err)
	}
	unescaped := bytes.ReplaceAll(sample, []byte("Room &lt;42&gt;"), []byte("<![CDATA[Room <42>]]>"))
	declared := append([]byte("<?xml version=\"1.0\"?>\n"), sample...)
	for _, c := range []struct {
		what string
		body []byte
		want []bbb.Recording
	}{
		{"of 3.0", sample, []bbb.Recording{full}},
		{"with CDATA", unescaped, []bbb.Recording{full}},
		{"with a declaration", declared, []bbb.Recording{full}},
		{"none", recordingsAnswer(""), nil},
		{"none at all", []byte("<response><returncode>SUCCESS</returncode><messageKey>noRecordings</messageKey></response>"), nil},
		{"hardly anything", recordingsAnswer("<recording><recordID> a </recordID></recording>"), []bbb.Recording{{RecordID: "a"}}},
		{"no ID", recordingsAnswer("<recording><name>a</name></recording>"), nil},
		{
			"names in the metadata alone",
			recordingsAnswer("<recording><recordID>a</recordID><metadata><meetingId>m</meetingId><meetingName>n</meetingName></metadata></recording>"),
			[]bbb.Recording{{RecordID: "a", MeetingID: "m", Name: "n", Meta: map[string]string{"meetingId": "m", "meetingName": "n"}}},
		},
		{
			"nonsense",
			recordingsAnswer("<recording><recordID>a</recordID><startTime>yesterday</startTime><endTime>99999999999999999</endTime>" +
				"<participants>-1</participants><rawSize>1,000</rawSize><playback><format><type>../x</type></format><type>x</type></playback></recording>"),
			[]bbb.Recording{{RecordID: "a", RawSize: 1000}},
		},
		{
			"tags that fit nowhere",
			recordingsAnswer("<recording><x></y></recordID><recordID>lost</recordID></x><recordID>a</recordID></image></recording>" +
				"<recording><recordID>b</recordID><name>n</name>"),
			[]bbb.Recording{{RecordID: "a"}, {RecordID: "b", Name: "n"}},
		},
	} {
		got, err := bbb.ParseRecordings(c.body)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.what, diff)
		}
	}
}

// What is no list is an error.
func TestParseRecordings_Fails(t *testing.T) {
	if _, err := bbb.ParseRecordings([]byte("<html>")); err == nil {
		t.Error("a web page was read")
	}
	_, err := bbb.ParseRecordings([]byte("<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey></response>"))
	if failed := asError(err); failed == nil || failed.Key != "checksumError" {
		t.Errorf("got %v", err)
	}
}

// A server is asked for many recordings in several calls, and what nobody asked for is left out.
func TestClient_Recordings(t *testing.T) {
	var asked []int
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		query, checksum := bbb.SplitChecksum(r.URL.RawQuery)
		if bbb.Verify("getRecordings", query, checksum, []bbb.Secret{secret}) != 0 || r.FormValue("state") != "any" {
			t.Errorf("called with %s", r.URL)
		}
		ids := strings.Split(r.FormValue("recordID"), ",")
		asked = append(asked, len(ids))
		list := ""
		for _, id := range append(ids, ids[0], "id-1-of-another-kind", "") {
			list += "<recording><recordID>" + id + "</recordID></recording>"
		}
		bbb.WriteXML(w, http.StatusOK, recordingsAnswer(list))
	})
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("id-%03d", i))
	}
	ids := append([]string{"", "a,b", strings.Repeat("x", 300), want[7]}, want...)
	list, err := newClient(t, s.URL).Recordings(t.Context(), ids, "any")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range list {
		got = append(got, r.RecordID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{50, 50, 20}, asked); diff != "" {
		t.Error(diff)
	}
	if none, err := newClient(t, "http://127.0.0.1:1").Recordings(t.Context(), []string{"", ","}, "any"); none != nil || err != nil {
		t.Errorf("asked for nothing: %v, %v", none, err)
	}
}

// An answer that is no list, or has no end, is the server's fault.
func TestClient_Recordings_Fails(t *testing.T) {
	for want, answer := range map[bbb.Reason]string{
		bbb.NotBBB: "<html>", bbb.TooLarge: strings.Repeat("x", 8<<20+1),
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) })
		_, err := newClient(t, s.URL).Recordings(t.Context(), []string{"a"}, "any")
		if failed := callError(t, err); failed.Reason != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { bbb.WriteError(w, bbb.ErrChecksum) })
	if _, err := newClient(t, s.URL).Recordings(t.Context(), []string{"a"}, "any"); asError(err) == nil {
		t.Errorf("got %v, want the server's own error", err)
	}
}

// However hostile the list, what is read of it can be stored, and is no larger than it was.
func FuzzRecordings(f *testing.F) {
	sample, err := os.ReadFile("testdata/getrecordings.xml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Add(bytes.ReplaceAll(sample, []byte("</"), []byte("<")))
	f.Add(bytes.ReplaceAll(sample, []byte("<"), []byte("</")))
	f.Add(bytes.ReplaceAll(sample, []byte(">"), []byte(" a='b'>")))
	f.Add([]byte("<recording><recordID>a</recordID><startTime>1</startTime>" + strings.Repeat("<x>", 20)))
	f.Fuzz(func(t *testing.T, body []byte) {
		if !bytes.HasPrefix(body, []byte("<response>")) {
			body = recordingsAnswer(string(body))
		}
		list, err := bbb.ParseRecordings(body)
		if err != nil && list != nil {
			t.Fatalf("%d recordings beside %v", len(list), err)
		}
		size := 0
		for _, r := range list {
			size += len(r.RecordID) + len(r.State)
			if r.RecordID == "" || r.Participants < 0 || r.RawSize < 0 {
				t.Fatalf("%+v in %q", r, body)
			}
			for _, at := range []time.Time{r.Start, r.End} {
				if _, err := at.MarshalJSON(); err != nil {
					t.Fatal(err)
				}
			}
			for key, value := range r.Meta {
				size += len(key) + len(value)
				if len(key) > 256 || strings.ContainsAny(key, "<>&\x00") {
					t.Fatalf("metadata %q in %q", key, body)
				}
			}
			for _, format := range r.Formats {
				size += len(format)
				if strings.ContainsAny(format, "/.") || format == "" {
					t.Fatalf("format %q in %q", format, body)
				}
			}
		}
		if size > len(body) {
			t.Fatalf("%d bytes of %d", size, len(body))
		}
	})
}
