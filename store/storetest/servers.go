package storetest

import (
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func serverCases() []kit.Case[store.State] {
	return []kit.Case[store.State]{
		{Name: "Servers/Kept", Run: serversKept},
		{Name: "Servers/Errors", Run: serverErrors},
		{Name: "Servers/Update", Run: serverUpdate},
		{Name: "Servers/UpdateRefused", Run: serverUpdateRefused},
		{Name: "Servers/Delete", Run: serverDelete},
	}
}

// Every field comes back, and lists are in the order of the IDs.
func serversKept(t *testing.T, s store.State) {
	ctx := t.Context()
	list, err := s.Servers(ctx)
	want(t, "list none", err, nil)
	equal(t, "a new store", list, nil)
	bare := store.Server{ID: "bbb-0"}
	for _, server := range []store.Server{aServer("bbb2"), aServer("bbb10"), bare} {
		must(t, s.CreateServer(ctx, server))
	}
	list, err = s.Servers(ctx)
	want(t, "list", err, nil)
	equal(t, "list", list, []store.Server{bare, aServer("bbb10"), aServer("bbb2")})
	got, err := s.Server(ctx, "bbb10")
	want(t, "read", err, nil)
	equal(t, "read", got, aServer("bbb10"))
}

// What is not there is not found, what is there is not overwritten, and a server needs an ID.
func serverErrors(t *testing.T, s store.State) {
	ctx := t.Context()
	must(t, s.CreateServer(ctx, aServer("bbb1")))
	for _, id := range []string{"", "bbb", "bbb10", "BBB1"} {
		_, err := s.Server(ctx, id)
		want(t, "read "+id, err, store.ErrNotFound)
		_, err = s.UpdateServer(ctx, id, func(*store.Server) error { return kit.ErrOwn })
		want(t, "update "+id, err, store.ErrNotFound)
		want(t, "delete "+id, s.DeleteServer(ctx, id), store.ErrNotFound)
	}
	want(t, "create again", s.CreateServer(ctx, store.Server{ID: "bbb1"}), store.ErrExists)
	if err := s.CreateServer(ctx, store.Server{}); err == nil {
		t.Error("a server without an ID was created")
	}
	list, err := s.Servers(ctx)
	want(t, "list", err, nil)
	equal(t, "list", list, []store.Server{aServer("bbb1")})
}

// An update returns and keeps what the closure made of the server, under the old ID whatever the closure did to it.
func serverUpdate(t *testing.T, s store.State) {
	ctx := t.Context()
	must(t, s.CreateServer(ctx, aServer("bbb1")))
	must(t, s.CreateServer(ctx, aServer("bbb2")))
	changed := aServer("bbb1")
	changed.State, changed.Weight, changed.Tag, changed.Secret = store.Draining, 0.5, "", "rotated"
	got, err := s.UpdateServer(ctx, "bbb1", func(server *store.Server) error {
		equal(t, "in the closure", *server, aServer("bbb1"))
		*server = changed
		server.ID = "bbb2"
		return nil
	})
	want(t, "update", err, nil)
	equal(t, "returned", got, changed)
	list, err := s.Servers(ctx)
	want(t, "list", err, nil)
	equal(t, "kept", list, []store.Server{changed, aServer("bbb2")})
}

// The closure's error comes back as it is, unwrapped, and nothing else does.
func serverUpdateRefused(t *testing.T, s store.State) {
	ctx := t.Context()
	must(t, s.CreateServer(ctx, aServer("bbb1")))
	got, err := s.UpdateServer(ctx, "bbb1", func(server *store.Server) error {
		server.State = store.Disabled
		return kit.ErrOwn
	})
	kit.Own(t, err)
	equal(t, "returned", got, store.Server{})
	got, err = s.Server(ctx, "bbb1")
	want(t, "read", err, nil)
	equal(t, "kept", got, aServer("bbb1"))
}

// A deleted server is gone, and its ID is free again.
func serverDelete(t *testing.T, s store.State) {
	ctx := t.Context()
	must(t, s.CreateServer(ctx, aServer("bbb1")))
	must(t, s.CreateServer(ctx, aServer("bbb2")))
	want(t, "delete", s.DeleteServer(ctx, "bbb1"), nil)
	want(t, "delete again", s.DeleteServer(ctx, "bbb1"), store.ErrNotFound)
	list, err := s.Servers(ctx)
	want(t, "list", err, nil)
	equal(t, "left", list, []store.Server{aServer("bbb2")})
	want(t, "create again", s.CreateServer(ctx, store.Server{ID: "bbb1"}), nil)
	got, err := s.Server(ctx, "bbb1")
	want(t, "read", err, nil)
	equal(t, "created again", got, store.Server{ID: "bbb1"})
}
