package v1

import (
	"context"
	"net/http"
	"net/url"
)

// Usage is what a tenant has used on a day, in a month, or in all that was asked for.
type Usage struct {
	Day           string  `json:"day"` // "2026-03-01", "2026-03" of a month, "" of all
	Tenant        string  `json:"tenant"`
	Meetings      int     `json:"meetings"`       // that are over, by the day on which they began
	Joins         int     `json:"joins"`          // that were sent to servers
	PeopleMinutes float64 `json:"people_minutes"` // people times minutes
	PeakMeetings  int     `json:"peak_meetings"`  // most at once, on any of the days
	PeakPeople    int     `json:"peak_people"`
	Recordings    int     `json:"recordings"` // that arrived
	Bytes         int64   `json:"bytes"`      // of these
}

// UsageQuery says what usage is asked for. The zero value is all of it, day by day.
type UsageQuery struct {
	Tenant   string // "" is every one
	From, To string // days, both inclusive; "" for no bound
	By       string // "day", "month" or "tenant"
}

// Usages are the calls about what tenants use.
type Usages struct{ client *Client }

// List returns what was used, by day and tenant.
func (u Usages) List(ctx context.Context, q UsageQuery) ([]Usage, error) {
	query := url.Values{}
	for name, value := range map[string]string{"tenant": q.Tenant, "from": q.From, "to": q.To, "by": q.By} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return call[[]Usage](ctx, u.client, http.MethodGet, "/usage", query, nil)
}
