package admin_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

var class = store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: "class 1/a\x1b[2J"}

// A server that does not answer is not enabled, unless somebody insists; one that does is.
func TestClient_EnableServer(t *testing.T) {
	p := newTestPool(t)
	server := simulate(t, 1)[0]
	_, err := p.Servers.Add(t.Context(), v1.NewServer{URL: server.URL(), Secret: v1.Secret(server.Secret()), ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
		t.Fatal(err)
	}
	_, err = p.Servers.Enable(t.Context(), "a", false)
	refused(t, err, http.StatusUnprocessableEntity, "server a stays disabled", "status 500")
	if got, err := p.Servers.Enable(t.Context(), "a", true); err != nil || got.State != "enabled" {
		t.Errorf("forced: %+v, %v", got, err)
	}
	if _, err := p.Servers.Disable(t.Context(), "a", false); err != nil {
		t.Fatal(err)
	}
	if err := server.Heal(); err != nil {
		t.Fatal(err)
	}
	got, err := p.Servers.Enable(t.Context(), "a", false)
	if err != nil || got.State != "enabled" || got.Diagnosis == nil {
		t.Errorf("enabled %+v, %v", got, err)
	}
}

// Enabling a server that is enabled, but takes no meetings, says why it takes none.
func TestClient_EnableServer_Offline(t *testing.T) {
	p := newTestPool(t)
	p.add(t, "a", simulate(t, 1)[0])
	if got, err := p.Servers.Enable(t.Context(), "a", false); err != nil || got.Warning != "" {
		t.Errorf("well: %+v, %v", got, err)
	}
	p.poller.Report("a", p.poller.Client("a"), &bbb.CallError{Reason: bbb.Refused, Err: errors.New("nobody there")})
	got, err := p.Servers.Enable(t.Context(), "a", false)
	if err != nil || got.Warning != "server a is suspect, failing for 0s: api: refused: nobody there" {
		t.Errorf("silent: %+v, %v", got, err)
	}
}

// A disabled server may be switched off: a check says so, and does not fail.
func TestClient_Check_Disabled(t *testing.T) {
	p := newTestPool(t)
	server := simulate(t, 1)[0]
	p.add(t, "a", server)
	if err := server.Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Pool.Check(t.Context()); err != nil || got.OK || !got.Servers[0].Unfit() {
		t.Errorf("enabled: %+v, %v", got, err)
	}
	if _, err := p.Servers.Disable(t.Context(), "a", false); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Pool.Check(t.Context()); err != nil || !got.OK || got.Servers[0].OK || got.Servers[0].Error == "" {
		t.Errorf("disabled: %+v, %v", got, err)
	}
}

// Meetings are not cut off by accident: disabling and removing their server has to be insisted on.
func TestClient_MeetingsInTheWay(t *testing.T) {
	p := newTestPool(t)
	p.add(t, "a", simulate(t, 1)[0])
	p.create(t, class)
	p.ledger.Joined(class, 0)
	_, err := p.Servers.Disable(t.Context(), "a", false)
	refused(t, err, http.StatusConflict, "1 meeting with 1 person")
	refused(t, p.Servers.Remove(t.Context(), "a", false), http.StatusConflict, "1 meeting with 1 person")
	got, err := p.Servers.Cordon(t.Context(), "a")
	if err != nil || got.State != "cordoned" || got.Meetings != 1 || got.Users != 1 || got.Expected != 10 {
		t.Errorf("cordoned %+v, %v", got, err)
	}
	if got, err := p.Servers.Disable(t.Context(), "a", true); err != nil || got.State != "disabled" {
		t.Errorf("disabled %+v, %v", got, err)
	}
	refused(t, p.Servers.Remove(t.Context(), "a", false), http.StatusConflict, "1 meeting with 1 person", "drain --wait")
	if err := p.Servers.Remove(t.Context(), "a", true); err != nil {
		t.Errorf("forced: %v", err)
	}
	if list := p.ledger.Meetings(); len(list) != 0 {
		t.Errorf("claims are left: %v", list)
	}
	_, err = p.Servers.Show(t.Context(), "a")
	refused(t, err, http.StatusNotFound, `"a"`)
	if _, err := p.stores.State.Server(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the record is left: %v", err)
	}
}

// A meeting with any ID can be found, and ended on its server; what is left is a session.
func TestClient_EndMeeting(t *testing.T) {
	p := newTestPool(t)
	servers := simulate(t, 2)
	p.add(t, "a", servers[0])
	claim := p.create(t, class)
	p.create(t, store.MeetingKey{Tenant: "other", MeetingID: "m2"})
	for query, want := range map[[2]string]int{{"", ""}: 2, {"other", ""}: 1, {"", "a"}: 2, {"default", "b"}: 0} {
		if list, err := p.Meetings.List(t.Context(), query[0], query[1]); err != nil || len(list) != want {
			t.Errorf("meetings %v: %v, %v", query, list, err)
		}
	}
	m, err := p.Meetings.Show(t.Context(), v1.MeetingKey(class))
	if err != nil || m.Server != "a" || m.InternalID == "" || m.CreateTime == 0 {
		t.Errorf("meeting %+v, %v", m, err)
	}
	if _, err := p.Meetings.End(t.Context(), v1.MeetingKey(class), false); err != nil {
		t.Fatal(err)
	}
	if got, ok := servers[0].Meeting(class.MeetingID); ok && !got.Ended {
		t.Error("the meeting goes on")
	}
	if _, err := p.ledger.Peek(class); !errors.Is(err, placement.ErrUnknown) {
		t.Errorf("the claim stands: %v", err)
	}
	sessions, err := p.stores.Index.SessionsSince(t.Context(), time.Time{}, "", 10)
	if err != nil || len(sessions) != 1 || sessions[0].Reason != "operator" || sessions[0].Server != claim.Server {
		t.Errorf("sessions %+v, %v", sessions, err)
	}
}

// If the server cannot be reached the claim stands, unless somebody insists.
func TestClient_EndMeeting_Unreachable(t *testing.T) {
	p := newTestPool(t)
	server := simulate(t, 1)[0]
	p.add(t, "a", server)
	p.create(t, class)
	if err := server.Fault(simulator.Fault{Kind: simulator.ServerError}); err != nil {
		t.Fatal(err)
	}
	_, err := p.Meetings.End(t.Context(), v1.MeetingKey(class), false)
	refused(t, err, http.StatusBadGateway, "server a", "force")
	if _, err := p.ledger.Peek(class); err != nil {
		t.Errorf("the claim is gone: %v", err)
	}
	if _, err := p.Meetings.End(t.Context(), v1.MeetingKey(class), true); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ledger.Peek(class); !errors.Is(err, placement.ErrUnknown) {
		t.Errorf("the claim stands: %v", err)
	}
}

// A check asks all servers and says of each what is wrong; also of one that has changed its mind about algorithms.
func TestClient_Check(t *testing.T) {
	p := newTestPool(t)
	p.add(t, "a", simulate(t, 1)[0])
	b := v1.NewServer{URL: fakeBBB(t, "s", bbb.SHA1), Secret: "wrong", ID: "b", Force: true}
	_, err := p.Servers.Add(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	c := store.Server{ID: "c", URL: fakeBBB(t, "s", bbb.SHA512) + "/bigbluebutton/api", Secret: "s", Checksum: "sha256"}
	if err := p.stores.State.CreateServer(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p.api.Pool.Ready = func() []string { return []string{"the spool is missing"} }
	got, err := p.Pool.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, s := range got.Servers {
		said[s.ID], _, _ = strings.Cut(s.Error, " ")
	}
	want := map[string]string{"a": "", "b": "checksum:", "c": "checksum:"}
	if diff := cmp.Diff(want, said); diff != "" || got.OK || len(got.Problems) != 1 {
		t.Errorf("check %+v (-want +got):\n%s", got, diff)
	}
	for _, id := range []string{"b", "c"} {
		if err := p.stores.State.DeleteServer(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	p.api.Pool.Ready = nil
	if got, err := p.Pool.Check(t.Context()); err != nil || !got.OK || len(got.Servers) != 1 {
		t.Errorf("check %+v, %v", got, err)
	}
}

// The status counts, and says in words what somebody has to look at.
func TestClient_Status(t *testing.T) {
	p := newTestPool(t)
	got, err := p.Pool.Status(t.Context())
	if err != nil || len(got.Problems) != 0 || got.Version != "1.2.3" {
		t.Errorf("empty pool: %+v, %v", got, err)
	}
	servers := simulate(t, 2)
	p.add(t, "a", servers[0])
	p.create(t, class)
	p.add(t, "b", servers[1])
	if _, err := p.Servers.Disable(t.Context(), "b", false); err != nil {
		t.Fatal(err)
	}
	p.poller.Report("a", p.poller.Client("a"), &bbb.CallError{Reason: bbb.Refused, Err: errors.New("nobody there")})
	got, err = p.Pool.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Status{
		Version: "1.2.3", Problems: got.Problems, Meetings: 1, Expected: 10,
		Servers: v1.Counts{Total: 2, Enabled: 1, Disabled: 1, Suspect: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if len(got.Problems) != 1 || got.Problems[0] != "server a is suspect, failing for 0s: api: refused: nobody there" {
		t.Errorf("problems %q", got.Problems)
	}
}

// warned is a pool whose servers have something to warn of.
type warned struct{ pool }

func (w warned) Servers() []poller.Status {
	list := w.pool.Servers()
	for i := range list {
		list[i].Warnings, list[i].ClockSkew = []string{"its clock is 7s behind ours"}, -7*time.Second
		list[i].CertificateExpires = then
	}
	return list
}

// alarmed is a pool whose own network is in trouble.
type alarmed struct{ pool }

func (alarmed) Alarms() []string { return []string{"local DNS fails: check the resolver"} }

// What is wrong on our own side is a problem of the pool, and comes before those of its servers.
func TestClient_Status_Alarms(t *testing.T) {
	p, _ := withServers(t, 2)
	p.see(alarmed{p.poller})
	p.poller.Report("b", p.poller.Client("b"), &bbb.CallError{Reason: bbb.Refused, Err: errors.New("nobody there")})
	got, err := p.Pool.Status(t.Context())
	if err != nil || len(got.Problems) < 2 || got.Problems[0] != "local DNS fails: check the resolver" ||
		!strings.HasPrefix(got.Problems[1], "server b is suspect") {
		t.Errorf("problems %q, %v", got.Problems, err)
	}
}

// A server on its way back says how far it is.
func TestClient_Status_Recovering(t *testing.T) {
	p, _ := withServers(t, 2)
	refused := &bbb.CallError{Reason: bbb.Refused, Err: errors.New("nobody there")}
	for _, err := range []error{refused, nil, refused, nil} { // whoever fails again needs more
		p.ahead.Add(int64(2 * time.Second))
		p.poller.Report("a", p.poller.Client("a"), err)
	}
	const reason = "recovering, 1 of 2 clean polls; last failure: api: refused: nobody there"
	if got, err := p.Pool.Status(t.Context()); err != nil || !slices.Contains(got.Problems, "server a is suspect: "+reason) {
		t.Errorf("problems %q, %v", got.Problems, err)
	}
	if got, err := p.Servers.Enable(t.Context(), "a", false); err != nil || got.Warning != "server a is suspect: "+reason || got.Reason != reason {
		t.Errorf("enabled %+v, %v", got, err)
	}
}

// hooked is a pool in which something happens whenever somebody is called.
type hooked struct {
	pool
	hook func()
}

func (h hooked) NewClient(e bbb.Endpoint) *bbb.Client {
	h.hook()
	return h.pool.NewClient(e)
}

// A server that gets another address while it is tested is not enabled: nobody knows what is there.
func TestClient_EnableServer_Changed(t *testing.T) {
	p, _ := withServers(t, 1)
	if _, err := p.Servers.Disable(t.Context(), "a", false); err != nil {
		t.Fatal(err)
	}
	p.see(hooked{p.poller, func() {
		_, err := p.stores.State.UpdateServer(t.Context(), "a", func(s *store.Server) error {
			s.URL = "https://elsewhere.example/bigbluebutton/api"
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}})
	_, err := p.Servers.Enable(t.Context(), "a", false)
	refused(t, err, http.StatusConflict, "has another address or secret by now")
	p.state(t, "a", store.Disabled)
}

// What will break soon is a problem of the pool, and shown with the server; but nobody minds about one that is disabled.
func TestClient_Warnings(t *testing.T) {
	p, fake := withServers(t, 1)
	p.see(warned{p.poller})
	fake.owe("a", store.OwedPublished, nil, "r1", "r2")
	list, err := p.Servers.List(t.Context())
	if err != nil || len(list) != 1 || len(list[0].Warnings) != 1 || list[0].SkewMS != -7000 || list[0].Owed != 2 ||
		!list[0].CertificateExpires.Equal(then) || list[0].Events != nil {
		t.Errorf("servers %+v, %v", list, err)
	}
	warning := "server a: its clock is 7s behind ours"
	if st, err := p.Pool.Status(t.Context()); err != nil || !slices.Contains(st.Problems, warning) {
		t.Errorf("problems %q, %v", st.Problems, err)
	}
	if _, err := p.Servers.Disable(t.Context(), "a", false); err != nil {
		t.Fatal(err)
	}
	if st, err := p.Pool.Status(t.Context()); err != nil || slices.Contains(st.Problems, warning) {
		t.Errorf("problems %q, %v", st.Problems, err)
	}
	got, err := p.Servers.Show(t.Context(), "a")
	if err != nil || len(got.Events) == 0 || got.Events[0].Kind == "" || got.Events[0].Text == "" {
		t.Errorf("server %+v, %v", got, err)
	}
}

// A hard capacity needs one.
func TestClient_Hard(t *testing.T) {
	p, _ := withServers(t, 1)
	yes, capacity := true, 50
	_, err := p.Servers.Change(t.Context(), "a", v1.Change{Hard: &yes})
	refused(t, err, http.StatusBadRequest, "hard:")
	got, err := p.Servers.Change(t.Context(), "a", v1.Change{Hard: &yes, Capacity: &capacity})
	if err != nil || !got.Hard || got.Capacity != 50 {
		t.Errorf("changed into %+v, %v", got, err)
	}
	if load := p.ledger.ServerLoad("a"); !load.Hard || load.Capacity != 50 {
		t.Errorf("the ledger has %+v", load)
	}
	capacity = 0
	_, err = p.Servers.Change(t.Context(), "a", v1.Change{Capacity: &capacity})
	refused(t, err, http.StatusBadRequest, "hard:")
}
