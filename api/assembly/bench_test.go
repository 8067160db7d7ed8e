package assembly_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// The benchmarks compare a pool on Redis and PostgreSQL, with its mirror, to one on bbolt in the same run. Calls are made at one
// and at the other in turns, so that what the machine does besides meets both.

// measured is a pool behind real HTTP, with one simulated server.
type measured struct {
	*assembly.Pool

	url    string
	client *http.Client
	sim    *simulator.Server
	taken  []time.Duration
}

// measure runs a pool for a benchmark.
func measure(b *testing.B, o assembly.Options) *measured {
	b.Helper()
	m := &measured{Pool: open(b, o), client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	run(b, m.Pool)
	mux := http.NewServeMux()
	m.Gateway.Mount(mux)
	front := httptest.NewServer(mux)
	b.Cleanup(front.Close)
	m.url = front.URL
	return m
}

// enlist adds a simulated server.
func (m *measured) enlist(b *testing.B) {
	b.Helper()
	sim, err := simulator.New(simulator.Config{Servers: 1})
	if err != nil {
		b.Fatal(err)
	}
	sim.Start()
	b.Cleanup(sim.Close)
	m.sim = sim.Servers()[0]
	client := v1.NewClient(v1.HandlerTransport(m.Administration()), "http://pool", "")
	_, err = client.Servers.Add(b.Context(), v1.NewServer{
		ID: m.sim.ID(), URL: m.sim.URL(), Secret: v1.Secret(m.sim.Secret()), Enable: true, Force: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	ready(b, m.Pool)
}

// shared are the options of an instance on Redis, which writes as an operator's does, and PostgreSQL.
func shared(b *testing.B, redis, postgres string) assembly.Options {
	b.Helper()
	o := options(b)
	o.Settings.Stores.RedisURL, o.Settings.Stores.DatabaseURL = store.Secret(redis), store.Secret(postgres)
	o.Settings.Instances.Listen = "127.0.0.1:0"
	return o
}

func lasting(b *testing.B) string {
	b.Helper()
	redis := daemon.NewRedis(b, "--appendonly", "yes", "--appendfsync", "everysec")
	b.Cleanup(redis.Remove)
	return redis.URL()
}

// make makes a call that succeeds, and notes how long it takes.
func (m *measured) make(b *testing.B, name, query string) {
	began := time.Now()
	get2xx(b, m.client, m.url+"/bigbluebutton/api/"+name+"?"+bbb.SHA256.Sign(name, query, secret))
	m.taken = append(m.taken, time.Since(began))
}

// direct makes a call at the simulated server.
func (m *measured) direct(b *testing.B, name, query string) time.Duration {
	began := time.Now()
	get2xx(b, m.client, m.sim.URL()+"/"+name+"?"+bbb.SHA256.Sign(name, query, m.sim.Secret()))
	return time.Since(began)
}

func get2xx(b *testing.B, client *http.Client, address string) {
	resp, err := client.Get(address)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode >= 400 || strings.Contains(string(body), "FAILED") {
		b.Fatalf("%d %v %s", resp.StatusCode, err, body)
	}
}

// median is what half of the calls take at most.
func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

// BenchmarkCreateAdded tells how much longer a create takes with Redis than with bbolt, one at a time.
func BenchmarkCreateAdded(b *testing.B) {
	onBolt := measure(b, options(b))
	onRedis := measure(b, shared(b, lasting(b), servers.Postgres(b).URL(b)))
	onBolt.enlist(b)
	onRedis.enlist(b)
	var direct []time.Duration
	for i := range b.N {
		query := fmt.Sprintf("meetingID=room-%d&name=Room&attendeePW=ap&moderatorPW=mp", i)
		direct = append(direct, onBolt.direct(b, "create", strings.Replace(query, "room", "direct", 1)))
		onBolt.make(b, "create", query)
		onRedis.make(b, "create", query)
	}
	reference, bolt, redis := median(direct), median(onBolt.taken), median(onRedis.taken)
	b.ReportMetric(float64((bolt - reference).Microseconds()), "bolt-adds-p50-us")
	b.ReportMetric(float64((redis - reference).Microseconds()), "redis-adds-p50-us")
	b.ReportMetric(float64((redis - bolt).Microseconds()), "over-bolt-p50-us")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkCalls makes the calls that need no decision at an instance on bbolt, at one alone with the mirror, at a leader, which
// tells others, and at its follower: how long each takes as often as the same on bbolt.
func BenchmarkCalls(b *testing.B) {
	onBolt := measure(b, options(b))
	onBolt.enlist(b)
	alone := measure(b, shared(b, servers.Redis(b).URL(), servers.Postgres(b).URL(b)))
	alone.enlist(b)
	redis, postgres := lasting(b), servers.Postgres(b).URL(b)
	leader := measure(b, shared(b, redis, postgres))
	for !leader.Instance.Leading() {
		time.Sleep(time.Millisecond)
	}
	leader.enlist(b)
	follower := measure(b, shared(b, redis, postgres))
	ready(b, follower.Pool)
	all := []*measured{onBolt, alone, leader, follower}
	for _, m := range all[:3] {
		m.make(b, "create", "meetingID=room&name=Room&attendeePW=ap&moderatorPW=mp")
	}
	for _, c := range []struct{ name, query string }{
		{"join", "meetingID=room&role=VIEWER&userID=u1&fullName=" + url.QueryEscape("Ada Lovelace")},
		{"getMeetingInfo", "meetingID=room"},
		{"getMeetings", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			for _, m := range all {
				m.make(b, c.name, c.query)
				m.taken = nil
			}
			for range b.N {
				for _, m := range all {
					m.make(b, c.name, c.query)
				}
			}
			reference := median(onBolt.taken)
			b.ReportMetric(float64(reference.Microseconds()), "bolt-p50-us")
			b.ReportMetric(float64(median(alone.taken))/float64(reference), "x-alone")
			b.ReportMetric(float64(median(leader.taken))/float64(reference), "x-leader")
			b.ReportMetric(float64(median(follower.taken))/float64(reference), "x-follower")
			b.ReportMetric(0, "ns/op")
		})
	}
}
