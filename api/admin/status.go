package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

func (a *API) status(r *http.Request) (any, error) {
	servers := a.Pool.Servers()
	st := Status{Version: a.Version, Listen: a.Listen, Problems: a.problems(servers), Meetings: a.Meetings.Count()}
	var err error
	if st.Recordings, err = a.recordingSums(r.Context()); err != nil {
		return nil, err
	}
	noSecret, err := a.noSecret(r.Context())
	if err != nil {
		return nil, err
	}
	st.Problems = append(st.Problems, noSecret...)
	st.Problems = append(st.Problems, a.sickVolumes()...)
	st.Problems = append(st.Problems, st.Recordings.problems()...)
	expected := 0.0
	for _, s := range servers {
		st.Servers.add(s)
		st.Users += people(s)
		expected += s.Load.Expected
	}
	st.Expected = tenths(expected)
	return st, nil
}

func (c *Counts) add(s poller.Status) {
	c.Total++
	switch s.State {
	case store.Enabled:
		c.Enabled++
	case store.Cordoned:
		c.Cordoned++
	case store.Draining:
		c.Draining++
	case store.Disabled:
		c.Disabled++
		return // nobody asks it how it is
	}
	switch s.Health {
	case poller.Online:
		c.Online++
	case poller.Suspect:
		c.Suspect++
	case poller.Offline:
		c.Offline++
	case poller.Unknown:
		c.Unknown++
	}
}

// illness says how long a server has failed, and why; or how far one is on its way back.
func (a *API) illness(s poller.Status) string {
	if s.Failing.IsZero() {
		return fmt.Sprintf("server %s is %s: %s", s.ID, s.Health, s.Reason)
	}
	failing := a.now().Sub(s.Failing).Truncate(time.Second)
	return fmt.Sprintf("server %s is %s, failing for %s: %s", s.ID, s.Health, failing, s.Reason)
}

// problems says in words what an operator has to look at.
func (a *API) problems(servers []poller.Status) []string {
	list := append(a.notReady(), a.Pool.Alarms()...)
	enabled := 0
	for _, s := range servers {
		if s.State == store.Enabled {
			enabled++
		}
		if s.State == store.Disabled {
			continue
		}
		if s.Health == poller.Suspect || s.Health == poller.Offline {
			list = append(list, a.illness(s))
		}
		for _, warning := range s.Warnings {
			list = append(list, fmt.Sprintf("server %s: %s", s.ID, warning))
		}
		if s.Split > 0 {
			list = append(list, fmt.Sprintf("server %s has people in %s of meetings that run on another server: bbbpool server show %s",
				s.ID, count(s.Split, "copy", "copies"), s.ID))
		}
		if people := s.Load.People; s.Capacity > 0 && people > s.Capacity {
			list = append(list, fmt.Sprintf("server %s has %d people, its capacity is %d", s.ID, people, s.Capacity))
		}
	}
	probe := store.MeetingKey{Tenant: store.DefaultTenant}
	if enabled > 0 && errors.Is(a.Meetings.Consider(probe, placement.Wish{}).Err, placement.ErrFull) {
		list = append(list, "every server is at its hard capacity: new meetings are refused; enable another server, or raise "+
			"a capacity with bbbpool server set ID --capacity N")
	}
	if len(servers) > 0 && enabled == 0 { // a pool without servers is a new one, and nothing is wrong with it
		list = append(list, "no server is enabled: bbbpool server enable ID")
	}
	return list
}

// noSecret tells of a default tenant whose front ends nothing lets in.
func (a *API) noSecret(ctx context.Context) ([]string, error) {
	t, err := a.Tenants.Tenant(ctx, store.DefaultTenant)
	switch {
	case errors.Is(err, store.ErrNotFound): // it is made on the first start
		return nil, nil
	case err != nil || len(a.tenant(t, store.Secret.String).Secrets) > 0:
		return nil, err
	}
	return []string{"tenant default has no secret, every call of its front ends is refused: set LOADBALANCER_SECRET for " +
		"bbbpool serve, and restart it"}, nil
}

// notReady never returns nil, which JSON would show as null.
func (a *API) notReady() []string {
	list := []string{}
	if a.Ready != nil {
		list = append(list, a.Ready()...)
	}
	return list
}
