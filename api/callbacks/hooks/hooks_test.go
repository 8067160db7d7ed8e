package hooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/callbacks/hooks"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

const base = "https://pool.test"

// ledger is what meetings there are.
type ledger []store.Claim

func (l ledger) Meetings() (list []placement.Info) {
	for _, c := range l {
		list = append(list, placement.Info{Claim: c})
	}
	return list
}

func (l ledger) OnServers(id string) (placement.Found, error) {
	for _, c := range l {
		if c.OnServer() == id {
			return placement.Found{Claim: c}, nil
		}
	}
	return placement.Found{}, placement.ErrUnknown
}

func (l ledger) Hash(k store.MeetingKey) string { return "hash of " + k.Tenant + "/" + k.MeetingID }

// box is an outbox that takes what fits.
type box struct {
	full   bool
	fullOf string // a tenant for whom there is no room
}

func (b *box) RoomFor(tenant string, _ int, _ int64) bool { return !b.full && tenant != b.fullOf }

func (b *box) OfHook(string) int { return 0 }
func (b *box) Nudge()            {}

// peer is an instance that does not lead.
type peer struct{ leads, alone bool }

func (p *peer) Leading() bool { return p.leads }

func (p *peer) HandOn(w http.ResponseWriter, _ *http.Request, body []byte) bool {
	if !p.alone {
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(body)
	}
	return !p.alone
}

// bench is webhooks over a real store.
type bench struct {
	*hooks.Hooks

	t     *testing.T
	mux   *http.ServeMux
	seal  *address.Sealer
	db    store.Index
	now   time.Time
	box   box
	peer  peer
	claim ledger
	away  error // of the servers' records
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	seal, err := address.New([]byte(strings.Repeat("k", address.KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, mux: http.NewServeMux(), seal: seal, db: db.Index(), now: time.Now(), peer: peer{leads: true}}
	b.claim = ledger{
		{MeetingKey: store.MeetingKey{Tenant: "phys", MeetingID: "room"}, Server: "bbb1", InternalID: "int-1", Alias: "phys_room"},
		{MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "new"}, Server: "bbb1"},
	}
	b.Hooks = hooks.New(hooks.Parts{
		Index: b.db, Ledger: b.claim, Outbox: &b.box, Seal: seal, Base: func() string { return base }, Elsewhere: &b.peer,
		Domain: func() string { return "pool.test" }, Servers: func() []hooks.Server { return nil }, Record: b.record,
		Now: func() time.Time { return b.now }, Log: zerolog.Nop(),
	})
	b.Mount(b.mux)
	if err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"default", "phys"} {
		if _, _, err := b.Create(t.Context(), store.Hook{Tenant: tenant, URL: "https://" + tenant + ".test/hook"}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *bench) record(_ context.Context, id string) (store.Server, error) {
	if id != "bbb1" && id != "bbb2" {
		return store.Server{}, store.ErrNotFound
	}
	return store.Server{ID: id, Secret: "server-secret", Former: "former-secret"}, b.away
}

func place(server string) address.Place { return address.Place{Kind: address.Event, Server: server} }

// about is the form that an event comes in.
func about(internal, external string) string {
	return form(fmt.Sprintf(`{"data":{"id":"user-joined","attributes":{"meeting":{"internal-meeting-id":%q,"external-meeting-id":%q},
		"user":{"session-token":"t"}}}}`, internal, external))
}

func form(event string) string {
	return "domain=bbb1.test&event=" + url.QueryEscape("["+event+"]") + "&timestamp=1"
}

// deliver delivers as a server does, but for what change makes of it.
func (b *bench) deliver(server, body string, change ...func(r *http.Request)) int {
	b.t.Helper()
	to := b.seal.URL(base, place(server))
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodPost,
		to+"?checksum="+bbb.SHA1.Checksum(to, body, "server-secret"), strings.NewReader(body))
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, r)
	return w.Code
}

// rows are what is to be told, as "tenant meeting".
func (b *bench) rows() (list []string) {
	b.t.Helper()
	rows, err := b.db.Callbacks(b.t.Context(), store.CallbackFilter{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range rows {
		list = append(list, c.Tenant+" "+c.MeetingID)
		if !json.Valid(c.Body) || strings.Contains(string(c.Body), "session-token") || strings.Contains(string(c.Body), "phys_room") {
			b.t.Errorf("row %s", c.Body)
		}
	}
	return list
}

// signed signs a delivery otherwise.
func signed(algorithm bbb.Algorithm, by bbb.Secret, to, body string) func(*http.Request) {
	return func(r *http.Request) { r.URL.RawQuery = "checksum=" + algorithm.Checksum(to, body, by) }
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) {
		r.URL.RawQuery = ""
		r.Header.Set("Authorization", "Bearer "+token)
	}
}

// Only what a server has signed is believed: over the address as it was registered, with the secret of the server that the
// address is for, in any algorithm; or with the secret itself. bbb-webhooks takes a 401 for success, so a forger learns nothing.
func TestHooks_Genuine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	body := about("int-1", "phys_room")
	to := b.seal.URL(base, place("bbb1"))
	former := b.seal.URL("http://old.test", place("bbb1"))
	for _, c := range []struct {
		name   string
		want   int
		change func(*http.Request)
	}{
		{"sha256", 200, signed(bbb.SHA256, "server-secret", to, body)},
		{"sha384", 200, signed(bbb.SHA384, "server-secret", to, body)},
		{"sha512", 200, signed(bbb.SHA512, "server-secret", to, body)},
		{"the former secret", 200, signed(bbb.SHA1, "former-secret", to, body)},
		{"bearer", 200, bearer("server-secret")},
		{"the base of before", 200, func(r *http.Request) {
			r.Host = "old.test"
			signed(bbb.SHA1, "server-secret", former, body)(r)
		}},
		{"another secret", 401, signed(bbb.SHA1, "other", to, body)},
		{"an empty secret", 401, signed(bbb.SHA1, "", to, body)},
		{"no checksum", 401, func(r *http.Request) { r.URL.RawQuery = "" }},
		{"half a checksum", 401, func(r *http.Request) { r.URL.RawQuery = r.URL.RawQuery[:30] }},
		{"another address", 401, signed(bbb.SHA1, "server-secret", "https://else.test/", body)},
		{"another body", 401, signed(bbb.SHA1, "server-secret", to, body+"x")},
		{"an empty bearer", 401, bearer("")},
		{"another bearer", 401, bearer("server-secre")},
		{"GET", 405, func(r *http.Request) { r.Method = http.MethodGet }},
		{"another kind of address", 404, func(r *http.Request) { r.URL.Path += "A" }},
	} {
		before := len(b.rows())
		if got := b.deliver("bbb1", body, c.change); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		if n := len(b.rows()); n != before && c.want != 200 {
			t.Errorf("%s: %d rows", c.name, n)
		}
	}
	if got := strings.Join(b.rows(), ", "); got != "phys room" { // it was the same event each time
		t.Errorf("rows: %s", got)
	}
	if got := b.deliver("gone", body); got != http.StatusNotFound {
		t.Errorf("a server that has left: %d", got)
	}
}

// An event is told to whom its meeting belongs, and answered so that a server tells it again where that helps.
func TestHooks_Owner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	past := store.Session{ID: "int-0", Tenant: "phys", Server: "bbb1", Meeting: "hash of phys/before", End: b.now}
	if err := b.db.AddSession(t.Context(), past); err != nil {
		t.Fatal(err)
	}
	expect := func(what string, want int, rows string, got int) {
		t.Helper()
		list := b.rows()
		if got != want || strings.Join(list, ", ") != rows {
			t.Errorf("%s: %d, want %d; rows %q, want %s", what, got, want, list, rows)
		}
	}
	expect("an ended meeting", 200, "phys before", b.deliver("bbb1", about("int-0", "phys_before")))
	rows := "phys before, default new"
	expect("one that is being created", 200, rows, b.deliver("bbb1", about("int-2", "new")))
	expect("another server's ended meeting", 503, rows, b.deliver("bbb2", about("int-0", "new")))
	expect("another server's", 503, rows, b.deliver("bbb2", about("int-1", "phys_room")))
	expect("nobody's yet", 503, rows, b.deliver("bbb1", about("int-9", "strange")))
	b.now = b.now.Add(time.Minute)
	expect("nobody's", 200, rows, b.deliver("bbb1", about("int-9", "strange")))
	expect("no meeting", 200, rows, b.deliver("bbb1", form(`{"data":{"id":"x"}}`)))
	expect("no event", 200, rows, b.deliver("bbb1", form(`7`)))
	expect("no form", 200, rows, b.deliver("bbb1", `{"event":[]}`))
	expect("too much", 200, rows, b.deliver("bbb1", strings.Repeat("x", 3<<20)))
	b.box.full = true
	expect("no room", 200, rows, b.deliver("bbb1", about("int-1", "phys_room")))
	b.box.full, b.away = false, errors.New("the store is away")
	expect("no store", 503, rows, b.deliver("bbb1", about("int-1", "phys_room")))
	b.away, b.peer.leads = nil, false
	expect("another leads", 202, rows, b.deliver("bbb1", about("int-1", "phys_room")))
	expect("a server that a follower has not heard of", 202, rows, b.deliver("bbb9", about("int-1", "phys_room")))
	expect("forged at a follower", 401, rows, b.deliver("bbb1", about("int-1", "x"), bearer("x")))
	b.peer.alone = true
	expect("nobody leads", 503, rows, b.deliver("bbb1", about("int-1", "phys_room")))
	b.peer.leads = true
	expect("then", 200, rows+", phys room", b.deliver("bbb1", about("int-1", "phys_room")))
}

// A tenant may have so many hooks, of such a length, and the same address is one hook.
func TestHooks_Bounds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	long := store.Hook{Tenant: "default", URL: "https://x.test/" + strings.Repeat("x", hooks.MaxURL)}
	if _, _, err := b.Create(t.Context(), long); !errors.Is(err, hooks.ErrTooLong) {
		t.Errorf("a long address: %v", err)
	}
	first := b.Of("default", "")[0]
	again, duplicate, err := b.Create(t.Context(), store.Hook{Tenant: "default", URL: first.URL, Raw: true})
	if err != nil || !duplicate || again.ID != first.ID || again.Raw {
		t.Errorf("again: %+v, %v, %v", again, duplicate, err)
	}
	var made sync.WaitGroup // at once, or each would wait for the disk
	for i := 1; i < hooks.MaxPerTenant; i++ {
		made.Go(func() {
			one := store.Hook{ID: fmt.Sprintf("id-%d", i), Tenant: "default", URL: fmt.Sprintf("https://x.test/%d", i)}
			if err := b.db.CreateHook(t.Context(), one); err != nil {
				t.Error(err)
			}
		})
	}
	made.Wait()
	if _, _, err := b.Create(t.Context(), store.Hook{Tenant: "default", URL: "https://y.test/"}); !errors.Is(err, hooks.ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	if _, _, err := b.Create(t.Context(), store.Hook{Tenant: "phys", URL: "https://y.test/"}); err != nil {
		t.Errorf("another tenant's: %v", err)
	}
}

// A server that lies about which breakout room is whose has nobody go round in circles. A room whose parent is a meeting is that
// one's; the rooms of others are not.
func TestHooks_Circle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room := func(id string) store.Claim {
		return store.Claim{MeetingKey: store.MeetingKey{Tenant: "phys", MeetingID: id}, Server: "bbb1", InternalID: id, Breakout: true}
	}
	b.Ledger = append(b.claim, room("int-a"), room("int-b"), room("int-c"))
	parents := map[string]string{"int-a": "int-b", "int-b": "int-a", "int-c": "int-1"}
	b.Seen = func(_ string, key store.MeetingKey) (bbb.Meeting, bool) {
		return bbb.Meeting{ParentID: parents[key.MeetingID]}, true
	}
	for _, id := range []string{"int-a", "int-b", "int-c"} {
		if status := b.deliver("bbb1", about(id, id)); status != http.StatusOK {
			t.Errorf("%s: %d", id, status)
		}
	}
	if got := b.rows(); !slices.Equal(got, []string{"phys int-a", "phys int-b", "phys room"}) {
		t.Errorf("%q", got)
	}
}

// counted is a ledger of which all meetings are asked for.
type counted struct {
	ledger
	n int
}

func (c *counted) Meetings() []placement.Info {
	c.n++
	return c.ledger.Meetings()
}

// A server that tells all the time of meetings which are not ours has nobody look through all of ours each time; one that is
// created meanwhile is found.
func TestHooks_Unknown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	all := &counted{ledger: b.claim}
	b.Ledger = all
	for range 50 {
		if status := b.deliver("bbb1", about("theirs", "theirs")); status != http.StatusServiceUnavailable {
			t.Errorf("status %d", status)
		}
	}
	if all.n != 1 {
		t.Errorf("looked through %d times", all.n)
	}
	all.ledger = append(all.ledger, store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "phys", MeetingID: "theirs"}, Server: "bbb1", InternalID: "theirs",
	})
	b.now = b.now.Add(time.Second)
	if status := b.deliver("bbb1", about("theirs", "theirs")); status != http.StatusOK || len(b.rows()) != 1 {
		t.Errorf("status %d, rows %q", status, b.rows())
	}
}
