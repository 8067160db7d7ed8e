package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// crowd makes tenants with three secrets each, a host, and meetings with IDs of their own.
func crowd(n int) (list []store.Tenant) {
	for i := range n {
		t := store.Tenant{ID: fmt.Sprintf("tenant-%04d", i), Scoped: true, Hosts: []string{fmt.Sprintf("t%d.example.edu", i)}}
		for s := range 3 {
			name := fmt.Sprintf("s%d", s)
			t.Secrets = append(t.Secrets, store.TenantSecret{Name: name, Secret: store.Secret(t.ID + name)})
		}
		list = append(list, t)
	}
	return list
}

// joining is a pool with so many tenants, and a join of a meeting of one of them.
func joining(b *testing.B, tenants int, path, host string) func(int) {
	p := start(b, settings{servers: 4, log: io.Discard})
	p.gateway.SetTenants(crowd(tenants))
	t := tenant{p, fmt.Sprintf("tenant-%04d", tenants/2), fmt.Sprintf("tenant-%04ds1", tenants/2)}
	t.create("room", "")
	query := "meetingID=room&fullName=Ada+Lovelace&role=VIEWER&userID=u1&createTime="
	target := path + "/bigbluebutton/api/join?" + bbb.SHA256.Sign("join", query, bbb.Secret(t.secret))
	mux := http.NewServeMux()
	p.gateway.Mount(mux)
	return func(int) {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Host = host
		w := httptest.NewRecorder()
		if mux.ServeHTTP(w, r); w.Code != http.StatusFound {
			b.Errorf("status %d, %s", w.Code, w.Body)
		}
	}
}

// BenchmarkJoinTenants compares the join of one of 1,000 tenants with that of the only one. Named by host or path it costs
// the same; known by its secret alone, 3,000 secrets are tried.
func BenchmarkJoinTenants(b *testing.B) {
	for _, way := range []struct{ name, path, host string }{
		{"host", "", "t500.example.edu"}, {"path", "/t/tenant-0500", "pool.example.edu"}, {"secret", "", "pool.example.edu"},
	} {
		b.Run(way.name, func(b *testing.B) {
			only := joining(b, 1, "", "t0.example.edu")
			compareFinely(b, only, joining(b, 1000, way.path, way.host))
		})
	}
}

// compareFinely takes turns every few calls, and reports the middle of the ratios: what the machine does besides takes whole
// turns, and not a part of each.
func compareFinely(b *testing.B, reference, pool func(int)) {
	const calls = 20
	turns := b.N/calls + 1
	var ratios []float64
	var ref, own float64
	for range 200 {
		reference(0)
		pool(0)
	}
	b.ResetTimer()
	for range turns {
		r, o := perSecond(calls, 1, reference), perSecond(calls, 1, pool)
		ratios, ref, own = append(ratios, o/r), ref+r, own+o
	}
	slices.Sort(ratios)
	b.ReportMetric(own/float64(turns), "pool/s")
	b.ReportMetric(ref/float64(turns), "reference/s")
	b.ReportMetric(ratios[turns/2], "ratio")
	b.ReportMetric(0, "ns/op") // counts both sides; it means nothing
}
