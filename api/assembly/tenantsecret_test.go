package assembly_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
)

// ofTenant has the callers be the front ends of a tenant, with one of its own. Half of them go over to each new secret when
// the test says so, and the rest stay with the former one for as long as that is there.
func (r *rotation) ofTenant() (change func(next string)) {
	r.t.Helper()
	if _, err := r.admin.Tenants.Add(r.t.Context(), v1.NewTenant{
		ID: "physics", Secrets: []v1.NewTenantSecret{{Name: "first", Secret: "tenant-first"}},
	}); err != nil {
		r.t.Fatal(err)
	}
	var now, former atomic.Value
	now.Store("tenant-first")
	former.Store("tenant-first")
	r.key = func(caller int) bbb.Secret {
		if caller%2 == 0 {
			return bbb.Secret(now.Load().(string))
		}
		return bbb.Secret(former.Load().(string))
	}
	return func(next string) {
		former.Store(now.Load())
		now.Store(next)
	}
}

// across tells whether a call was under way for the whole of one of some intervals: it was signed before, and arrived after.
func (m made) across(list []interval) bool {
	return slices.ContainsFunc(list, func(i interval) bool { return m.began.Before(i.from) && m.ended.After(i.to) })
}

// retire takes a secret away.
func (r *rotation) retire(name string) {
	r.t.Helper()
	if _, err := r.admin.Tenants.RetireSecret(r.t.Context(), "physics", name, false); err != nil {
		r.t.Error(err)
	}
}

// The secret of a tenant is rotated under load, again and again, here first: with the new one and with the former one every call
// is answered and every join leads to the server and in, until nobody has the former one any more and it is retired.
func TestTenantSecret_HereFirst(t *testing.T) {
	r := newRotation(t)
	change := r.ofTenant()
	stop := r.load()
	r.goOn(100)
	hour := time.Hour
	var gone []interval // from when nobody signs with a secret any more, to when it is retired
	for i, former := 0, "first"; i < 6; i++ {
		name, next := fmt.Sprint("n", i), fmt.Sprint("tenant-secret-", i)
		rotated, err := r.admin.Tenants.RotateSecret(t.Context(), "physics", v1.Rotation{Name: name, Secret: v1.Secret(next), Keep: &hour})
		if err != nil || rotated.Name != name {
			t.Fatal(rotated, err)
		}
		r.goOn(30)
		change(next) // for some of the front ends
		r.goOn(60)
		change(next) // for the others
		changed := time.Now()
		r.goOn(30)
		gone = append(gone, interval{changed, time.Now()})
		r.retire(former)
		former = name
		r.goOn(30)
	}
	for _, m := range stop() {
		if m.failed != "" && !m.across(gone) {
			t.Errorf("%s: %s", m.what, m.failed)
		}
	}
	r.expectHealthy()
	t.Logf("%d joins", r.joins)
}

// In the other order a front end has the new secret before the pool does. What it asks for meanwhile nobody can tell from what
// a stranger asks for, so that fails; from the next call after the secret was added on nothing does, and whoever has the former
// one sees nothing of it.
func TestTenantSecret_FrontEndFirst(t *testing.T) {
	r := newRotation(t)
	change := r.ofTenant()
	stop := r.load()
	r.goOn(100)
	var unknown []interval
	for i := range 6 {
		next := fmt.Sprint("tenant-secret-", i)
		from := time.Now()
		change(next)
		r.goOn(30)
		if _, err := r.admin.Tenants.AddSecret(t.Context(), "physics", v1.NewTenantSecret{Secret: v1.Secret(next)}); err != nil {
			t.Fatal(err)
		}
		unknown = append(unknown, interval{from, time.Now()})
		r.goOn(60)
	}
	excused := 0
	for _, m := range stop() {
		switch {
		case m.failed == "":
		case m.within(unknown) && !m.followed && strings.Contains(m.failed, "checksumError"):
			excused++
		default:
			t.Errorf("%s: %s", m.what, m.failed)
		}
	}
	if excused == 0 {
		t.Error("a secret that the pool does not know lets in")
	}
	r.expectHealthy()
	t.Logf("%d joins, and %d calls that nobody could tell from a stranger's", r.joins, excused)
}
