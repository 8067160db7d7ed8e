package usage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// byDay is the order of accounts: by day, and of one day by tenant.
func byDay(x, y store.Usage) int {
	return cmp.Or(strings.Compare(x.Day, y.Day), strings.Compare(x.Tenant, y.Tenant))
}

// page is how many rows are read at once: a pool of a thousand tenants has a million of them in three years.
const page = 5_000

// Usage returns the selected days, summed over a period, in the order of days and, of one day, tenants, with what is not
// stored yet. Where that would be more than most it is [store.ErrTooLarge].
func (a *Accounts) Usage(ctx context.Context, f store.UsageFilter, by Period, most int) ([]store.Usage, error) {
	s := sums{by: by, most: most, list: map[day]*store.Usage{}}
	recent, from, err := a.recent(ctx, f)
	if err != nil {
		return nil, err
	}
	if before := dayBefore(from); f.To == "" || f.To > before {
		f.To = before
	}
	if err := a.each(ctx, f, s.add); err != nil {
		return nil, err
	}
	for _, u := range recent {
		if err := s.add(u); err != nil {
			return nil, err
		}
	}
	return inOrder(s.list), nil
}

// recent returns the selected days from the first one on of which something may not be stored yet, with that, and which day
// that is. Nothing can be stored meanwhile, and so none is counted twice; what is older is read without anybody waiting.
func (a *Accounts) recent(ctx context.Context, f store.UsageFilter) (list []store.Usage, from string, err error) {
	a.flush.RLock()
	defer a.flush.RUnlock()
	a.mu.Lock()
	pending := inOrder(a.days)
	a.mu.Unlock()
	if from = a.Today(); len(pending) > 0 {
		from = min(from, pending[0].Day)
	}
	since := f
	since.From = max(f.From, from)
	list, err = a.Store.Usage(ctx, since)
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
	return list, from, err
}

// each calls visit with every selected day that is stored, page by page.
func (a *Accounts) each(ctx context.Context, f store.UsageFilter, visit func(store.Usage) error) error {
	for f.Limit = page; ; {
		list, err := a.Store.Usage(ctx, f)
		if err != nil {
			return err
		}
		for _, u := range list {
			if err := visit(u); err != nil {
				return err
			}
			f.After = u
		}
		if len(list) < page {
			return nil
		}
	}
}

// dayBefore is the day before another one.
func dayBefore(date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return "" // it is one of ours
	}
	return t.AddDate(0, 0, -1).Format(time.DateOnly)
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

// sums are days that are being summed. The day of a sum is the month, or "" of one over all days; peaks are the highest of
// any day.
type sums struct {
	by   Period
	most int
	list map[day]*store.Usage
}

func (s *sums) add(u store.Usage) error {
	switch s.by {
	case ByMonth:
		u.Day = u.Day[:min(len(u.Day), len("2026-01"))]
	case ByTenant:
		u.Day = ""
	case ByDay:
	}
	key := day{u.Day, u.Tenant}
	if s.list[key] == nil {
		if len(s.list) == s.most {
			return fmt.Errorf("%w: more than %d rows", store.ErrTooLarge, s.most)
		}
		s.list[key] = &store.Usage{Day: u.Day, Tenant: u.Tenant}
	}
	s.list[key].Add(u)
	return nil
}
