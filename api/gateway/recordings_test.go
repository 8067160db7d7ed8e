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
			RecordID: id, Tenant: tenant, MeetingID: meetingID, Name: "Lecture <1>", State: store.Published,
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

// What is wrong with a change is said in BigBlueButton's order, and what is right is echoed.
func TestChangeRecordings_Answers(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	foreign := shelf()[0]
	foreign.RecordID, foreign.Tenant = "a3-foreign", "other"
	p.stock(foreign)
	const a1, a2 = "a1-1760000000123", "a2-1760000000124"
	large := strings.Repeat("x", 1000)
	for _, c := range []struct{ call, query, answer string }{
		{"publishRecordings", "", "missingParamRecordID"},
		{"publishRecordings", "publish=true", "missingParamRecordID"},
		{"publishRecordings", "recordID=nowhere", "missingParamPublish"},
		{"publishRecordings", "recordID=nowhere&publish=true", "notFound"},
		{"publishRecordings", "recordID=" + a1[:10] + "&publish=true", "notFound"}, // no prefix
		{"publishRecordings", "recordID=a3-foreign&publish=true", "notFound"},
		{"publishRecordings", "recordID=c1-1,d1-1&publish=true", "notFound"}, // not here yet, and here no more
		{"publishRecordings", "recordID=c1-1," + a1 + "&publish=TRUE", "<published>TRUE</published>"},
		{"publishRecordings", "recordID=" + a1 + "&publish=%3Cno%3E", "<published>&lt;no&gt;</published>"},
		{"publishRecordings", "recordID=%ff&publish=true", "notFound"},
		{"updateRecordings", "meta_a=b", "missingParamRecordID"},
		{"updateRecordings", "recordID=&meta_a=b", "missingParamRecordID"},
		{"updateRecordings", "recordID=%20&meta_a=b", "notFound"},
		{"updateRecordings", "recordID=%ff&meta_a=b", "notFound"},
		{"deleteRecordings", "recordID=%0d%0a", "notFound"},
		{"updateRecordings", "recordID=a3&meta_a=b", "notFound"},
		{"updateRecordings", "recordID=c1-1,d1-1&meta_a=b", "notFound"},
		{"updateRecordings", "recordID=a", "<updated>true</updated>"},
		{"updateRecordings", "recordID=a1&meta_a=" + strings.Repeat(large, 66), "sizeError"},
		{"deleteRecordings", "", "missingParamRecordID"},
		{"deleteRecordings", "recordID=" + a2[:10], "notFound"},
		{"deleteRecordings", "recordID=a3-foreign", "notFound"},
		{"deleteRecordings", "recordID=" + a2 + ",nowhere", "<deleted>true</deleted>"},
		{"deleteRecordings", "recordID=" + a2, "notFound"},
		{"publishRecordings", "recordID=" + a2 + "&publish=true", "notFound"},
	} {
		if a := p.call(c.call, c.query); !strings.Contains(a.body, c.answer) {
			t.Errorf("%s?%.60s: %s, want %s", c.call, c.query, a.body, c.answer)
		}
	}
}

// An update sets metadata and protection; what is bbbpool's own is nobody else's to set.
func TestUpdateRecordings(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	const a1 = "a1-1760000000123"
	for _, c := range []struct{ query, want, never string }{
		{"protect=true", "<protected>true</protected>", "<preview>"},
		{"protect=maybe", "<protected>true</protected>", "<preview>"},
		{"protect=False", "<preview>", "protected"},
		{"meta_Topic=Rust+%26+Go", "<topic>Rust &amp; Go</topic>", "XML"},
		{"meta_bbbpool-tenant=x&meta_Tenant-Id=x&meta_tenant-name=x&meta_not%2Fa%2Fname=x&Meta_a=x", "<topic>", ">x<"},
		{"meta_bbbpool-keep=true", "<bbbpool-keep>true</bbbpool-keep>", "tenant"},
		{"meta_topic=&meta_bbbpool-keep=", "<metadata>", "<topic>"},
	} {
		for _, id := range []string{a1, a1[:4]} {
			if a := p.call("updateRecordings", "recordID="+id+"&"+c.query); !strings.Contains(a.body, "<updated>true</updated>") {
				t.Errorf("%s: %s", c.query, a.body)
			}
			a := p.call("getRecordings", "recordID="+a1)
			if !strings.Contains(a.body, c.want) || strings.Contains(a.body, c.never) {
				t.Errorf("after %s: %s", c.query, a.body)
			}
		}
	}
}
