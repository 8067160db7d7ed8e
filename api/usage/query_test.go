package usage_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/usage"
	"github.com/bbbpool/bbbpool/store"
)

// However days are summed, the sums have in them what the days have, those that are not stored yet included; what would be more
// than is wanted is refused.
func TestAccounts_Usage_Sums(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	p := newPool(t, open(t, t.TempDir()), nil)
	p.at(time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC))
	var total store.Usage
	for round := range 2 {
		var days []store.Usage
		for range 8000 { // more than a page
			u := store.Usage{
				Day: fmt.Sprintf("2026-%02d-%02d", 1+random.IntN(3), 1+random.IntN(28)), Tenant: fmt.Sprint("t", random.IntN(200)),
				Meetings: random.IntN(9), Joins: random.IntN(99), PeopleMins: random.Float64(), PeakMeetings: random.IntN(9),
				PeakPeople: random.IntN(99), Recordings: random.IntN(3), Bytes: random.Int64N(1 << 40),
			}
			days = append(days, u)
			total.Add(u)
		}
		if err := p.index.AddUsage(t.Context(), days...); err != nil {
			t.Fatal(err)
		}
		p.has(map[string]usage.Tally{"t1": {People: 2}})
		p.Sample()
		p.at(time.Date(2026, 3, 28, 12, 0, 6, 0, time.UTC))
		p.Sample()
		total.Add(store.Usage{PeopleMins: 0.2 * float64(1-round), PeakPeople: 2})
	}
	for by, most := range map[usage.Period]int{usage.ByDay: 84 * 200, usage.ByMonth: 3 * 200, usage.ByTenant: 200} {
		list, err := p.Usage(t.Context(), store.UsageFilter{}, by, most)
		if err != nil {
			t.Fatal(err)
		}
		same(t, string(by), []store.Usage{sumOf(list)}, []store.Usage{total})
		if !slices.IsSortedFunc(list, func(x, y store.Usage) int { return strings.Compare(x.Day+" "+x.Tenant, y.Day+" "+y.Tenant) }) {
			t.Errorf("by %s they are in no order", by)
		}
		if _, err := p.Usage(t.Context(), store.UsageFilter{}, by, len(list)-1); !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("one too many by %s: %v", by, err)
		}
	}
}
