// Package site_test moves a whole site of Scalelite's in and out: the real pool is put on what a real Scalelite has left, is
// served from and changed, and what it leaves is read by Scalelite's rules.
package site_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
	"github.com/bbbpool/bbbpool/store/storetest/scalelite"
)

const fixture = "../../../testdata/scalelite"

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// site is a site of Scalelite's, with simulated servers in the place of those that it had.
type site struct {
	t               *testing.T
	redis, postgres string
	simulated       []*simulator.Server
	pool            *assembly.Pool
	stop            func()
	secrets         map[string]string // of tenants, by their names
	before          scalelite.Site
	dataDir         string
}

// simulate runs servers until the test ends.
func simulate(t *testing.T, n int, secret bbb.Secret) []*simulator.Server {
	t.Helper()
	sim, err := simulator.New(simulator.Config{
		Servers: n, Secret: secret, Life: simulator.Settings{NeverJoined: time.Hour, Deserted: time.Hour, Linger: 50 * time.Millisecond},
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
	return sim.Servers()
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+/bigbluebutton/api`)

// moveIn loads what the real Scalelite has left, with servers that are there, which have the meetings that they had.
func moveIn(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, redis: servers.Redis(t).URL(), postgres: servers.Postgres(t).URL(t), simulated: simulate(t, 6, "simsecret0123")}
	s.secrets = map[string]string{"alpha": "alpha-secret-two-0123456789", "beta": "beta-secret-0123456789abcdef"}
	places := map[string]string{}
	err := scalelite.LoadRedis(t.Context(), s.redis, fixture, func(line []byte) []byte {
		return address.ReplaceAllFunc(line, func(was []byte) []byte {
			if places[string(was)] == "" {
				places[string(was)] = s.simulated[len(places)].URL()
			}
			return []byte(places[string(was)])
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := scalelite.LoadPostgres(t.Context(), s.postgres, fixture); err != nil {
		t.Fatal(err)
	}
	s.before = s.read()
	s.attend()
	return s
}

// attend has servers hold the meetings that Scalelite's records say are there.
func (s *site) attend() {
	for id, m := range s.before.Meetings {
		number := id[strings.LastIndex(id, "-")+1:]
		s.ask(s.before.Servers[m.Server].URL+"/create?"+bbb.SHA256.Sign("create", url.Values{
			"meetingID": {id}, "name": {"Kurs " + number}, "moderatorPW": {m.Moderator}, "attendeePW": {"ap" + number},
			"voiceBridge": {m.Bridge}, "meta_tenant-id": {m.Tenant}, "meta_tenant-name": {s.before.Tenants[m.Tenant].Name},
		}.Encode(), "simsecret0123"), "")
	}
}

func (s *site) read() scalelite.Site {
	s.t.Helper()
	found, err := scalelite.Read(s.t.Context(), s.redis, "scalelite", s.postgres)
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// ask gets a page, as it is asked for by the name of a host.
func (s *site) ask(address, host string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Host = cmp.Or(host, req.Host)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%d %s %s", resp.StatusCode, resp.Header.Get("Location"), body)
}

// call is a call of a tenant's front end, by its own host.
func (s *site) call(tenant, call string, params url.Values) string {
	s.t.Helper()
	query := bbb.SHA256.Sign(call, params.Encode(), bbb.Secret(s.secrets[tenant]))
	return s.ask("http://"+s.pool.Addr()+"/bigbluebutton/api/"+call+"?"+query, tenant+".pool.example.edu")
}

// serve puts a pool on the site, with the environment that Scalelite had.
func (s *site) serve(changes ...func(*assembly.Settings)) {
	s.t.Helper()
	set, err := assembly.Defaults()
	if err != nil {
		s.t.Fatal(err)
	}
	set.HTTP.Listen, set.HTTP.Multitenancy, set.HTTP.PoolHost = "127.0.0.1:0", "true", "pool.example.edu"
	set.Instances.Listen, set.Instances.Address, set.Instances.Lease = "127.0.0.1:0", "127.0.0.1:1", time.Second
	set.Recordings.Protect = true
	set.Gateway.Secret = "loadbalancer-secret"
	set.Stores.RedisURL, set.Stores.DatabaseURL = store.Secret(s.redis), store.Secret(s.postgres)
	for _, change := range changes {
		change(&set)
	}
	s.dataDir = filepath.Join(s.t.TempDir(), "data")
	s.pool, err = assembly.Open(s.t.Context(), assembly.Options{Settings: set, Data: s.dataDir, Log: zerolog.Nop()})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.pool.Run(ctx) }()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	}
	s.await("readiness", func() bool { return strings.HasPrefix(s.ask("http://"+s.pool.Addr()+"/readyz", ""), "200") })
}

// await waits until something is met; say tells what is there instead, where it never is.
func (s *site) await(what string, met func() bool, say ...func() string) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !met(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			for _, tell := range say {
				what += "\n" + tell()
			}
			s.t.Fatalf("no %s", what)
		}
	}
}

// listed is what a tenant's front end is told of its recordings.
func (s *site) listed(tenant string, params url.Values) (all []string) {
	s.t.Helper()
	_, body, _ := strings.Cut(s.call(tenant, "getRecordings", params), "<response>")
	list, err := scalelite.ReadListed("<response>" + body)
	if err != nil {
		s.t.Fatalf("%v: %s", err, body)
	}
	for _, l := range list {
		all = append(all, l.String())
	}
	return all
}

// meetingIDs are those in an answer to getMeetings.
func meetingIDs(answer string) (ids []string) {
	for _, m := range regexp.MustCompile(`<meetingID>([^<]*)</meetingID>`).FindAllStringSubmatch(answer, -1) {
		ids = append(ids, m[1])
	}
	slices.Sort(ids)
	return ids
}

// A pool on what a real Scalelite has left answers as that did, tenant by tenant and recording by recording; what it has
// changed, and all that it has not, is there for Scalelite to go on with.
func TestThereAndBack(t *testing.T) {
	s := moveIn(t)
	s.serve()
	answers, err := scalelite.Answers(fixture)
	if err != nil {
		t.Fatal(err)
	}
	for tenant := range s.secrets {
		for _, params := range []string{"{}", `{"state": "any"}`} {
			want, err := scalelite.ReadListed(answers[tenant+" getRecordings "+params])
			if err != nil {
				t.Fatal(err)
			}
			var told []string
			for _, l := range want {
				told = append(told, l.String())
			}
			asked := url.Values{}
			if params != "{}" {
				asked.Set("state", "any")
			}
			if diff := gocmp.Diff(told, s.listed(tenant, asked)); diff != "" {
				t.Errorf("recordings of %s %s (-want +got):\n%s", tenant, params, diff)
			}
		}
		ended := func(id string) bool { return id == "alpha-room-1" } // its server told of it for a while
		want := slices.DeleteFunc(meetingIDs(answers[tenant+" getMeetings {}"]), ended)
		var got []string
		s.await("meetings of "+tenant, func() bool {
			got = meetingIDs(s.call(tenant, "getMeetings", nil))
			return slices.Equal(got, want)
		}, func() string { return gocmp.Diff(want, got) })
	}
	s.stop()
	if diff := gocmp.Diff(s.handedBack(), s.read()); diff != "" {
		t.Errorf("who has changed nothing has changed (-want +got):\n%s", diff)
	}
}

// handedBack is what was there before, with the servers as the pool saw them last: all their meetings, and nobody in them.
func (s *site) handedBack() scalelite.Site {
	want, meetings := s.before, map[string]int{}
	for _, m := range want.Meetings {
		meetings[m.Server]++
	}
	want.Servers = maps.Clone(want.Servers)
	for id, server := range want.Servers {
		if server.Load != nil {
			server.Load, server.Meetings, server.Users = new(float64), meetings[id], 0
		}
		want.Servers[id] = server
	}
	return want
}

// What is changed is changed in Scalelite's own records, as it would have done, and nothing else is.
func TestThereAndBack_Changed(t *testing.T) {
	s := moveIn(t)
	s.serve()
	want := s.before
	alpha := "166dd60f-ea11-48af-a15d-94ca449ebf27"
	s.says("again", s.call("alpha", "create", url.Values{"meetingID": {"alpha-room-2"}, "name": {"Kurs 2"}, "moderatorPW": {"mp2"}, "attendeePW": {"ap2"}}),
		"<returncode>SUCCESS", "<messageKey>duplicateWarning", "<internalMeetingID>")
	s.says("new", s.call("alpha", "create", url.Values{
		"meetingID": {"new-room"}, "name": {"New"}, "moderatorPW": {"mpn"}, "attendeePW": {"apn"}, "voiceBridge": {"765432109"},
	}), "<returncode>SUCCESS")
	s.says("stranger", s.call("beta", "getMeetingInfo", url.Values{"meetingID": {"new-room"}}), "<messageKey>notFound")
	s.says("end", s.call("alpha", "end", url.Values{"meetingID": {"alpha-room-4"}, "password": {"mp4"}}), "<returncode>SUCCESS")
	records := map[string]string{} // by what is done to them
	for _, l := range s.listed("alpha", url.Values{}) {
		for _, what := range []string{"unpublish", "edit", "delete"} {
			if id, _, _ := strings.Cut(l, " "); records[what] == "" && !slices.Contains(values(records), id) {
				records[what] = id
			}
		}
	}
	s.says("unpublish", s.call("alpha", "publishRecordings", url.Values{"recordID": {records["unpublish"]}, "publish": {"false"}}), "SUCCESS")
	s.says("edit", s.call("alpha", "updateRecordings", url.Values{
		"recordID": {records["edit"]}, "meta_bbb-context": {"other"}, "meta_leer": {""}, "meta_note": {"more"},
	}), "SUCCESS")
	s.says("delete", s.call("alpha", "deleteRecordings", url.Values{"recordID": {records["delete"]}}), "SUCCESS")
	tagged, cordoned := "6e06f628-11b2-42a2-9f4c-4f701261573e", "0d8b98cd-e60e-4c57-864e-b9b7a7c194df"
	s.administrate("PATCH", "/api/v1/servers/"+tagged, `{"tag":"cpu","weight":4}`)
	s.administrate("POST", "/api/v1/servers/"+cordoned+"/cordon", `{}`)
	s.stop()

	got := s.read()
	if len(got.Problems) > 0 {
		t.Errorf("Scalelite could not go on: %q", got.Problems)
	}
	if m := got.Meetings["new-room"]; m.Tenant != alpha || m.Moderator != "mpn" || m.Bridge != "765432109" || got.Bridges[m.Bridge] != "new-room" {
		t.Errorf("the new room: %+v", m)
	}
	delete(got.Meetings, "new-room")
	delete(got.Bridges, "765432109")
	delete(want.Bridges, want.Meetings["alpha-room-4"].Bridge)
	delete(want.Meetings, "alpha-room-4")
	s.changed(want, records)
	want.Servers = s.moved(want.Servers, tagged, cordoned)
	if diff := gocmp.Diff(want, got, gocmp.FilterPath(observed, gocmp.Ignore())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// observed tells whether a path is about what Scalelite sees again at its next poll.
func observed(p gocmp.Path) bool {
	name := p.Last().String()
	return name == ".Load" || name == ".Meetings" && len(p) > 2 || name == ".Users"
}

func values(m map[string]string) []string { return slices.Collect(maps.Values(m)) }

// changed does to what was there what was done to recordings.
func (s *site) changed(want scalelite.Site, records map[string]string) {
	r := want.Recordings[records["unpublish"]]
	r.Published, r.State, r.PublishUpdated = false, "unpublished", true
	want.Recordings[records["unpublish"]] = r
	r = want.Recordings[records["edit"]]
	r.Meta["bbb-context"], r.Meta["note"] = "other", "more"
	delete(r.Meta, "leer")
	r = want.Recordings[records["delete"]]
	// Scalelite keeps what a deleted recording was called; nobody shows it any more, and we keep nothing that tells of people.
	r.Name, r.Protected, r.Participants = "", false, nil
	r.State, r.Published, r.Meta, r.Formats = "deleted", false, map[string]string{}, map[string]scalelite.Format{}
	want.Recordings[records["delete"]] = r
}

// moved does to servers what operators have done.
func (s *site) moved(servers map[string]scalelite.Server, tagged, cordoned string) map[string]scalelite.Server {
	one, other := servers[tagged], servers[cordoned]
	one.Tag, one.Multiplier, other.State = "cpu", "0.25", "cordoned"
	servers[tagged], servers[cordoned] = one, other
	return servers
}

func (s *site) says(what, answer string, words ...string) {
	s.t.Helper()
	for _, word := range words {
		if !strings.Contains(answer, word) {
			s.t.Errorf("%s: %.600s does not say %s", what, answer, word)
		}
	}
}

// administrate makes a call of the administration, as an operator at the machine does.
func (s *site) administrate(method, path, body string) {
	s.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	s.pool.Administration().ServeHTTP(w, r)
	if w.Code >= 300 {
		s.t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}
