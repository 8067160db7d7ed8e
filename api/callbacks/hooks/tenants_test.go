package hooks_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
)

// said is an event about a meeting.
func said(internal, external, more string) string {
	return fmt.Sprintf(`{"data":{"id":"user-joined","attributes":{"meeting":{"internal-meeting-id":%q,"external-meeting-id":%q}},"more":[%s]}}`,
		internal, external, more)
}

// A tenant for whom there is no room is told nothing, and costs no other anything whose events come along.
func TestHooks_FullTenant(t *testing.T) {
	b := newBench(t)
	b.claim = append(b.claim, store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "other"}, Server: "bbb1", InternalID: "int-2",
	})
	b.Ledger = b.claim
	b.box.fullOf = "phys"
	status := b.deliver("bbb1", form(said("int-1", "phys_room", "")+","+said("int-2", "other", "")))
	if rows := b.rows(); status != 200 || !slices.Equal(rows, []string{"default other"}) {
		t.Errorf("answered %d, to be told: %q", status, rows)
	}
}

// A delivery that would be many times as large as it came is passed over.
func TestHooks_Grown(t *testing.T) {
	b := newBench(t)
	b.claim[0].Back = &store.Back{Ended: "https://phys.test/" + strings.Repeat("x", 8<<10)}
	at := b.seal.URL(base, address.Of(address.Ended, b.claim[0]))
	event := said("int-1", "phys_room", strings.Repeat(`"`+at+`",`, 30)+"1")
	status := b.deliver("bbb1", form(strings.Repeat(event+",", 3)+event))
	if rows := b.rows(); status != 200 || len(rows) == 0 {
		t.Errorf("a few: answered %d, to be told: %q", status, rows)
	}
	had := len(b.rows())
	var many []string
	for n := range 100 {
		many = append(many, said("int-1", "phys_room", strings.Repeat(`"`+at+`",`, 30)+fmt.Sprint(n)))
	}
	status = b.deliver("bbb1", form(strings.Join(many, ",")))
	if rows := b.rows(); status != 200 || len(rows) != had {
		t.Errorf("many: answered %d, and %d more are to be told", status, len(rows)-had)
	}
}
