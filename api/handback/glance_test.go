package handback_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/handback"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
)

// Servers are asked once, as they are to be asked; of those that do not answer nothing is said, and disabled ones are left alone.
func TestGlance(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, checksum := bbb.SplitChecksum(r.URL.RawQuery)
		if bbb.Verify("getMeetings", query, checksum, []bbb.Secret{"s"}, bbb.SHA1, bbb.SHA256) < 0 {
			_, _ = fmt.Fprint(w, "<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey></response>")
			return
		}
		meeting := func(id, people, videos, breakout string) string {
			return "<meeting><meetingID>" + id + "</meetingID><internalMeetingID>" + id + "-1</internalMeetingID><createTime>1</createTime>" +
				"<participantCount>" + people + "</participantCount><videoCount>" + videos + "</videoCount><isBreakout>" + breakout +
				"</isBreakout></meeting>"
		}
		_, _ = fmt.Fprint(w, "<response><returncode>SUCCESS</returncode><meetings>"+meeting("a", "12", "3", "false")+
			meeting("b", "5", "0", "false")+meeting("c", "4", "0", "true")+"</meetings></response>")
	}))
	defer server.Close()
	one := func(id string, secret store.Secret, state store.ServerState) store.Server {
		return store.Server{ID: id, URL: server.URL + "/bigbluebutton/api", Secret: secret, State: state, Weight: 0.4}
	}
	away := one("away", "s", store.Enabled)
	away.URL = "http://127.0.0.1:1/bigbluebutton/api"
	got := handback.Glance(t.Context(), []store.Server{
		away, one("bbb1", "s", store.Enabled), one("bbb2", "s", store.Draining), one("off", "s", store.Disabled), one("wrong", "x", store.Enabled),
	})
	seen := redis.Observation{Online: true, Load: 42.5, Meetings: 2, Users: 17, LargestMeeting: 12, Videos: 3}
	first, second := seen, seen
	first.Server, second.Server = "bbb1", "bbb2"
	if diff := cmp.Diff([]redis.Observation{first, second}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
