package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// The benchmarks measure the pool against a reference in the same run: a bare redirect handler for joins, the
// simulated server asked directly for everything else. "ratio" is the pool's throughput over the reference's.

// get makes a request and reads all of it.
func get(b *testing.B, client *http.Client, url string) {
	resp, err := client.Get(url)
	if err != nil {
		b.Error(err)
		return
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode >= 400 || strings.Contains(string(body), "FAILED") {
		b.Errorf("%d %v %s", resp.StatusCode, err, body)
	}
}

// perSecond calls do n times from so many goroutines.
func perSecond(n, callers int, do func(i int)) float64 {
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				do(int(i))
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(began).Seconds()
}

// compare measures reference and pool in turns, so that what the machine does besides meets both.
func compare(b *testing.B, callers int, reference, pool func(i int)) {
	perSecond(200, callers, func(i int) { reference(-i) })
	perSecond(200, callers, func(i int) { pool(-i) })
	const rounds = 5
	n := b.N/rounds + 1
	var ref, own []float64
	b.ResetTimer()
	for r := range rounds {
		ref = append(ref, perSecond(n, callers, func(i int) { reference(r*n + i) }))
		own = append(own, perSecond(n, callers, func(i int) { pool(r*n + i) }))
	}
	slices.Sort(ref)
	slices.Sort(own)
	b.ReportMetric(own[rounds/2], "pool/s")
	b.ReportMetric(ref[rounds/2], "reference/s")
	b.ReportMetric(own[rounds/2]/ref[rounds/2], "ratio")
	b.ReportMetric(0, "ns/op") // counts both sides; it means nothing
}

func BenchmarkJoin(b *testing.B) {
	p := start(b, settings{servers: 4, log: io.Discard})
	p.create("room")
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://bbb.example.edu/bigbluebutton/api/join?"+r.URL.RawQuery, http.StatusFound)
	}))
	defer bare.Close()
	query := "meetingID=room&fullName=Ada+Lovelace&role=VIEWER&userID=u1&createTime="
	url := p.url("join", query)
	compare(b, 16,
		func(int) { get(b, p.client, bare.URL+"/bigbluebutton/api/join?"+query) },
		func(int) { get(b, p.client, url) })
}

func BenchmarkGetMeetingInfo(b *testing.B) {
	p := start(b, settings{servers: 4, poll: 10 * time.Second, log: io.Discard})
	var direct, pooled []string
	for i := range 64 {
		id := fmt.Sprintf("room-%d", i)
		p.create(id)
		direct = append(direct, straight(p, p.server(id), "getMeetingInfo", "meetingID="+id))
		pooled = append(pooled, p.url("getMeetingInfo", "meetingID="+id))
	}
	compare(b, 32,
		func(i int) { get(b, p.client, direct[(i+64000)%64]) },
		func(i int) { get(b, p.client, pooled[(i+64000)%64]) })
}

// straight signs a call for a simulated server.
func straight(p *pool, server, call, query string) string {
	s := p.sim(server)
	return s.URL() + "/" + call + "?" + bbb.SHA256.Sign(call, query, s.Secret())
}

func BenchmarkCreate(b *testing.B) {
	p := start(b, settings{servers: 16, poll: 10 * time.Second, log: io.Discard})
	var n atomic.Int64
	compare(b, 16,
		func(int) {
			i := n.Add(1)
			server := fmt.Sprintf("sim%d", 1+i%16)
			get(b, p.client, straight(p, server, "create", createQuery(fmt.Sprintf("direct-%d", i))))
		},
		func(int) { get(b, p.client, p.url("create", createQuery(fmt.Sprintf("pool-%d", n.Add(1))))) })
}

// BenchmarkCreateAdded tells what the pool adds to the time that a server takes for a create, one at a time.
func BenchmarkCreateAdded(b *testing.B) {
	p := start(b, settings{servers: 4, poll: 10 * time.Second, log: io.Discard})
	var direct, pooled []time.Duration
	timed := func(url string) time.Duration {
		began := time.Now()
		get(b, p.client, url)
		return time.Since(began)
	}
	for i := range b.N {
		direct = append(direct, timed(straight(p, "sim1", "create", createQuery(fmt.Sprintf("direct-%d", i)))))
		pooled = append(pooled, timed(p.url("create", createQuery(fmt.Sprintf("pool-%d", i)))))
	}
	slices.Sort(direct)
	slices.Sort(pooled)
	added := pooled[len(pooled)/2] - direct[len(direct)/2]
	b.ReportMetric(float64(added.Microseconds()), "added-p50-us")
	b.ReportMetric(float64(direct[len(direct)/2].Microseconds()), "direct-p50-us")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkCreate_Callbacks tells what four addresses that are to be called back add to a create through the pool, which are taken
// out, kept, and exchanged for ours.
func BenchmarkCreate_Callbacks(b *testing.B) {
	p := start(b, settings{servers: 4, poll: 10 * time.Second, log: io.Discard, called: ourAddress})
	var without, with []time.Duration
	timed := func(query string) time.Duration {
		url := p.url("create", query)
		began := time.Now()
		get(b, p.client, url)
		return time.Since(began)
	}
	for i := range b.N {
		without = append(without, timed(createQuery(fmt.Sprintf("without-%d", i))))
		with = append(with, timed(createQuery(fmt.Sprintf("with-%d", i))+backAt(frontEnd)))
	}
	slices.Sort(without)
	slices.Sort(with)
	fewer, more := without[len(without)/2], with[len(with)/2]
	b.ReportMetric(float64((more - fewer).Microseconds()), "added-p50-us")
	b.ReportMetric(float64(fewer.Microseconds()), "without-p50-us")
	b.ReportMetric(float64(more)/float64(fewer), "ratio")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkGetMeetings500 lists 50,000 people on 500 servers.
func BenchmarkGetMeetings500(b *testing.B) {
	p := start(b, settings{servers: 500, poll: 10 * time.Second})
	for _, s := range p.sims {
		if err := s.Populate(5, 100); err != nil {
			b.Fatal(err)
		}
	}
	p.waitFor("everything to be adopted", func() bool { return len(p.ledger.Meetings()) == 2500 })
	p.waitFor("everybody to be seen", func() bool {
		people := 0
		for _, s := range p.poller.Servers() {
			people += s.Users
		}
		return people == 50_000
	})
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		get(b, p.client, p.url("getMeetings", ""))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
