package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/usage"
	"github.com/bbbpool/bbbpool/store"
)

// Usage shows what tenants have used.
type Usage struct{ Accounts *usage.Accounts }

func (u *Usage) routes() frame.Routes {
	return frame.Routes{"GET /usage": frame.Own(u.list, confine.ByQuery(), access.Read)}
}

// maxUsage is how many rows are shown at once: those of a hundred tenants for more than two years.
const maxUsage = 100_000

func (u *Usage) list(r *http.Request) (any, error) {
	query := r.URL.Query()
	f := store.UsageFilter{Tenant: query.Get("tenant")}
	var err error
	if f.From, err = date(r, "from"); err != nil {
		return nil, err
	}
	if f.To, err = date(r, "to"); err != nil {
		return nil, err
	}
	by := usage.Period(query.Get("by"))
	switch by {
	case "":
		by = usage.ByDay
	case usage.ByDay, usage.ByMonth, usage.ByTenant:
	default:
		return nil, v1.Invalid("by: want %s, %s or %s", usage.ByDay, usage.ByMonth, usage.ByTenant)
	}
	sums, err := u.Accounts.Usage(r.Context(), f, by, maxUsage)
	if errors.Is(err, store.ErrTooLarge) {
		return nil, v1.Invalid("these are more than %d rows: ask for fewer days, for one tenant, or by month", maxUsage)
	}
	if err != nil {
		return nil, err
	}
	list := make([]v1.Usage, 0, len(sums))
	for _, s := range sums {
		list = append(list, v1.Usage{
			Day: s.Day, Tenant: s.Tenant, Meetings: s.Meetings, Joins: s.Joins, PeopleMinutes: s.PeopleMins, PeakMeetings: s.PeakMeetings,
			PeakPeople: s.PeakPeople, Recordings: s.Recordings, Bytes: s.Bytes,
		})
	}
	return list, nil
}

// date reads a day from the query; absent is "".
func date(r *http.Request, name string) (string, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return "", nil
	}
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", v1.Invalid("%s: want a day as 2026-03-01", name)
	}
	return text, nil
}
