package storetest

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func eventCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{{Name: "Events", Run: eventsKept}}
}

func someEvents() []store.Event {
	return []store.Event{
		{At: monday, Kind: "online", Text: "online: it answers \xff"},
		{At: monday, Kind: "warning"},
		{At: monday.Add(-time.Minute), Kind: "offline", Text: "offline: …"},
	}
}

// Events come back server by server, in the order in which they were given, and the last list is the one that is kept.
func eventsKept(t *testing.T, s store.Index) {
	kept := func(what string, wanted map[string][]store.Event) {
		t.Helper()
		got, err := s.Events(t.Context())
		want(t, what, err, nil)
		equal(t, what, got, wanted)
	}
	kept("a new store", nil)
	all := someEvents()
	must(t, s.KeepEvents(t.Context(), "bbb1", all[:1]))
	must(t, s.KeepEvents(t.Context(), "bbb1", all))
	must(t, s.KeepEvents(t.Context(), "bbb", all[1:]))
	kept("two servers", map[string][]store.Event{"bbb1": all, "bbb": all[1:]})
	for range 2 {
		must(t, s.KeepEvents(t.Context(), "bbb1", nil))
		kept("one of them forgotten", map[string][]store.Event{"bbb": all[1:]})
	}
	if err := s.KeepEvents(t.Context(), "", all); err == nil {
		t.Error("events of no server were kept")
	}
}
