package assembly_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// A pool with its state in the data directory and its index in PostgreSQL goes on while that is away: meetings are made and
// ended, and what is history by then waits in the data directory.
func TestIndex_Away(t *testing.T) {
	database := daemon.NewPostgres(t)
	t.Cleanup(database.Remove)
	o := options(t)
	o.Settings.Poller.Interval = 200 * time.Millisecond
	o.Settings.Stores.DatabaseURL = store.Secret(database.URL(t))
	sim, err := simulator.New(simulator.Config{Servers: 1, Life: simulator.Settings{Linger: 50 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	enlist(t, o.Data, sim.Servers(), nil)
	p := open(t, o)
	run(t, p)
	ready(t, p)
	database.Kill()
	for _, c := range [][2]string{
		{"create", "meetingID=room&name=Room&moderatorPW=mp"}, {"end", "meetingID=room&password=mp"}, {"create", "meetingID=room&name=Room"},
	} {
		if answer := call(t, p, secret, c[0], c[1]); !strings.Contains(answer, "<returncode>SUCCESS") {
			t.Errorf("%s while PostgreSQL is away: %s", c[0], answer)
		}
	}
	if answer := call(t, p, secret, "getRecordings", ""); !strings.Contains(answer, "<returncode>FAILED") {
		t.Errorf("recordings while PostgreSQL is away: %s", answer)
	}
	database.Start(t)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		list, err := p.Stores.Index.SessionsSince(t.Context(), time.Time{}, "", 10)
		if err == nil && len(list) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions, %v", len(list), err)
		}
	}
}
