package assembly_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// told is a row of the outbox.
func toBeTold(kind store.CallbackKind, to string) store.Callback {
	return store.Callback{
		ID: store.CallbackID(kind, "s", to), Kind: kind, Tenant: store.DefaultTenant, MeetingID: "room-1", Subject: "s", URL: to,
		State: store.CallbackWaiting, Created: time.Now(), Changed: time.Now(),
	}
}

// What waits in the records is sent by a pool that runs, signed with the secret that front ends have; what a front end may not
// choose is a problem with the setting in it, and the pool never calls itself.
func TestPool_Outbox(t *testing.T) {
	got := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- r.Method + " " + r.URL.String() + " " + r.FormValue("signed_parameters")
	}))
	defer receiver.Close()
	o := options(t)
	o.Settings.Outbox.Allow = []string{"127.0.0.1"}
	p := open(t, o)
	self := toBeTold(store.CallbackEnded, "http://"+p.Addr()+"/healthz")
	private := toBeTold(store.CallbackEnd, "http://10.255.255.1/moodle?token=hidden")
	if err := p.Stores.Index.AddCallbacks(t.Context(), self, private, toBeTold(store.CallbackReady, receiver.URL+"/ready")); err != nil {
		t.Fatal(err)
	}
	run(t, p)
	if text := <-got; !strings.HasPrefix(text, "POST /ready eyJ") {
		t.Errorf("received %q", text)
	}
	if err := p.Stores.Index.AddCallbacks(t.Context(), toBeTold(store.CallbackEnd, receiver.URL+"/end?a=b")); err != nil {
		t.Fatal(err)
	}
	p.Outbox.Nudge()
	if text := <-got; text != "GET /end?a=b&recordingmarks=false&meetingID=room-1 " {
		t.Errorf("received %q", text)
	}
	client := v1.NewClient(v1.HandlerTransport(p.Administration()), "http://pool", "")
	for id, want := range map[string]string{self.ID: "this pool itself", private.ID: "--callback-allow"} {
		c, err := client.Callbacks.Show(t.Context(), id, false)
		for err == nil && c.Outcome == "" { // it is looked at beside the others
			c, err = client.Callbacks.Show(t.Context(), id, false)
		}
		if err != nil || !strings.Contains(c.Outcome, want) || c.State != "waiting" || strings.Contains(c.URL, "hidden") {
			t.Errorf("%+v, %v", c, err)
		}
	}
}
