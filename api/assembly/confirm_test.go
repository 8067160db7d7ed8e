package assembly_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store/driver"
)

// The leader loses Redis right after a server has made a meeting: what it cannot write down it does not acknowledge, and the next
// leader, which gets the create then, finds the meeting, and has it stored before it answers. It is one meeting at all instances.
func TestInstances_ConfirmElsewhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for range 2 {
		m := c.open()
		m.stop = run(t, m.Pool)
	}
	var cut atomic.Pointer[line]
	made := c.sim.Servers()[0]
	to, err := url.Parse(made.URL())
	if err != nil {
		t.Fatal(err)
	}
	to.Path = ""
	pass := httputil.NewSingleHostReverseProxy(to)
	pass.ModifyResponse = func(r *http.Response) error {
		if strings.HasSuffix(r.Request.URL.Path, "/create") {
			if l := cut.Swap(nil); l != nil {
				l.sever()
			}
		}
		return nil
	}
	front := httptest.NewServer(pass)
	t.Cleanup(front.Close)
	client := v1.NewClient(v1.HandlerTransport(c.pools[0].Administration()), "http://pool", "")
	if _, err := client.Servers.Add(t.Context(), v1.NewServer{
		ID: "only", URL: front.URL + "/bigbluebutton/api", Secret: v1.Secret(made.Secret()), Enable: true, Force: true,
	}); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.pools {
		ready(t, m.Pool)
	}
	leader, followers := c.leader()
	cut.Store(leader.redis)
	began := time.Now()
	said := c.succeeds(followers[0], "create", "meetingID=room-a&name=Room+A&attendeePW=ap")
	internal := element(said, "internalMeetingID")
	t.Logf("answered after %s", time.Since(began))
	set := options(t).Settings.Stores
	set.RedisURL, set.DatabaseURL = c.stores.RedisURL, c.stores.DatabaseURL
	direct, err := driver.Open(driver.Config{Data: t.TempDir(), Settings: set})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = direct.Close() })
	stored, err := direct.State.Claims(t.Context())
	if err != nil || len(stored) != 1 || stored[0].InternalID != internal || internal == "" {
		t.Errorf("answered %s, and stored is %+v, %v", said, stored, err)
	}
	if strings.Contains(said, "duplicateWarning") {
		t.Errorf("it is no first creation: %s", said)
	}
	if got := element(c.succeeds(followers[0], "getMeetingInfo", "meetingID=room-a"), "internalMeetingID"); got != internal {
		t.Errorf("it is %s at the new leader, and was %s", got, internal)
	}
}
