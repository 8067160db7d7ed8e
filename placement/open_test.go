package placement_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// unreadable is a history whose key or rows cannot be read.
type unreadable struct {
	placement.History
	key, rows error
}

func (u unreadable) Key(context.Context, string, []byte) ([]byte, error) { return []byte("k"), u.key }

func (u unreadable) SessionsSince(context.Context, time.Time, string, int) ([]store.Session, error) {
	return nil, u.rows
}

func (u unreadable) DeleteSessions(context.Context, time.Time, int) (int, error) { return 0, nil }

// Without the key of the history, rooms would have other names than before: nothing is opened. Where nobody will read the
// history later, it has to be read now.
func TestOpenLedger_HistoryFails(t *testing.T) {
	p := newPool(t, "a")
	parts := p.parts("a")
	parts.History = unreadable{key: errDisk}
	_, err := placement.OpenLedger(t.Context(), parts)
	wantErr(t, "key", err, errDisk)
	parts.History, parts.Offline = unreadable{rows: errDisk}, true
	_, err = placement.OpenLedger(t.Context(), parts)
	wantErr(t, "rows", err, errDisk)
}

// A history that cannot be read is not known, and creates go on without it.
func TestLedger_Run_HistoryFails(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		parts := p.parts("a")
		parts.History = unreadable{rows: errDisk}
		ledger, err := placement.OpenLedger(t.Context(), parts)
		p.must(err)
		p.Ledger = ledger
		p.stand(placement.Open, "a")
		began := make(chan error)
		go func() {
			c, err := p.Begin(t.Context(), key("m")) // waits for the history
			if err == nil {
				c.End()
			}
			began <- err
		}()
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- p.Run(ctx) }()
		p.must(<-began)
		synctest.Wait()                     // until Run has removed what is too old
		wantErr(t, "fault", p.Fault(), nil) // that went well
		cancel()
		p.must(<-over)
	})
}

// A ledger whose history is not stored has nothing to read and nothing to keep short: its creates never wait.
func TestLedger_Run_NoHistory(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- p.Run(ctx) }()
		p.create("m")
		cancel()
		p.must(<-over)
		p.check()
	})
}

// A create that waits for the history gives up with its caller, and so does one that waits for another.
func TestBegin_GivesUp(t *testing.T) {
	p := newPool(t, "a")
	c := p.begin("m")
	_, err := p.Begin(expired, key("m"))
	wantErr(t, "behind another", err, context.Canceled)
	c.End()
	parts := p.parts("a")
	parts.History = unreadable{}
	ledger, err := placement.OpenLedger(t.Context(), parts)
	p.must(err)
	_, err = ledger.Begin(expired, key("m"))
	wantErr(t, "before the history is read", err, context.Canceled)
	p.must(ledger.Check())
}

// Claims that stand when the ledger is opened are on the pages of servers that nobody has told of yet: they take no
// meetings, and hold what they have.
func TestOpenLedger_Servers(t *testing.T) {
	p := newPool(t, "a", "b")
	claim := p.create("m")
	p.open("a", "b")
	equal(t, "not told of yet", p.ServerLoad(claim.Server).Meetings, 1)
	found, err := p.Peek(key("m"))
	p.must(err)
	equal(t, "standing", found.Standing, placement.Gone)
	_, err = p.begin("n").Place(t.Context(), placement.Wish{}, nil)
	wantErr(t, "a create", err, placement.ErrNoServer)
	p.SetServer(placement.Server{ID: claim.Server, Weight: 1, Standing: placement.Open, Tag: "x"})
	equal(t, "tag", p.Tag(claim.Server), "x")
	equal(t, "tag of none", p.Tag("nobody"), "")
	found, err = p.Peek(key("m"))
	p.must(err)
	equal(t, "standing", found.Standing, placement.Open)
}

// Everything that cannot work is named, with its flag.
func TestConfig_Validate(t *testing.T) {
	sound := placement.Config{Fade: time.Minute, Default: 15, Carry: 200, Days: 400}
	if err := sound.Validate(); err != nil {
		t.Error(err)
	}
	wrong := placement.Config{
		Sessions: 9, SeatMin: -1, SeatLead: 3 * time.Hour, SeatGrace: -time.Minute, Fill: 1.5, Default: 20_000,
	}
	err := wrong.Validate()
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, flag := range []string{
		"expect-fade", "expect-default", "expect-sessions", "seat-min", "seat-lead", "seat-grace", "fill",
		"people-per-server", "history-days",
	} {
		if !strings.Contains(err.Error(), "--"+flag+" ") {
			t.Errorf("nothing is said of --%s: %v", flag, err)
		}
	}
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) || len(list.Unwrap()) != 9 {
		t.Errorf("%v", err)
	}
}
