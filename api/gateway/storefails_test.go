package gateway_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// The store fails while a create is on its way. A meeting that its server has made is told to the front end, and can be
// joined; what the server has refused is told as well. That the claim is not what it should be is in the log.
func TestCreate_StoreFailsMeanwhile(t *testing.T) {
	const refusal = "<response><returncode>FAILED</returncode><messageKey>tooMany</messageKey></response>"
	for _, c := range []struct{ name, answer, key, logged string }{
		{"made", "", "", "the claim stands, its internal ID is not stored"},
		{"refused", refusal, "tooMany", "give up a claim"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f front
			var log syncBuffer
			p := start(t, settings{servers: 1, poll: time.Hour, log: &log, server: func(s *store.Server) { f.before(t, s) }})
			f.set(func(call string) (string, bool) {
				if call == "/create" {
					_ = p.stores.Close() // or it has failed before
				}
				return c.answer, call == "/create" && c.answer != ""
			})
			if a := p.call("create", createQuery("room")); a.Key != c.key || (a.Returncode == "SUCCESS") != (c.key == "") {
				t.Errorf("create: %s", a.body)
			}
			if n := len(lines(t, &log, c.logged)); n != 1 {
				t.Errorf("%d lines say %q in\n%s", n, c.logged, log.String())
			}
			if c.key == "" && p.join("room", "").Path == "" {
				t.Error("nobody can join")
			}
		})
	}
}

// An end that cannot be recorded is none of the front end's business, and in the log: it may be tried again.
func TestEnd_StoreFails(t *testing.T) {
	var log syncBuffer
	p := start(t, settings{servers: 1, poll: time.Hour, log: &log})
	p.create("room")
	if err := p.stores.Close(); err != nil {
		t.Fatal(err)
	}
	if a := p.call("end", "meetingID=room&password=mp"); a.Key != "internalError" {
		t.Errorf("end: %s", a.body)
	}
	if a := p.call("create", createQuery("another")); a.Key != "internalError" {
		t.Errorf("create: %s", a.body)
	}
	p.waitFor("both to be in the log", func() bool {
		failed := 0
		for _, l := range lines(t, &log, "") { // a call's own line says nothing but its fields
			if l.Level == "error" {
				failed++
			}
		}
		return failed == 2
	})
}
