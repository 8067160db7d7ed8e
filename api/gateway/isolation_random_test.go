package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// resident is a tenant of the random test, with what must never be told to another.
type resident struct {
	tenant

	live    map[string]string // internal IDs of its meetings, by their IDs
	secrets []string          // texts that are its own: internal IDs, names, recordings
}

// Three tenants call their meetings and recordings by the same IDs, and make a thousand random calls each: about what they
// have, and what others have. Each hears of its own, and no word of another's.
func TestIsolation_Random(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2, called: ourAddress})
	a, b, c := p.faculties(func(t *store.Tenant) { t.Scoped = true })
	var residents []*resident
	for _, f := range []tenant{a, b, c} {
		r := &resident{tenant: f, live: map[string]string{}, secrets: []string{"Room-of-" + f.id, "rec-of-" + f.id, "front-of-" + f.id}}
		residents = append(residents, r)
		p.stock(store.Recording{
			RecordID: "rec-of-" + f.id, Tenant: f.id, MeetingID: "room-1", Name: "Room-of-" + f.id, State: store.Published,
			Start: time.UnixMilli(1e12), End: time.UnixMilli(1e12),
		})
	}
	calls := 1000
	if testing.Short() {
		calls = 100
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for range calls {
		for _, r := range residents {
			body := r.step(draw, residents[draw.IntN(len(residents))])
			for _, other := range residents {
				if other == r {
					continue
				}
				for _, text := range other.secrets {
					if strings.Contains(body, text) {
						t.Fatalf("%s is told of %s of %s: %s", r.id, text, other.id, body)
					}
				}
			}
		}
	}
}

// step makes a random call, about what another has or may have, and checks the answer against what the tenant has itself.
func (r *resident) step(draw *rand.Rand, other *resident) (body string) {
	id := fmt.Sprintf("room-%d", 1+draw.IntN(4))
	about := "meetingID=" + id
	has := r.live[id] != ""
	expect := func(a answer, success bool) string {
		if (a.Returncode == "SUCCESS") != success {
			r.tb.Errorf("%s, which has %v, asks for %s: %s", r.id, r.live, id, a.body)
		}
		return a.body
	}
	switch draw.IntN(12) {
	case 0, 1:
		a := r.call("create", about+"&name=Room-of-"+r.id+"&attendeePW=ap&moderatorPW=mp-"+r.id+backAt("https://front-of-"+r.id))
		if has && a.InternalID != r.live[id] {
			r.tb.Errorf("%s: the create of %s again is another meeting, %s: %s", r.id, id, r.live[id], a.body)
		}
		r.live[id] = a.InternalID
		r.secrets = append(r.secrets, a.InternalID)
		return expect(a, true)
	case 2:
		a := r.call("getMeetingInfo", about)
		if has && a.InternalID != r.live[id] {
			r.tb.Errorf("%s: %s is %s: %s", r.id, id, r.live[id], a.body)
		}
		return expect(a, has)
	case 3:
		a := r.call("end", about+"&password=mp-"+other.id)
		if has { // else it may have been ended just now, which is answered in the same way
			expect(a, other == r)
		}
		if other == r {
			delete(r.live, id)
		}
		return a.body
	case 4:
		return expect(r.call("isMeetingRunning", about), true)
	case 5:
		return expect(r.call("insertDocument", about), has)
	case 6:
		return r.call("sendChatMessage", about+"&message=hello").body // which needs somebody in the meeting
	case 7:
		return r.call([]string{"getMeetings", "getSessions"}[draw.IntN(2)], "").body
	case 8:
		return r.joined(about, has)
	case 9:
		return r.call("getRecordings", []string{"", about, "recordID=rec-of-" + other.id, "recordID=rec"}[draw.IntN(4)]).body
	case 10:
		call := []string{"publishRecordings", "updateRecordings"}[draw.IntN(2)]
		return expect(r.call(call, "publish=true&meta_x=y&recordID=rec-of-"+other.id), other == r)
	}
	if internal := other.live[id]; internal != "" && other != r { // it knows what it should not
		body = r.call("getMeetingInfo", "meetingID="+url.QueryEscape(internal)).body
		body += r.call("end", "password=mp-"+other.id+"&meetingID="+url.QueryEscape(other.id+"_"+id)).body
		if strings.Contains(body, "SUCCESS") {
			r.tb.Errorf("%s gets at %s of %s: %s", r.id, id, other.id, body)
		}
	}
	return body
}

// joined is where a join leads, but for the server.
func (r *resident) joined(about string, has bool) string {
	resp, err := r.client.Get(r.url("join", about+"&fullName=Ada&role=VIEWER"))
	if err != nil {
		r.tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	to, err := resp.Location()
	if err != nil || resp.StatusCode != http.StatusFound {
		r.tb.Fatalf("join: status %d, %v", resp.StatusCode, err)
	}
	if leads := to.Query().Get("errors") == ""; leads != has {
		r.tb.Errorf("%s, which has %v: the join leads to %s", r.id, r.live, to)
	}
	return to.String()
}
