package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// record puts recordings of a room into the index, the newest last.
func (p *pool) record(tenant, meetingID string, n int) (ids []string) {
	p.tb.Helper()
	for i := range n {
		start := time.UnixMilli(1_760_000_000_000).Add(time.Duration(i) * time.Hour)
		id := fmt.Sprintf("%040x-%d", i, start.UnixMilli())
		err := p.stores.Index.CreateRecording(p.tb.Context(), store.Recording{
			RecordID: id, Tenant: tenant, MeetingID: meetingID, Name: "Lecture <1>", State: "published", Published: true,
			Start: start, End: start.Add(time.Hour), Participants: 3,
			Meta:    map[string]string{"meetingname": "Lecture", "not a name": "dropped"},
			Formats: []store.Format{{Type: "presentation", Path: "/playback/presentation/2.3/" + id, Length: 59*time.Minute + time.Second}},
		})
		if err != nil {
			p.tb.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// What is in the index is answered in BigBlueButton's form: newest first, by page, and only the tenant's.
func TestGetRecordings(t *testing.T) {
	p := start(t, settings{servers: 1})
	ids := p.record(store.DefaultTenant, "room", 3)
	for _, c := range []struct {
		query    string
		want     []string // record IDs, in this order
		contains string
	}{
		{"", []string{ids[2], ids[1], ids[0]}, "<length>59</length>"},
		{"meetingID=room", []string{ids[2], ids[1], ids[0]}, "<name>Lecture &lt;1&gt;</name>"},
		{"meetingID=other", nil, "noRecordings"},
		{"recordID=" + ids[1], []string{ids[1]}, "/playback/presentation/2.3/" + ids[1]},
		{"recordID=" + ids[0] + "," + ids[2], []string{ids[2], ids[0]}, ""},
		{"recordID=" + ids[0] + ",", []string{ids[0]}, ""}, // an empty element selects nothing
		{"state=unpublished", nil, "noRecordings"},
		{"state=any", []string{ids[2], ids[1], ids[0]}, "<metadata><meetingname>Lecture</meetingname></metadata>"},
		{"offset=1&limit=1", []string{ids[1]}, "<totalElements>3</totalElements>"},
		{"limit=1000", []string{ids[2], ids[1], ids[0]}, ""},
	} {
		a := p.call("getRecordings", c.query)
		var got []string
		for _, part := range strings.Split(a.body, "<recordID>")[1:] {
			id, _, _ := strings.Cut(part, "<")
			got = append(got, id)
		}
		if a.Returncode != "SUCCESS" || strings.Join(got, " ") != strings.Join(c.want, " ") || !strings.Contains(a.body, c.contains) {
			t.Errorf("%s: %s", c.query, a.body)
		}
	}
}

// Publishing, editing and deleting work on lists of IDs, and on nobody else's recordings.
func TestChangeRecordings(t *testing.T) {
	p := start(t, settings{servers: 1})
	ids := p.record(store.DefaultTenant, "room", 2)
	for _, c := range []struct{ call, query, answer, check, contains string }{
		{"publishRecordings", "recordID=" + ids[0] + ",unknown&publish=false", "<published>false</published>", "state=unpublished", ids[0]},
		{"publishRecordings", "recordID=" + ids[0] + "&publish=true", "<published>true</published>", "state=published", ids[0]},
		{"updateRecordings", "recordID=" + ids[1] + "&meta_Topic=Go&meta_meetingName=", "<updated>true</updated>", "recordID=" + ids[1], "<metadata><topic>Go</topic></metadata>"},
		{"deleteRecordings", "recordID=" + ids[1], "<deleted>true</deleted>", "state=deleted", ids[1]},
		{"deleteRecordings", "recordID=" + ids[1], "notFound", "state=published", ids[0]},
	} {
		if a := p.call(c.call, c.query); !strings.Contains(a.body, c.answer) {
			t.Errorf("%s?%s: %s", c.call, c.query, a.body)
		}
		if a := p.call("getRecordings", c.check); !strings.Contains(a.body, c.contains) {
			t.Errorf("after %s?%s: %s", c.call, c.query, a.body)
		}
	}
}

// Text tracks are answered in JSON.
func TestTextTracks(t *testing.T) {
	p := start(t, settings{servers: 1})
	for _, c := range []struct{ query, want string }{
		{"recordID=unknown", `"messageKey":"noRecordings"`},
		{"recordID=" + p.record(store.DefaultTenant, "room", 1)[0], `"messageKey":"noCaptionsFound"`},
	} {
		resp, err := p.client.Get(p.url("getRecordingTextTracks", c.query))
		if err != nil {
			t.Fatal(err)
		}
		body := new(strings.Builder)
		_ = resp.Write(body)
		_ = resp.Body.Close()
		if !strings.Contains(body.String(), c.want) {
			t.Errorf("%s: %s", c.query, body)
		}
	}
}
