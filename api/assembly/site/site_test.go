// Package site_test moves a whole site of Scalelite's in and out: the real pool is put on what a real Scalelite has left, is
// served from and changed, and what it leaves is read by Scalelite's rules.
package site_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
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
	t                *testing.T
	redis, postgres  string
	simulated        []*simulator.Server
	pool             *assembly.Pool
	stop             func()
	secrets          map[string]string // of tenants, by their names
	before           scalelite.Site
	library, dataDir string
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
	for id, m := range s.before.Meetings {
		number := id[strings.LastIndex(id, "-")+1:]
		s.ask(s.before.Servers[m.Server].URL+"/create?"+bbb.SHA256.Sign("create", url.Values{
			"meetingID": {id}, "name": {"Kurs " + number}, "moderatorPW": {m.Moderator}, "attendeePW": {"ap" + number},
			"voiceBridge": {m.Bridge}, "meta_tenant-id": {m.Tenant}, "meta_tenant-name": {s.before.Tenants[m.Tenant].Name},
		}.Encode(), "simsecret0123"), "")
	}
	return s
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
func (s *site) serve() {
	s.t.Helper()
	set, err := assembly.Defaults()
	if err != nil {
		s.t.Fatal(err)
	}
	set.HTTP.Listen = "127.0.0.1:0"
	set.Gateway.Secret = "loadbalancer-secret"
	set.Stores.Redis, set.Stores.Database = store.Secret(s.redis), store.Secret(s.postgres)
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

func (s *site) await(what string, met func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !met(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
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
		s.await("meetings of "+tenant, func() bool {
			return slices.Equal(meetingIDs(s.call(tenant, "getMeetings", nil)), want)
		})
	}
	s.stop()
	if diff := gocmp.Diff(s.before, s.read()); diff != "" {
		t.Errorf("who has changed nothing has changed (-want +got):\n%s", diff)
	}
}
