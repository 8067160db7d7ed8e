package chaos_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly/children"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// The tenant of the halls may have so much at once; more want to have halls than may.
const (
	hallSecret   = "secret-of-halls"
	scope        = "halls_" // before the IDs that servers know the tenant's meetings by
	organisers   = 4
	mostHalls    = 3
	mostPeople   = 8
	mostInOne    = 4
	limitReached = "<messageKey>tenantMeetingsReached"
)

// halls are meetings with people in them, of a tenant that may have only so many. Nobody ends them: they end by themselves once
// all have left.
type halls struct {
	*world
	load *load

	mu      sync.Mutex
	held    map[string]*hall // by meetingID, those that are open
	visited sync.Map         // internal IDs of those that somebody has come to

	opened, asked, came, refused, lost, waited, again atomic.Int64
}

// hall is a meeting that an organiser has opened.
type hall struct {
	id   string
	mu   sync.Mutex
	came map[string]int // how many people have come, at least, by internal IDs: it may have been moved, and who was in it stays
}

// newHalls adds the tenant that the halls are of, and waits until all instances know it.
func newHalls(w *world, l *load) *halls {
	w.administrate(http.MethodPost, "/api/v1/tenants", fmt.Sprintf(
		`{"id":"halls","secrets":[{"name":"first","secret":%q}],"limits":{"meetings":%d,"people":%d,"meeting_people":%d}}`,
		hallSecret, mostHalls, mostPeople, mostInOne))
	h := &halls{world: w, load: l, held: map[string]*hall{}}
	h.await("the tenant is not known", h.agree)
	return h
}

// run is one organiser: he opens a hall, people come, stay a while, and leave, and so on. The last hall stays open.
func (h *halls) run(organiser int, ends time.Time) {
	random := rand.New(rand.NewPCG(5, uint64(organiser)))
	prefix := fmt.Sprintf("hall-%d-", organiser)
	for round := 0; time.Now().Before(ends); round++ {
		one := &hall{id: prefix + fmt.Sprint(round), came: map[string]int{}}
		if h.open(one, random) {
			for n := range 1 + random.IntN(mostInOne) {
				h.come(one, fmt.Sprint(one.id, "-person-", n), random)
				h.stay(one)
				time.Sleep(time.Duration(50+random.IntN(200)) * time.Millisecond)
			}
			for range random.IntN(4) * random.IntN(4) {
				h.stay(one)
				time.Sleep(250 * time.Millisecond)
			}
			if time.Now().After(ends) {
				return
			}
			h.close(one)
		}
		h.vacate(prefix)
		time.Sleep(time.Duration(100+random.IntN(300)) * time.Millisecond)
	}
}

// create asks an instance for a hall once.
func (h *halls) create(at *instance, id string) (children.Reply, string, error) {
	params := url.Values{"meetingID": {id}, "name": {"Hall"}, "moderatorPW": {"mp"}, "attendeePW": {"ap"}}
	r, err := at.callAs(hallSecret, "create", params, 30*time.Second)
	internal := children.Element(r.Body, "internalMeetingID")
	if err == nil && internal != "" {
		h.load.made.Store(internal, id)
	}
	return r, internal, err
}

// open creates a hall, and tells whether the tenant may have it.
func (h *halls) open(one *hall, random *rand.Rand) bool {
	for range 20 {
		at := h.instances[random.IntN(len(h.instances))]
		began := time.Now()
		r, internal, err := h.create(at, one.id)
		switch {
		case err != nil: // it was dropped by one that died
		case internal != "":
			h.opened.Add(1)
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.held[one.id] = one; len(h.held) > mostHalls {
				h.load.complain("%d meetings of a tenant that may have %d", len(h.held), mostHalls)
			}
			return true
		case strings.Contains(r.Body, limitReached):
			h.refused.Add(1)
			return false
		case h.load.mayFail(at, began):
			h.load.excused.Add(1)
		default:
			h.load.complain("create %s at %s, %v after it began: %.300s", one.id, at.Name, time.Since(began), r.Body)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

// come lets somebody follow a link into a hall, and try again where that goes wrong. As front ends do, the hall is created again
// before that: it is there, or its server is gone.
func (h *halls) come(one *hall, who string, random *rand.Rand) {
	for range 5 {
		at := h.instances[random.IntN(len(h.instances))]
		switch in, told := h.join(at, one, who); {
		case in:
			return
		case told == "tenantPeopleReached":
			h.waited.Add(1)
			return
		}
		h.again.Add(1)
		_, _, _ = h.create(h.instances[random.IntN(len(h.instances))], one.id)
	}
}

// join follows one link to the server's client. It tells what the pool says where it lets nobody in.
func (h *halls) join(at *instance, one *hall, who string) (in bool, told string) {
	h.asked.Add(1)
	r, err := at.callAs(hallSecret, "join", url.Values{
		"meetingID": {one.id}, "fullName": {who}, "userID": {who}, "role": {"MODERATOR"}, "redirect": {"false"},
		"errorRedirectUrl": {"http://front.example/"},
	}, 15*time.Second)
	link := r.Header.Get("Location")
	if err != nil || link == "" {
		return false, ""
	}
	if u, err := url.Parse(link); err != nil || u.Host == "front.example" {
		for _, key := range []string{"tenantPeopleReached", "maxParticipantsReached"} {
			if strings.Contains(link, key) {
				return false, key
			}
		}
		return false, ""
	}
	page, err := children.Ask(http.MethodGet, link, nil, nil, 3*time.Second)
	internal := children.Element(page.Body, "meeting_id")
	if err != nil || internal == "" {
		h.lost.Add(1) // who knows whether he is in
		return false, ""
	}
	h.came.Add(1)
	h.visited.Store(internal, true)
	one.mu.Lock()
	defer one.mu.Unlock()
	one.came[internal]++
	return true, ""
}

// stay checks that nobody was thrown out: all who have come to a hall are in it, wherever that was.
func (h *halls) stay(one *hall) {
	one.mu.Lock()
	defer one.mu.Unlock()
	for internal, came := range one.came {
		if there := h.find(internal); there.Ended || there.People < came {
			h.load.complain("%d people have come to %s (%s), and none has left: %+v", came, one.id, internal, there)
			delete(one.came, internal)
		}
	}
}

// find is a meeting, on whatever server; an empty one where it is on none.
func (h *halls) find(internal string) simulator.Meeting {
	for _, s := range h.servers {
		if m, ok := s.Meeting(internal); ok {
			return m
		}
	}
	return simulator.Meeting{}
}

// close is the end of a hall, as far as its organiser goes.
func (h *halls) close(one *hall) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, one.id)
}

// vacate lets everybody leave the halls whose IDs begin so. What nobody ever came to has waited for long enough.
func (h *halls) vacate(prefix string) {
	for _, s := range h.servers {
		for _, m := range s.Meetings() {
			if !strings.HasPrefix(m.MeetingID, scope+prefix) || m.Ended {
				continue
			}
			if m.People > 0 {
				_ = s.Leave(m.InternalID, 0)
			} else if _, known := h.visited.Load(m.InternalID); !known && time.Since(m.Created) > time.Second {
				_ = s.End(m.InternalID) // unless it has just ended
			}
		}
	}
}

// verify looks at the halls when all is well again. What is open is as the pool says; what people leave ends; and limits are
// exact when nothing happens beside.
func (h *halls) verify() {
	h.t.Helper()
	for _, one := range h.held {
		h.stay(one)
	}
	h.await("what is listed is not what is there", h.agree)
	clear(h.held)
	h.await("halls do not end", h.gone)
	h.fill()
	h.await("what is listed is not what is there", h.agree)
	clear(h.held)
	h.await("halls do not end", h.gone)
	h.t.Logf("%d halls, %d refused; %d people came, %d may have, %d were asked to wait, %d times somebody tried again",
		h.opened.Load(), h.refused.Load(), h.came.Load(), h.lost.Load(), h.waited.Load(), h.again.Load())
}

// await waits until nothing is wrong.
func (h *halls) await(what string, wrong func() []string) {
	h.t.Helper()
	var list []string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if list = wrong(); len(list) == 0 {
			return
		}
	}
	h.t.Errorf("%s: %v", what, list)
}

// listed is what getMeetings says.
type listed struct {
	Meetings []struct {
		ID       string `xml:"meetingID"`
		Internal string `xml:"internalMeetingID"`
		People   int    `xml:"participantCount"`
	} `xml:"meetings>meeting"`
}

// agree tells where an instance lists other halls than those that are open, or other people in them than are there.
func (h *halls) agree() (wrong []string) {
	for _, at := range h.instances {
		got, err := h.list(at)
		if err != nil || len(got.Meetings) != len(h.held) {
			wrong = append(wrong, fmt.Sprintf("%s lists %+v of %d: %v", at.Name, got, len(h.held), err))
		}
		for _, m := range got.Meetings {
			if there := h.find(m.Internal); h.held[m.ID] == nil || there.People != m.People || there.MeetingID != scope+m.ID {
				wrong = append(wrong, fmt.Sprintf("%s lists %+v, there is %+v", at.Name, m, there))
			}
		}
	}
	return wrong
}

func (h *halls) list(at *instance) (got listed, err error) {
	r, err := at.callAs(hallSecret, "getMeetings", nil, 10*time.Second)
	if err != nil || children.Element(r.Body, "returncode") != "SUCCESS" {
		return got, fmt.Errorf("getMeetings: %v %.200s", err, r.Body) //nolint:errorlint // there may be none
	}
	return got, xml.Unmarshal([]byte(r.Body), &got)
}

// gone lets everybody leave, and tells which halls are still there, or are thought to be.
func (h *halls) gone() (wrong []string) {
	h.vacate("hall-")
	for _, s := range h.servers {
		for _, m := range s.Meetings() {
			if strings.HasPrefix(m.MeetingID, scope+"hall-") {
				wrong = append(wrong, s.ID()+" has "+m.MeetingID)
			}
		}
	}
	if used := h.used(); used.Meetings > 0 || used.People > 0 {
		wrong = append(wrong, fmt.Sprintf("%d meetings and %d people are counted", used.Meetings, used.People))
	}
	return append(wrong, h.agree()...)
}

// used is what counts against the tenant's limits.
func (h *halls) used() v1.TenantUse {
	h.t.Helper()
	var t v1.Tenant
	if err := json.Unmarshal([]byte(h.administrate(http.MethodGet, "/api/v1/tenants/halls", "")), &t); err != nil {
		h.t.Error(err)
	}
	return t.Used
}

// fill takes all that the tenant may have, and checks that no instance gives more.
func (h *halls) fill() {
	h.t.Helper()
	at := func(n int) *instance { return h.instances[n%len(h.instances)] }
	for n := range mostHalls {
		one := &hall{id: fmt.Sprint("hall-full-", n), came: map[string]int{}}
		if r, internal, err := h.create(at(n), one.id); err != nil || internal == "" {
			h.t.Errorf("create %s of %d: %v %.300s", one.id, mostHalls, err, r.Body)
			return
		}
		h.held[one.id] = one
	}
	for n := range mostPeople {
		one := h.held[fmt.Sprint("hall-full-", n%mostHalls)]
		// Who was on his way when a poll began that sees him counts twice until the next one.
		h.await("not everybody may come", func() []string {
			if in, told := h.join(at(n), one, fmt.Sprint("guest-", n)); !in {
				return []string{fmt.Sprintf("person %d of %d: %s", n+1, mostPeople, told)}
			}
			return nil
		})
	}
	h.await("not everybody counts once", func() []string {
		if used := h.used(); used.People != mostPeople {
			return []string{fmt.Sprint(used.People)}
		}
		return h.agree()
	})
	h.beyond()
}

// beyond checks that no instance gives more than there is.
func (h *halls) beyond() {
	h.t.Helper()
	for n, in := range h.instances {
		if r, _, err := h.create(in, "hall-beyond"); err != nil || !strings.Contains(r.Body, limitReached) {
			h.t.Errorf("create beyond the limit: %v %.300s", err, r.Body)
		}
		if in, told := h.join(in, h.held["hall-full-0"], fmt.Sprint("beyond-", n)); in || told == "" {
			h.t.Errorf("one more than may come: %v %q", in, told)
		}
	}
}

// counted looks at what the history says of halls: all ended, or had moved away, and no join counts that was not made.
func (h *halls) counted(db store.Index) {
	h.t.Helper()
	past, err := db.SessionsSince(context.Background(), time.Time{}, "", 1_000_000)
	if err != nil {
		h.t.Error(err)
	}
	reasons, joins := map[string]int{}, 0
	for _, s := range past {
		if s.Tenant != "halls" {
			continue
		}
		joins += s.Joins
		reasons[s.Reason]++
		if s.Reason != "ended" && s.Reason != "gone" && s.Reason != "moved" {
			h.t.Errorf("a hall was closed: %+v", s)
		}
	}
	if asked := int(h.asked.Load()); joins > asked {
		h.t.Errorf("%d joins were counted of %d", joins, asked)
	}
	h.t.Logf("halls were closed as %v, with %d joins of %d", reasons, joins, h.asked.Load())
}
