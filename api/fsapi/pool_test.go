package fsapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/fsapi"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/bridges"
	"github.com/bbbpool/bbbpool/store"
)

// nowhere is a store that keeps nothing: the ledger knows its meetings by itself.
type nowhere struct{ placement.State }

func (nowhere) Claims(context.Context) ([]store.Claim, error) { return nil, nil }

func (nowhere) Endings(context.Context) ([]store.Ending, error) { return nil, nil }

func (nowhere) CreateClaim(_ context.Context, c store.Claim) (store.Claim, error) { return c, nil }

// ledger is one with some servers, over no store.
func ledger(t *testing.T, give placement.Bridges, servers ...string) *placement.Ledger {
	t.Helper()
	l, err := placement.OpenLedger(t.Context(), placement.Parts{
		Config: placement.Config{Bridges: give}, State: nowhere{}, Servers: servers, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range servers {
		l.SetServer(placement.Server{ID: id, Weight: 1, Standing: placement.Open})
	}
	return l
}

// place begins a meeting, and returns what was claimed for it.
func place(t *testing.T, l *placement.Ledger, key store.MeetingKey) store.Claim {
	t.Helper()
	creation, err := l.Begin(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer creation.End()
	found, err := creation.Place(t.Context(), placement.Wish{Alias: key.Tenant + "_" + key.MeetingID}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return found.Claim
}

// Of 5,000 meetings no two have the same number, though the rooms of two tenants would have the same by their names; each
// number leads to the server that has the meeting, and to nobody else's.
func TestPool(t *testing.T) {
	l := ledger(t, placement.Bridges{Length: 5, Numbers: bridges.Numbers}, "bbb0", "bbb1", "bbb2")
	p := newPhone(t)
	p.api = &fsapi.API{
		Config: fsapi.Config{Shortest: 5, Most: 6}, Secret: "s3cret", Now: func() time.Time { return p.now }, Log: zerolog.Nop(),
		Meetings: l, Server: func(id string) (string, bool) { return "https://" + id + ".example.org/bigbluebutton/api", true },
	}
	numbers := map[string]store.Claim{}
	for i := range 5000 {
		claim := place(t, l, store.MeetingKey{Tenant: fmt.Sprint("t", i%2), MeetingID: fmt.Sprint("room-", i/2)})
		if other, taken := numbers[claim.Voice]; taken || len(claim.Voice) != 5 {
			t.Fatalf("%v and %v have %q", claim.MeetingKey, other.MeetingKey, claim.Voice)
		}
		numbers[claim.Voice] = claim
	}
	asked := 0
	for number, claim := range numbers {
		if asked++; asked%5 != 0 {
			continue
		}
		p.now = p.now.Add(time.Minute) // or it is taken for one who guesses
		if got := p.ask("variable_pin", number); !strings.Contains(got, "sofia/external/"+number+"@"+claim.Server+".example.org\"") {
			t.Fatalf("%v: %s", claim, got)
		}
		if got := p.ask("variable_pin", number, "tenant", claim.Tenant); !strings.Contains(got, "bridge_to_server") {
			t.Fatalf("%v: %s", claim, got)
		}
		other := map[string]string{"t0": "t1", "t1": "t0"}[claim.Tenant]
		if got := p.ask("variable_pin", number, "tenant", other); strings.Contains(got, "bridge_to_server") {
			t.Fatalf("%v is told to %s: %s", claim, other, got)
		}
	}
}
