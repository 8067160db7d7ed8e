package assembly_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/reload"
)

// held has an instance that does not run yet read no part again of those that it is told of, until release.
func held(p *assembly.Pool, parts ...string) (release func()) {
	gate := make(chan struct{})
	for _, name := range parts {
		read := p.Notices.Parts[name]
		p.Notices.Parts[name] = func(ctx context.Context) error {
			select {
			case <-gate:
			case <-ctx.Done():
			}
			return read(ctx)
		}
	}
	return func() { close(gate) }
}

// On the very first start of a pool a follower hears the leader before it has read what that has made meanwhile: it is not ready
// until then, and a call that reaches it nevertheless waits, and is answered from all that there is.
func TestInstances_Begin(t *testing.T) {
	for _, part := range []string{reload.Tenants, reload.Servers} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			leader, follower := c.open(), c.open() // both have seen an empty Redis
			leader.stop = run(t, leader.Pool)
			c.addServers(0)
			ready(t, leader.Pool)
			c.succeeds(leader, "create", "meetingID=room-a&name=Room+A")
			for !strings.Contains(call(t, leader.Pool, secret, "getMeetings", ""), "room-a") {
				time.Sleep(time.Millisecond)
			}
			release := held(follower.Pool, part)
			follower.stop = run(t, follower.Pool)
			for !follower.Instance.Fresh() {
				time.Sleep(time.Millisecond)
			}
			answers := make(chan string, 1)
			go func() { answers <- call(t, follower.Pool, secret, "getMeetings", "") }()
			for range 20 {
				if status, body := get(t, follower.Addr(), "/readyz"); status != http.StatusServiceUnavailable {
					t.Fatalf("it is ready, and knows no %s: %d %s", part, status, body)
				}
			}
			release()
			if answer := <-answers; !strings.Contains(answer, "room-a") {
				t.Errorf("a call that came too early: %s", answer)
			}
			ready(t, follower.Pool)
		})
	}
}

// One whose Redis goes away before it has heard anybody answers from its copy, as one does that is started without it.
func TestInstances_BeginAway(t *testing.T) {
	t.Parallel()
	c := several(t, 1)
	c.succeeds(c.pools[0], "create", "meetingID=room-a&name=Room+A&moderatorPW=mp")
	begins := c.open()
	begins.redis.sever()
	begins.stop = run(t, begins.Pool)
	answer := c.succeeds(begins, "join", "meetingID=room-a&fullName=Ada&password=mp&redirect=false")
	if element(answer, "meeting_id") == "" {
		t.Error(answer)
	}
	if list := call(t, begins.Pool, secret, "getMeetings", ""); !strings.Contains(list, "poolUnavailable") {
		t.Errorf("what nobody has told it is listed: %s", list)
	}
	if status, body := get(t, begins.Addr(), "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d %s", status, body)
	}
}
