package assembly_test

import (
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// What operators do to tenants and their secrets is in force at the next call, and when secrets were used is known.
func TestPool_TenantsInForce(t *testing.T) {
	p := open(t, options(t))
	run(t, p)
	ready(t, p)
	b, tenants := balanced{t, p.Addr()}, p.Admin.Tenants
	done := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	answers := func(key bbb.Secret, want string) {
		t.Helper()
		if answer := b.front("", key, "getMeetings", nil); !strings.Contains(answer, want) {
			t.Errorf("with %s: no %s in %s", string(key), want, answer)
		}
	}
	const in, out = "SUCCESS", "checksumError"
	answers("first-secret", out)
	_, _, err := tenants.Add(t.Context(), v1.NewTenant{ID: "a", Secrets: []v1.NewTenantSecret{{Name: "first", Secret: "first-secret"}}})
	done(nil, err)
	answers("first-secret", in)
	hour, none := time.Hour, time.Duration(0)
	_, _, _, err = tenants.RotateSecret(t.Context(), "a", v1.Rotation{Name: "second", Secret: "second-secret", Keep: &hour})
	done(nil, err)
	answers("first-secret", in)
	answers("second-secret", in)
	done(tenants.RetireSecret(t.Context(), "a", "first", false))
	answers("first-secret", out)
	answers("second-secret", in)
	_, _, _, err = tenants.RotateSecret(t.Context(), "a", v1.Rotation{Name: "third", Secret: "third-secret", Keep: &none})
	done(nil, err)
	answers("second-secret", out)
	answers("third-secret", in)
	done(tenants.SetDisabled(t.Context(), "a", true))
	answers("third-secret", out)
	done(tenants.SetDisabled(t.Context(), "a", false))
	answers("third-secret", in)
	record, err := tenants.Get(t.Context(), "a")
	done(nil, err)
	if list := tenants.Listed(record); len(list) != 1 || list[0].LastUsed == nil {
		t.Errorf("secrets %+v", list)
	}
	_, _, err = tenants.AddSecret(t.Context(), store.DefaultTenant, v1.NewTenantSecret{Name: "own", Secret: "own-secret"})
	done(nil, err)
	answers("own-secret", in)
	answers(secret, in)
	_, _, err = tenants.Remove(t.Context(), "a", false)
	done(nil, err)
	answers("third-secret", out)
}
