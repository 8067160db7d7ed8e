package gateway_test

import (
	"context"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// ends are the places in an answer where its golden file has a line break.
var ends = regexp.MustCompile(`(</[^>]+>)<`)

// golden compares an answer with a file.
func golden(t *testing.T, name, body string) {
	t.Helper()
	body = ends.ReplaceAllString(body, "$1\n<") + "\n"
	path := filepath.Join("testdata", name+".xml")
	if *update {
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), body); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", name, diff)
	}
}

// shelf is one recording of every kind, the oldest last.
func shelf() []store.Recording {
	end := time.UnixMilli(1_760_003_600_456)
	kinds := []store.Recording{
		{
			RecordID: "a1-1760000000123", MeetingID: "room-42", Name: "Room <42> & \x01co", State: store.Published,
			Participants: 3, RawSize: 13_622_874,
			Meta: map[string]string{
				"meetingId": "room-42", "meetingName": "Room <42>", "empty": "", "topic": "Go & \x00XML", "not a name": "x", "9": "x",
			},
			Formats: []store.Format{
				{Type: "podcast", Path: "/podcast/a1-1760000000123/audio.ogg", Length: 59*time.Minute + 59*time.Second, Size: 10},
				{
					Type: "presentation", Path: "/playback/presentation/2.3/a1-1760000000123", Length: time.Hour,
					ProcessingTime: 7177 * time.Millisecond, Size: 531_235,
					Images: []store.Image{
						{Width: 176, Height: 136, Alt: `"Welcome" & <more>`, Path: "/presentation/a1-1760000000123/thumb-1.png"},
						{Path: "/presentation/a1-1760000000123/thumb-2.png?a=1&b=2"},
					},
				},
			},
		},
		{
			RecordID: "a2-1760000000124", MeetingID: "room-43", Name: "Behind doors", State: store.Unpublished, Protected: true,
			Meta: map[string]string{"topic": "Rust"}, BreakoutRooms: []string{"b1-1", "b1-2"},
			Formats: []store.Format{{
				Type: "video", Path: "/playback/video/a2-1760000000124/", Length: 59 * time.Second, Size: 7,
				Images: []store.Image{{Path: "/video/thumb.png"}},
			}},
		},
		{
			RecordID: "b1-1", MeetingID: "room-43-1", Name: "Group 1", State: store.Published,
			Breakout: &store.Breakout{Parent: "a2-1760000000124", Sequence: 1, FreeJoin: true},
		},
		{RecordID: "c1-1", MeetingID: "room-44", Name: "Not yet", State: store.Processing, Meta: map[string]string{"topic": "Go"}},
		{RecordID: "d1-1", MeetingID: "room-45", State: store.Deleted},
	}
	for i := range kinds {
		kinds[i].Tenant = store.DefaultTenant
		kinds[i].End = end.Add(-time.Duration(i) * time.Hour)
		kinds[i].Start = kinds[i].End.Add(-time.Hour)
	}
	kinds[4].Start, kinds[4].End = time.Time{}, time.Time{}
	return kinds
}

func (p *pool) stock(recordings ...store.Recording) {
	p.tb.Helper()
	for _, r := range recordings {
		if err := p.stores.Index.CreateRecording(p.tb.Context(), r); err != nil {
			p.tb.Fatal(err)
		}
	}
}

// fetch makes a call as some front end behind a proxy does, and returns the answer whole.
func (p *pool) fetch(method, call, query, body string, header ...string) string {
	p.tb.Helper()
	target := p.http.URL + "/bigbluebutton/api/" + call
	if query != "" || body == "" {
		target = p.url(call, query)
	}
	req, err := http.NewRequestWithContext(p.tb.Context(), method, target, strings.NewReader(body))
	if err != nil {
		p.tb.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.tb.Fatal(err)
	}
	a, err := read(resp)
	if err != nil {
		p.tb.Fatal(err)
	}
	return a.body
}

// The wire format, for every kind of recording. URLs are those of whom the front end has asked.
func TestGetRecordings_Golden(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	for name, c := range map[string]struct {
		query  string
		header []string
	}{
		"getrecordings":      {"state=any", []string{"Host", "pool.test", "X-Test-Scheme", "https"}},
		"getrecordings-page": {"limit=1&offset=1", []string{"Host", "pool.test:3000"}},
		"getrecordings-none": {"meetingID=nowhere", nil},
		"getrecordings-past": {"limit=10&offset=20", nil},
	} {
		golden(t, name, p.fetch(http.MethodGet, "getRecordings", c.query, "", c.header...))
	}
}

// The URLs of formats are what the library says they are.
func TestGetRecordings_Link(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	p.gateway.RecordingCalls.Link = func(r store.Recording, f store.Format) string {
		return "/recording/" + r.RecordID + "/" + f.Type + "?token=x&y"
	}
	body := p.fetch(http.MethodGet, "getRecordings", "recordID=a2", "")
	if want := p.http.URL + "/recording/a2-1760000000124/video?token=x&amp;y</url>"; !strings.Contains(body, want) {
		t.Errorf("%s: no %s", body, want)
	}
}

// Filters select as BigBlueButton's do.
func TestGetRecordings_Filters(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	other := shelf()[0]
	other.RecordID, other.Tenant = "a3-foreign", "other"
	p.stock(other)
	for query, want := range map[string]string{
		"":                                     "a1 a2 b1",
		"state=":                               "a1 a2 b1",
		"state=,":                              "a1 a2 b1",
		"state=any":                            "a1 a2 b1 c1 d1",
		"state=deleted,any":                    "a1 a2 b1 c1 d1",
		"state=processing":                     "c1",
		"state=deleted,+published":             "a1 b1 d1",
		"state=nonsense":                       "",
		"recordID=a":                           "a1 a2",
		"recordID=a1,b":                        "a1 b1",
		"recordID=a3":                          "",
		"recordID=,":                           "",
		"recordID=&meetingID=room-42":          "a1",
		"recordID=b&meetingID=room-42":         "b1",
		"meetingID=room-42,room-43,room-45":    "a1 a2",
		"meetingID=room-4":                     "",
		"meta_topic=Rust":                      "a2",
		"meta_Topic=Rust":                      "a2",
		"meta_topic=rust":                      "",
		"meta_topic=R%25":                      "a2",
		"meta_topic=%25t":                      "a2",
		"meta_topic=%25us%25":                  "a2",
		"meta_topic=%25":                       "a1 a2",
		"meta_topic=Go%25&state=any":           "a1 c1",
		"meta_topic=Go%25&meta_none=x":         "",
		"meta_topic=%25&meetingID=room-43":     "a2",
		"meta_topic=%25&limit=1":               "a1",
		"meta_topic=%25&limit=1&offset=1":      "a2",
		"limit=2&offset=1":                     "a2 b1",
		"limit=2&offset=x":                     "a1 a2",
		"limit=2&offset=-1":                    "a1 a2",
		"limit=0&offset=1":                     "a1 a2 b1",
		"limit=101&offset=1":                   "a1 a2 b1",
		"offset=1":                             "a1 a2 b1",
		"meetingID=room-42&limit=100&offset=9": "",
	} {
		var got []string
		for _, id := range listed(p.fetch(http.MethodGet, "getRecordings", query, "")) {
			got = append(got, id[:2])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

// What is empty was not meant; what only reading has emptied asks for something that cannot be, and gets nothing.
func TestGetRecordings_Emptied(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	nameless := shelf()[0]
	nameless.RecordID, nameless.MeetingID = "e1", ""
	p.stock(shelf()[0], nameless)
	for query, want := range map[string]string{
		"recordID=":                      "a1 e1",
		"meetingID":                      "a1 e1",
		"recordID=%20":                   "",
		"recordID=+&meetingID=room-42":   "",
		"recordID=%ff":                   "",
		"record%49D=%ff":                 "",
		"%00recordID%20=%ff":             "",
		"record%49D=&recordID":           "a1 e1",
		"recordID=%ff&recordID=":         "",
		"recordID=&recordID=%ff":         "a1 e1",
		"recordID=%ff,a":                 "a1",
		"recordID=a&meetingID=%ff":       "a1",
		"meetingID=%0d%0a":               "",
		"meetingID=%0d%0a&limit=5":       "",
		"meetingID=%c3&state=any":        "",
		"meetingID=,":                    "",
		"meetingID=room-42,":             "a1",
		"meetingID=%20&recordID=":        "",
		"meetingID=%ff&meta_topic=%25&x": "",
	} {
		var got []string
		for _, id := range listed(p.fetch(http.MethodGet, "getRecordings", query, "")) {
			got = append(got, id[:2])
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	for form, want := range map[string]int{
		"recordID=": 2, "recordID=%20": 0, "meetingID=%0a": 0, "recordID=%ff": 0, "recordID= ": 0, "meetingID=\xff": 0,
	} {
		body := p.fetch(http.MethodPost, "getRecordings", "", bbb.SHA256.Sign("getRecordings", form, secret),
			"Content-Type", "application/x-www-form-urlencoded")
		if got := listed(body); len(got) != want {
			t.Errorf("form %s: got %s, want %d", form, got, want)
		}
	}
}

// asked notes what the index is asked for.
type asked struct {
	index
	filters []store.RecordingFilter
}

func (a *asked) Recordings(ctx context.Context, f store.RecordingFilter) ([]store.Recording, int, error) {
	a.filters = append(a.filters, f)
	return a.index.Recordings(ctx, f)
}

// No front end can ask for the recordings of all tenants.
func TestGetRecordings_OneTenant(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	foreign := shelf()[0]
	foreign.RecordID, foreign.Tenant = "a3-foreign", "other"
	p.stock(foreign)
	a := &asked{index: index{p.stores.Index}}
	p.gateway.RecordingCalls.Recordings = a
	for _, query := range []string{
		"", "AllTenants=true&allTenants=true&all_tenants=true&tenant=", "tenant=other", "tenant=%ff&state=any", "recordID=a&Tenant=",
		"limit=5&all=true", "meta_tenant=", "meetingID=room-42",
	} {
		if body := p.fetch(http.MethodGet, "getRecordings", query, ""); strings.Contains(body, "foreign") {
			t.Errorf("%s: %s", query, body)
		}
	}
	resp, err := p.client.Get(p.url("getRecordingTextTracks", "recordID=a3-foreign&AllTenants=true"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if len(a.filters) < 9 {
		t.Errorf("only %d questions", len(a.filters))
	}
	for _, f := range a.filters {
		if f.AllTenants || f.Tenant != store.DefaultTenant {
			t.Errorf("asked for %+v", f)
		}
	}
}

// A list of IDs that is too long for a query comes as a form.
func TestGetRecordings_Form(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	ids := "recordID=" + strings.Repeat("0123456789abcdef0123456789abcdef01234567-1760000000000,", 5000) + "a1"
	body := p.fetch(http.MethodPost, "getRecordings", "", bbb.SHA256.Sign("getRecordings", ids, secret),
		"Content-Type", "application/x-www-form-urlencoded")
	if diff := cmp.Diff([]string{"a1-1760000000123"}, listed(body)); diff != "" {
		t.Errorf("%s\n%s", diff, body)
	}
}

// Operators may switch the recordings off, or the list of all of them.
func TestGetRecordings_Settings(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*gateway.Config)
		calls  map[string]string // what the answers contain
	}{
		{"none", func(c *gateway.Config) { c.NoRecordings = true }, map[string]string{
			"getRecordings?":                              "noRecordings",
			"getRecordings?limit=5":                       "<totalElements>0</totalElements>",
			"publishRecordings?recordID=a1-1760000000123": "missingParamPublish",
			"publishRecordings?recordID=a1&publish=true":  "notFound",
			"updateRecordings?recordID=a1":                "notFound",
			"deleteRecordings?recordID=a1-1760000000123":  "notFound",
			"deleteRecordings?":                           "missingParamRecordID",
			"putRecordingTextTrack?":                      "unsupportedRequest",
			"getRecordings?meetingID=room-42&state=any":   "noRecordings",
		}},
		{"filtered", func(c *gateway.Config) { c.FilteredRecordings = true }, map[string]string{
			"getRecordings?":                  "missingParameters",
			"getRecordings?limit=5":           "missingParameters",
			"getRecordings?meta_topic=Go":     "missingParameters",
			"getRecordings?recordID=":         "missingParameters",
			"getRecordings?recordID=a1":       "a1-1760000000123",
			"getRecordings?meetingID=room-42": "a1-1760000000123",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := bare(&pool{tb: t}, settings{change: func(_ *poller.Config, config *gateway.Config) { c.change(config) }})
			p.stock(shelf()...)
			for call, want := range c.calls {
				name, query, _ := strings.Cut(call, "?")
				if body := p.fetch(http.MethodGet, name, query, ""); !strings.Contains(body, want) {
					t.Errorf("%s: %s, want %s", call, body, want)
				}
			}
		})
	}
}
