package usage

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// byDay is the order of accounts: by day, and of one day by tenant.
func byDay(x, y store.Usage) int {
	return cmp.Or(strings.Compare(x.Day, y.Day), strings.Compare(x.Tenant, y.Tenant))
}

// Usage returns the selected days in the order of days and, of one day, tenants, with what is not stored yet.
func (a *Accounts) Usage(ctx context.Context, f store.UsageFilter) ([]store.Usage, error) {
	a.flush.RLock()
	defer a.flush.RUnlock()
	a.mu.Lock()
	pending := inOrder(a.days)
	a.mu.Unlock()
	list, err := a.Store.Usage(ctx, f)
	if err != nil {
		return nil, err
	}
	for _, u := range pending {
		if f.Tenant != "" && u.Tenant != f.Tenant || u.Day < f.From || f.To != "" && u.Day > f.To {
			continue
		}
		i, found := slices.BinarySearchFunc(list, u, byDay)
		if !found {
			list = slices.Insert(list, i, store.Usage{Day: u.Day, Tenant: u.Tenant})
		}
		list[i].Add(u)
	}
	return list, nil
}

// Today is the day that it is.
func (a *Accounts) Today() string { return a.date(a.Now()) }

// Clean deletes days that are kept no longer, page by page, so that nobody waits for long. What the store refuses is tried
// again the next time.
func (a *Accounts) Clean(ctx context.Context) {
	oldest := a.date(a.Now().Add(-time.Duration(a.Config.Keep)))
	for n := cleanPage; n == cleanPage && ctx.Err() == nil; {
		var err error
		if n, err = a.Store.DeleteUsage(ctx, oldest, cleanPage); err != nil {
			a.Log.Error().Err(err).Msg("usage that is too old cannot be deleted")
			return
		}
	}
}

// Period is what accounts are summed over.
type Period string

// The periods.
const (
	ByDay    Period = "day"
	ByMonth  Period = "month"  // of each tenant
	ByTenant Period = "tenant" // over all selected days
)

// Sum sums days. The day of a sum is the month, or "" of one over all days; peaks are the highest of any day.
func Sum(days []store.Usage, by Period) []store.Usage {
	sums := map[day]*store.Usage{}
	for _, u := range days {
		switch by {
		case ByMonth:
			u.Day = u.Day[:min(len(u.Day), len("2026-01"))]
		case ByTenant:
			u.Day = ""
		case ByDay:
		}
		key := day{u.Day, u.Tenant}
		if sums[key] == nil {
			sums[key] = &store.Usage{Day: u.Day, Tenant: u.Tenant}
		}
		sums[key].Add(u)
	}
	return inOrder(sums)
}

// Total is what all days have together. It has no day and no tenant.
func Total(days []store.Usage) (total store.Usage) {
	for _, u := range days {
		total.Add(u)
	}
	return total
}
