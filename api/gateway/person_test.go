package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Whoever follows a join link 400 times is one person, known by the user's ID or else by the link: servers with a hard
// capacity take new meetings still.
func TestJoin_OnePersonBlocksNobody(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2, poll: time.Hour, server: func(s *store.Server) { s.Capacity, s.Hard = 60, true }})
	for i := range 2 {
		p.create(fmt.Sprint("room-", i))
	}
	for range 200 {
		for i := range 2 {
			p.join(fmt.Sprint("room-", i), "")
			p.join(fmt.Sprint("room-", i), "&userID=u1&userdata-n="+fmt.Sprint(i))
		}
	}
	p.join("room-0", "&userID=u2")
	for i, want := range []int{3, 2} {
		server := p.server(fmt.Sprint("room-", i))
		if got := p.ledger.ServerLoad(server).People; got != want {
			t.Errorf("%d people on the way to room-%d, want %d", got, i, want)
		}
	}
	p.create("another")
}
