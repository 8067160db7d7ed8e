package simulator_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// A server that is given another secret accepts that and no other from then on, and is away first where it restarts for it.
// Its meetings stay.
func TestServer_SetSecret(t *testing.T) {
	sim, clock := start(t, simulator.Config{})
	s := sim.Servers()[0]
	mustCreate(t, s, "room", "")
	former := s.Secret()
	put := func(body string) answer {
		return send(t, http.MethodPut, s.ControlURL()+"/secret", "application/json", body)
	}
	for _, wrong := range []string{`{}`, `{"secret":""}`, `{"secret":"x","pause":"soon"}`, `{"secret":"x","pause":"-1s"}`, `{"sekret":"x"}`} {
		if a := put(wrong); a.status != http.StatusBadRequest || s.Secret() != former {
			t.Errorf("%s: status %d, %s", wrong, a.status, a.body)
		}
	}
	if a := put(`{"secret":"new","pause":"5s"}`); a.status != http.StatusNoContent || s.Secret() != "new" {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	for _, call := range []string{"", "/getMeetings?" + bbb.SHA256.Sign("getMeetings", "", "new")} {
		if a := send(t, http.MethodGet, s.URL()+call, "", ""); a.status != http.StatusBadGateway {
			t.Errorf("%q answered with %d while it restarts", call, a.status)
		}
	}
	clock.add(5 * time.Second)
	for secret, want := range map[bbb.Secret]string{"new": "SUCCESS", former: "FAILED"} {
		address := s.URL() + "/getMeetingInfo?" + bbb.SHA256.Sign("getMeetingInfo", "meetingID=room", secret)
		if a := send(t, http.MethodGet, address, "", ""); a.field("returncode") != want {
			t.Errorf("status %d: %s, want %s", a.status, a.body, want)
		}
	}
	if err := s.SetSecret("newer", 0); err != nil || call(t, s, "getMeetings", "").field("returncode") != "SUCCESS" {
		t.Errorf("at once: %v", err)
	}
}
