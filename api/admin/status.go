package admin

import (
	"net/http"

	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

func (a *API) status(r *http.Request) (any, error) {
	servers := a.Pool.Servers()
	st := Status{Version: a.Version, Listen: a.Listen, Meetings: a.Meetings.Count()}
	var err error
	if st.Recordings, err = a.recordingSums(r.Context()); err != nil {
		return nil, err
	}
	if st.Problems, err = a.problems(r.Context(), servers, st.Recordings); err != nil {
		return nil, err
	}
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

// notReady never returns nil, which JSON would show as null.
func (a *API) notReady() []string {
	list := []string{}
	if a.Ready != nil {
		list = append(list, a.Ready()...)
	}
	return list
}
