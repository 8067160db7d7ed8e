package assembly_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// neighbours are three tenants of one pool that have the same meetings, and people by the same names. What is one's alone
// has his mark in it.
type neighbours struct {
	t    *testing.T
	pool *assembly.Pool
	log  *logbook
	all  []*neighbour
}

// neighbour is one of them.
type neighbour struct {
	id, mark string
	secret   bbb.Secret
	internal map[string]string // his meetings: the servers' IDs by his own
	records  []string          // his recordings
}

// rooms are the meetings that everybody has; those with an odd number are over, and recorded.
var rooms = []string{"room-1", "room-2", "room-3", "room 4/ä+[x]", "room-5", strings.Repeat("long-", 51)}

// logbook collects a log, line by line.
type logbook struct {
	mu    sync.Mutex
	lines []string
}

func (l *logbook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(line))
	return len(line), nil
}

// of returns the lines about a tenant.
func (l *logbook) of(tenant string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(line string) bool {
		return !strings.Contains(line, `"tenant":"`+tenant+`"`)
	})
}

// moveIn makes a pool over two servers, its tenants, and what each of them has.
func moveIn(t *testing.T) *neighbours {
	t.Helper()
	n := &neighbours{t: t, log: &logbook{}, all: []*neighbour{
		{id: "alpha", mark: "Qalphaq", secret: "secret-of-alpha"},
		{id: "beta", mark: "Qbetaq", secret: "secret-of-beta"},
		{id: store.DefaultTenant, mark: "Qdefaultq", secret: secret},
	}}
	o := options(t)
	o.Log = zerolog.New(n.log)
	o.Settings.Poller.Interval = 200 * time.Millisecond
	o.Settings.HTTP.PublicURL = ""
	sim, err := simulator.New(simulator.Config{
		Servers: 2, SpoolDir: filepath.Join(o.Data, "recordings", "spool"), Life: simulator.Settings{Linger: 50 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	enlist(t, o.Data, sim.Servers(), n.all[:2])
	n.pool = open(t, o)
	run(t, n.pool)
	ready(t, n.pool)
	for _, one := range n.all {
		n.settle(one)
	}
	for _, one := range n.all {
		n.await(one, "recordings", func() bool { n.learn(one); return len(one.records) == len(rooms)/2 })
	}
	return n
}

// enlist writes servers and tenants into the store of a pool that is not open yet.
func enlist(t *testing.T, data string, servers []*simulator.Server, tenants []*neighbour) {
	t.Helper()
	stores, err := driver.Open(driver.Config{Data: data, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	for _, s := range servers {
		err := stores.State.CreateServer(t.Context(), store.Server{
			ID: s.ID(), URL: s.URL(), Secret: store.Secret(s.Secret()), State: store.Enabled, Weight: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range tenants {
		_, err := stores.State.CreateTenant(t.Context(), store.Tenant{
			ID: one.id, Name: one.id, Scoped: true, Secrets: []store.TenantSecret{{Name: "first", Secret: store.Secret(one.secret)}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// ask makes a call as a neighbour, and returns the answer with its headers.
func (n *neighbours) ask(one *neighbour, call string, params url.Values) string {
	n.t.Helper()
	target := "http://" + n.pool.Addr() + "/bigbluebutton/api/" + call + "?" + bbb.SHA256.Sign(call, params.Encode(), one.secret)
	method := http.MethodGet
	var body io.Reader
	if call == "insertDocument" {
		method, body = http.MethodPost, strings.NewReader(`<modules><module name="presentation"/></modules>`)
	}
	req, err := http.NewRequestWithContext(n.t.Context(), method, target, body)
	if err != nil {
		n.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/xml")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return fmt.Sprintf("%d %s\n%s", resp.StatusCode, resp.Header.Get("Location"), text)
}

// settle creates a neighbour's meetings, lets the same people in everywhere, and ends those that are to be over.
func (n *neighbours) settle(one *neighbour) {
	one.internal = map[string]string{}
	for i, room := range rooms {
		said := n.ask(one, "create", url.Values{
			"meetingID": {room}, "name": {one.mark + " lesson"}, "welcome": {one.mark}, "record": {fmt.Sprint(i%2 == 1)},
			"moderatorPW": {"mod-" + one.mark}, "attendeePW": {"att-" + one.mark}, "meta_note": {one.mark}, "voiceBridge": {fmt.Sprint(70000 + i)},
		})
		if !strings.Contains(said, "SUCCESS") {
			n.t.Fatalf("%s creates %s: %s", one.id, room, said)
		}
		one.internal[room] = element(said, "internalMeetingID")
		if got := element(said, "meetingID"); got != escapedXML(room) {
			n.t.Errorf("%s created %q, and is told %q", one.id, room, got)
		}
		follow(n.t, n.ask(one, "join", url.Values{
			"meetingID": {room}, "fullName": {"Ada Overlap"}, "userID": {"ada"}, "role": {"MODERATOR"}, "redirect": {"true"},
		}))
		if i%2 == 1 {
			n.ask(one, "end", url.Values{"meetingID": {room}, "password": {"mod-" + one.mark}})
		}
	}
}

// follow goes where a join sends a browser.
func follow(t *testing.T, said string) {
	t.Helper()
	target, _, _ := strings.Cut(strings.TrimPrefix(said, "302 "), "\n")
	resp, err := http.Get(target)
	if err != nil {
		t.Fatalf("join: %v\n%s", err, said)
	}
	_ = resp.Body.Close()
}

// element is the content of the first element by a name.
func element(text, name string) string {
	_, rest, _ := strings.Cut(text, "<"+name+">")
	inner, _, _ := strings.Cut(rest, "</"+name+">")
	return inner
}

func escapedXML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(s)
}

// learn finds out which recordings a neighbour has.
func (n *neighbours) learn(one *neighbour) {
	one.records = nil
	said := n.ask(one, "getRecordings", url.Values{})
	for _, part := range strings.Split(said, "<recording>")[1:] {
		one.records = append(one.records, element(part, "recordID"))
	}
}

func (n *neighbours) await(one *neighbour, what string, met func() bool) {
	n.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !met(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			n.t.Fatalf("%s: no %s: %s", one.id, what, n.ask(one, "getRecordings", url.Values{}))
		}
	}
}

// others are the neighbours of one.
func (n *neighbours) others(one *neighbour) []*neighbour {
	return slices.DeleteFunc(slices.Clone(n.all), func(other *neighbour) bool { return other == one })
}

// holds checks that what somebody got has nothing of his neighbours in it.
func (n *neighbours) holds(one *neighbour, what, said string) {
	n.t.Helper()
	for _, other := range n.others(one) {
		forbidden := append([]string{other.mark}, other.records...)
		for _, internal := range other.internal {
			forbidden = append(forbidden, internal)
		}
		for _, word := range forbidden {
			if strings.Contains(said, word) && !strings.Contains(what, word) {
				n.t.Errorf("%s sees %q of %s in the answer to %s:\n%.2000s", one.id, word, other.id, what, said)
			}
		}
	}
	if strings.Contains(said, one.id+"_room") || strings.Contains(said, "bbbpool-tenant") || strings.Contains(said, bbb.IDKey) {
		n.t.Errorf("%s sees what is between the pool and its servers in the answer to %s:\n%.2000s", one.id, what, said)
	}
}

// strangeIDs are all by which one could get at what is another's meeting.
func (n *neighbours) strangeIDs(one *neighbour) (list []string) {
	for _, other := range n.others(one) {
		for room, internal := range other.internal {
			list = append(list, internal, bbb.Alias(other.id, room), other.id+"_"+room)
		}
	}
	tooLong := func(id string) bool { return bbb.CheckMeetingID(id) != nil } // which is told of any
	return append(slices.DeleteFunc(list, tooLong), "no-such-room")
}

// strangeRecords are the IDs, and the beginnings of IDs, of what is another's recording.
func (n *neighbours) strangeRecords(one *neighbour) (list []string) {
	for _, other := range n.others(one) {
		for _, id := range other.records {
			list = append(list, id, id[:40], strings.Join(other.records, ","))
		}
	}
	return append(list, "no-such-recording")
}

// Three tenants with the same meetingIDs and people by the same names see nothing of one another, whatever they call with
// whatever IDs: not in answers, not in what an answer that finds nothing looks like, not in the log.
func TestTenants_Isolated(t *testing.T) {
	n := moveIn(t)
	before := n.picture()
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, one := range n.all {
		meetings, records := n.strangeIDs(one), n.strangeRecords(one)
		slices.Sort(meetings)
		slices.Sort(records)
		for range rounds {
			n.trespass(one, random, meetings, records)
		}
	}
	for _, one := range n.all {
		for _, line := range n.log.of(one.id) {
			for _, other := range n.others(one) {
				if strings.Contains(line, other.mark) || strings.Contains(line, `"tenant":"`+other.id+`"`) {
					t.Errorf("a line of the log of %s: %s", one.id, line)
				}
			}
		}
	}
	for _, one := range n.all {
		for _, id := range one.records {
			_, page := get(t, n.pool.Addr(), "/presentation/"+id+"/metadata.xml")
			n.holds(one, "metadata.xml of "+id, page)
			if !strings.Contains(page, one.mark) {
				t.Errorf("metadata.xml of %s: %s", id, page)
			}
		}
	}
	if after := n.picture(); !bytes.Equal(before, after) {
		t.Errorf("something of somebody's has changed:\n%s\n%s", before, after)
	}
}

// trespass makes one call of a neighbour that is about what is another's.
func (n *neighbours) trespass(one *neighbour, random *rand.Rand, meetings, records []string) {
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	meeting, record := pick(meetings), pick(records)
	calls := []struct {
		call   string
		params url.Values
		like   string // the parameter whose value could be any other
	}{
		{"getMeetingInfo", url.Values{"meetingID": {meeting}}, "meetingID"},
		{"isMeetingRunning", url.Values{"meetingID": {meeting}}, "meetingID"},
		{"end", url.Values{"meetingID": {meeting}, "password": {pick([]string{"", "x", "mod-" + n.others(one)[0].mark})}}, "meetingID"},
		{"join", url.Values{"meetingID": {meeting}, "fullName": {"Ada Overlap"}, "role": {"MODERATOR"}}, "meetingID"},
		{"insertDocument", url.Values{"meetingID": {meeting}}, ""},
		{"sendChatMessage", url.Values{"meetingID": {meeting}, "message": {"hello"}}, "meetingID"},
		{"callOfTomorrow", url.Values{"meetingID": {meeting}}, "meetingID"},
		{"create", url.Values{
			"meetingID": {"sub"}, "name": {"sub room"}, "isBreakout": {"true"}, "parentMeetingID": {meeting}, "sequence": {"1"},
		}, "parentMeetingID"},
		{"getMeetings", url.Values{"meetingID": {meeting}}, ""},
		{"getSessions", url.Values{}, ""},
		{"getRecordings", url.Values{"recordID": {record}}, "recordID"},
		{"getRecordings", url.Values{"meetingID": {meeting}}, "meetingID"},
		{"getRecordings", url.Values{"state": {"any"}, "meta_note": {"%" + n.others(one)[0].mark + "%"}}, ""},
		{"publishRecordings", url.Values{"recordID": {record}, "publish": {"false"}}, "recordID"},
		{"deleteRecordings", url.Values{"recordID": {record}}, "recordID"},
		{"updateRecordings", url.Values{"recordID": {record}, "meta_note": {"mine"}}, "recordID"},
		{"getRecordingTextTracks", url.Values{"recordID": {record}}, "recordID"},
	}
	c := calls[random.IntN(len(calls))]
	what := c.call + " " + c.params.Encode()
	said := n.ask(one, c.call, c.params)
	n.holds(one, what, said)
	if c.like == "" {
		return
	}
	unknown := "unknown-to-all"
	params := maps.Clone(c.params)
	given := c.params.Get(c.like)
	params.Set(c.like, unknown)
	plain := func(text, id string) string {
		return strings.NewReplacer(id, "ID", url.QueryEscape(id), "ID", escapedXML(id), "ID").Replace(text)
	}
	if same := n.ask(one, c.call, params); plain(said, given) != plain(same, unknown) {
		n.t.Errorf("%s: %s\nis told\n%.1000s\nand of what nobody has\n%.1000s", one.id, what, said, same)
	}
}

// picture is what every neighbour has, in his own words.
func (n *neighbours) picture() []byte {
	var b bytes.Buffer
	for _, one := range n.all {
		for _, room := range rooms {
			said := n.ask(one, "getMeetingInfo", url.Values{"meetingID": {room}})
			n.holds(one, "getMeetingInfo "+room, said)
			fmt.Fprintln(&b, one.id, room, element(said, "internalMeetingID"), element(said, "meetingName"), element(said, "participantCount"))
		}
		said := n.ask(one, "getRecordings", url.Values{"state": {"any"}})
		n.holds(one, "getRecordings", said)
		fmt.Fprintln(&b, said)
		n.holds(one, "getMeetings", n.ask(one, "getMeetings", url.Values{}))
	}
	return b.Bytes()
}
