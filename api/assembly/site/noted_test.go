package site_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store/storetest/scalelite"
)

// front is a front end that hears of recordings.
func front(t *testing.T) (told chan string, address string) {
	t.Helper()
	told = make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told <- r.URL.Path + " " + r.FormValue("signed_parameters")
	}))
	t.Cleanup(server.Close)
	return told, server.URL
}

// record has a server of the time before hold a meeting that is recorded, and end it; its archive comes to the spool.
func (s *site) record(spool, meetingID, tenant string) {
	s.t.Helper()
	sim, err := simulator.New(simulator.Config{
		Secret: "old", SpoolDir: spool, Life: simulator.Settings{NeverJoined: time.Hour, Deserted: time.Hour, Linger: 20 * time.Millisecond},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
	call := func(name string, params url.Values) string {
		return s.ask(sim.Servers()[0].URL()+"/"+name+"?"+bbb.SHA256.Sign(name, params.Encode(), "old"), "")
	}
	s.says("create", call("create", url.Values{
		"meetingID": {meetingID}, "name": {"Kurs"}, "moderatorPW": {"mp"}, "attendeePW": {"ap"}, "record": {"true"},
		"autoStartRecording": {"true"}, "meta_tenant-id": {tenant},
	}), "SUCCESS")
	s.says("join", call("join", url.Values{"meetingID": {meetingID}, "password": {"mp"}, "fullName": {"Ada"}, "redirect": {"false"}}), "SUCCESS")
	s.says("end", call("end", url.Values{"meetingID": {meetingID}, "password": {"mp"}}), "SUCCESS")
}

// A front end whose meeting Scalelite has created, and whose recording comes when Scalelite has gone, is told of it.
func TestThere_Noted(t *testing.T) {
	s := moveIn(t)
	told, address := front(t)
	if err := scalelite.Exec(t.Context(), s.postgres, `INSERT INTO public.callback_data
		(meeting_id, callback_attributes, created_at, updated_at) VALUES ('late-room', E'---\n:analytics_callback_url: `+address+`/analytics\n`+
		`:recording_ready_url: `+address+`/ready\n', now(), now())`); err != nil {
		t.Fatal(err)
	}
	spool := t.TempDir()
	s.serve(func(set *assembly.Settings) {
		set.Recordings.Spool, set.Recordings.Rest, set.Recordings.Interval = spool, 10*time.Millisecond, time.Second
		set.Recordings.Volume.MinFree, set.Outbox.Allow = 1<<20, []string{"127.0.0.1"}
	})
	defer s.stop()
	s.record(spool, "late-room", "166dd60f-ea11-48af-a15d-94ca449ebf27")
	select {
	case got := <-told:
		if !strings.HasPrefix(got, "/ready ey") {
			t.Errorf("told %s", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("nobody is told: %q", s.listed("alpha", url.Values{"meetingID": {"late-room"}}))
	}
	if list := s.listed("alpha", url.Values{"meetingID": {"late-room"}}); len(list) != 1 {
		t.Errorf("listed: %q", list)
	}
}
