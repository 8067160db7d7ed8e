package usage_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/api/usage"
	"github.com/bbbpool/bbbpool/store"
)

// A hundred tenants have series, the others one together; a series goes on for ever, and nobody's ID is taken for others.
func TestAccounts_Metrics(t *testing.T) {
	p := newPool(t, open(t, t.TempDir()), nil)
	p.at(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	tallies := map[string]usage.Tally{}
	for i := range 150 {
		tallies[fmt.Sprintf("t%03d", i)] = usage.Tally{Meetings: 1, People: 2}
	}
	p.has(tallies)
	p.Sample()
	p.Joined("t000")
	p.Joined("t149")
	p.Joined("other")
	p.has(map[string]usage.Tally{"t149": {People: 7}})
	p.Sample()
	var page strings.Builder
	p.WriteMetrics(&page)
	if n := strings.Count(page.String(), "bbbpool_tenant_people{"); n != 101 {
		t.Errorf("%d series", n)
	}
	for _, line := range []string{
		`bbbpool_tenant_people{tenant="t000"} 0`, `bbbpool_tenant_joins_total{tenant="t000"} 1`,
		`bbbpool_tenant_people{tenant="_other"} 7`, `bbbpool_tenant_meetings{tenant="_other"} 0`,
		`bbbpool_tenant_joins_total{tenant="_other"} 2`,
	} {
		if !strings.Contains(page.String(), line+"\n") {
			t.Errorf("%s is missing in\n%.2000s", line, &page)
		}
	}
}

// Settings that cannot work are told.
func TestConfig(t *testing.T) {
	for keep, good := range map[time.Duration]bool{0: false, time.Hour: false, 24 * time.Hour: true, 1 << 62: false} {
		if err := (usage.Config{Keep: quantity.Age(keep)}).Validate(); (err == nil) != good {
			t.Errorf("%s: %v", keep, err)
		}
	}
}

// One that samples in terms counts what it has seen in them, and nothing of the time in between; whoever learns late that its term is
// over counts nothing of the time in which another one may have sampled, but all who were sent to servers.
func TestAccounts_Terms(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		index := open(t, dir)
		p := newPool(t, index, time.UTC)
		still := true
		p.Still = func() bool { return still }
		p.has(map[string]usage.Tally{"a": {Meetings: 1, People: 60}})
		for range 2 {
			run(t, p, func() { time.Sleep(95 * time.Second) })
			time.Sleep(time.Hour)
		}
		run(t, p, func() {
			time.Sleep(95 * time.Second)
			p.Joined("a")
			still = false
		})
		stored, err := index.Usage(t.Context(), store.UsageFilter{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "stored", stored, []store.Usage{
			{Day: "2000-01-01", Tenant: "a", PeopleMins: 2*95 + 90, PeakMeetings: 1, PeakPeople: 60, Joins: 1},
		})
		_ = index.Close()
	})
}
