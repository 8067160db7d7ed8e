package assembly_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly"
)

// phone asks an instance, as FreeSWITCH does, where the meeting with a number is.
func phone(t *testing.T, p *assembly.Pool, path, password, pin string) (status int, body string) {
	t.Helper()
	form := url.Values{"section": {"dialplan"}, "Caller-Destination-Number": {"100"}, "variable_pin": {pin}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.Addr()+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("fsapi", password)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// heard waits until an instance has heard of a number.
func heard(t *testing.T, p *assembly.Pool, number string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := p.Ledger.ByVoice(number); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is unknown", number)
		}
	}
}

// Every instance gives meetings numbers of the pool, and tells FreeSWITCH where they are, wherever they were made. A server is told
// of the tenant's record store, whichever instance that was set at.
func TestPhones(t *testing.T) {
	c := several(t, 2, func(s *assembly.Settings) { s.Bridges.Length = 9 })
	_, followers := c.leader()
	client := v1.NewClient(v1.HandlerTransport(followers[0].Administration()), "http://pool", "")
	endpoint, password := "https://lrs.test", v1.Secret("p")
	_, err := client.Tenants.Change(t.Context(), "default", v1.TenantChange{LRS: &v1.LRSChange{Endpoint: &endpoint, Password: &password}})
	if err != nil {
		t.Fatal(err)
	}
	answer := c.succeeds(followers[0], "create", "meetingID=abc&name=Room&voiceBridge=70001")
	if got := element(answer, "voiceBridge"); got != "715622307" { // as Scalelite has it
		t.Errorf("its number is %s", got)
	}
	for _, m := range c.pools {
		if again := c.succeeds(m, "create", "meetingID=abc&name=Room"); element(again, "voiceBridge") != "715622307" {
			t.Error(again)
		}
		heard(t, m.Pool, "715622307")
		if status, got := phone(t, m.Pool, "/fsapi", secret, "715622307"); status != 200 || !strings.Contains(got, `"sofia/external/715622307@127.0.0.1"`) {
			t.Errorf("%d %s", status, got)
		}
		if _, got := phone(t, m.Pool, "/fsapi?tenant=other", secret, "715622307"); !strings.Contains(got, "ask_for_meeting_again") {
			t.Errorf("for another tenant: %s", got)
		}
		if status, got := phone(t, m.Pool, "/fsapi", "wrong", "715622307"); status != http.StatusUnauthorized {
			t.Errorf("with a wrong password: %d %s", status, got)
		}
	}
	var params map[string]string
	for _, s := range c.sim.Servers() {
		if m, ok := s.Meeting("abc"); ok {
			params = m.Params
		}
	}
	if params["voiceBridge"] != "715622307" || len(params["meta_secret-lrs-payload"]) < 64 {
		t.Errorf("the server got %v", params)
	}
	if strings.Contains(answer+c.succeeds(followers[0], "getMeetingInfo", "meetingID=abc"), "lrs") {
		t.Error("front ends see the payload")
	}
}

// Where nothing is set up for telephones there is no door for them, and a front end's number is its own.
func TestPhones_Off(t *testing.T) {
	p := open(t, options(t))
	run(t, p)
	if status, got := phone(t, p, "/fsapi", secret, "70001"); status == http.StatusOK || status == http.StatusUnauthorized {
		t.Errorf("%d %s", status, got)
	}
}
