package assembly_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/callbacks/signing"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

const frontEnd = "https://front.example.edu/"

// claimed is a claim of a meeting whose front end wants to be told of everything.
func claimed(id string) store.Claim {
	return store.Claim{
		MeetingKey: store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: id}, Server: "bbb1", InternalID: "internal-" + id,
		Placed: time.Now().Truncate(time.Millisecond), Recorded: true, Signer: "environment",
		Back: &store.Back{Ended: frontEnd + "ended", Meta: []store.MetaField{
			{Name: store.MetaAnalytics, Value: frontEnd + "analytics"}, {Name: store.MetaEnd, Value: frontEnd + "end"},
		}},
	}
}

// calledBack opens a pool with meetings on a server that does not answer, and runs it.
func calledBack(t *testing.T, o assembly.Options, claims ...store.Claim) *assembly.Pool {
	t.Helper()
	o.Settings.Poller.Interval = time.Hour
	p := open(t, o)
	server := store.Server{ID: "bbb1", URL: "http://127.0.0.1:9/bigbluebutton/api", Secret: "s1", State: store.Enabled, Weight: 1}
	err := p.Stores.State.CreateServer(t.Context(), server)
	for _, c := range claims {
		if err == nil {
			_, err = p.Stores.State.CreateClaim(t.Context(), c)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = open(t, o)
	run(t, p)
	return p
}

// back calls an address of a meeting as its server does.
func back(t *testing.T, p *assembly.Pool, kind address.Kind, c store.Claim, query, body string) int {
	t.Helper()
	token, err := signing.Bearer("s1", "HS512", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	url := p.Callbacks.Seal.URL("http://"+p.Addr(), address.Of(kind, c)) + query
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// told are the callbacks that wait, as "kind address marks reason".
func told(t *testing.T, p *assembly.Pool) (list []string) {
	t.Helper()
	rows, err := p.Stores.Index.Callbacks(t.Context(), store.CallbackFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rows {
		list = append(list, strings.Join([]string{string(c.Kind), c.URL, c.Marks, c.Reason}, " "))
	}
	slices.Sort(list)
	return list
}

// What a server calls back is in force when it is answered: a meeting that is over can be created anew at once, and its front end
// is to be told, once, with the marks that came behind the end. Nobody has polled.
func TestPool_CalledBack(t *testing.T) {
	t.Parallel()
	c := claimed("room")
	p := calledBack(t, options(t), c)
	status := func(want int, kind address.Kind, query, body string) {
		t.Helper()
		if got := back(t, p, kind, c, query, body); got != want {
			t.Errorf("%s%s: %d, want %d", kind, query, got, want)
		}
	}
	body := `{"meeting_id":"room","internal_meeting_id":"internal-room","data":{"metadata":{}}}`
	status(200, address.Analytics, "", body)
	status(200, address.Ready, "", "signed_parameters=x")
	stale := c
	c.Placed = c.Placed.Add(-time.Second)
	status(200, address.Ended, "", "")
	c = stale
	if _, err := p.Ledger.Find(t.Context(), c.MeetingKey, 0); err != nil {
		t.Errorf("ended by the address of another: %v", err)
	}
	for range 2 { // as releases up to 3.0.26 do
		status(200, address.Ended, "", "")
	}
	if _, err := p.Ledger.Find(t.Context(), c.MeetingKey, 0); err == nil {
		t.Error("the meeting stands")
	}
	status(200, address.Marks, "?recordingmarks=true&meetingID=room", "")
	status(200, address.Marks, "?recordingmarks=false", "")
	want := []string{
		"analytics " + frontEnd + "analytics  ", "end " + frontEnd + "end true ended", "ended " + frontEnd + "ended  ended",
	}
	if got := told(t, p); !slices.Equal(got, want) {
		t.Errorf("told %q", got)
	}
	if status, text := get(t, p.Addr(), "/callbacks/ping"); status != 200 || text != "bbbpool\n" {
		t.Errorf("%d %q", status, text)
	}
}

// While PostgreSQL is away servers are answered as ever: what they call back waits with the history, also what nobody can tell
// yet where it goes, and is there when PostgreSQL is.
func TestIndex_AwayCalledBack(t *testing.T) {
	t.Parallel()
	database := daemon.NewPostgres(t)
	t.Cleanup(database.Remove)
	o := options(t)
	o.Settings.Stores.DatabaseURL = store.Secret(database.URL(t))
	over, goesOn := claimed("over"), claimed("goes-on")
	p := calledBack(t, o, over, goesOn)
	if got := back(t, p, address.Ended, over, "", ""); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	database.Kill()
	for _, c := range []store.Claim{over, goesOn} {
		body := `{"meeting_id":"x","internal_meeting_id":"` + c.InternalID + `","data":{"metadata":{}}}`
		if got := back(t, p, address.Analytics, c, "", body); got != http.StatusOK {
			t.Errorf("analytics of %s: %d", c.MeetingID, got)
		}
	}
	for _, kind := range []address.Kind{address.Marks, address.Ended} {
		if got := back(t, p, kind, goesOn, "?recordingmarks=true", ""); got != http.StatusOK {
			t.Errorf("%s: %d", kind, got)
		}
	}
	if _, err := p.Ledger.Find(t.Context(), goesOn.MeetingKey, 0); err == nil {
		t.Error("the meeting stands")
	}
	database.Start(t)
	want := []string{
		"analytics " + frontEnd + "analytics  ", "analytics " + frontEnd + "analytics  ", "end " + frontEnd + "end  ended",
		"end " + frontEnd + "end true ended", "ended " + frontEnd + "ended  ended", "ended " + frontEnd + "ended  ended",
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		rows, err := p.Stores.Index.Callbacks(t.Context(), store.CallbackFilter{})
		if err == nil && len(rows) == len(want) && slices.Equal(told(t, p), want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, %v", rows, err)
		}
	}
}
