package frontend_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/cli/demo/frontend"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// What a server signs with the secret is verified, what another signs is not; who asks sees both on the page.
func TestFrontEnd(t *testing.T) {
	f, err := frontend.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	now := time.Now()
	sim, err := simulator.New(simulator.Config{Servers: 2, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	sim.Start()
	f.Trust(sim.Servers()[0].Secret())
	for i, s := range sim.Servers() {
		client := bbb.NewClient(bbb.Endpoint{URL: s.URL(), Secret: s.Secret()}, http.DefaultTransport, 10*time.Second)
		create := f.Create()
		create.Set("name", "Room")
		create.Set("meetingID", []string{"ours", "theirs"}[i])
		create.Set("record", "true")
		if _, err := client.Answer(t.Context(), "create", create.Encode()); err != nil {
			t.Fatal(err)
		}
		if err := s.SetWebhooks(simulator.Webhooks{Permanent: []simulator.PermanentHook{{URL: f.HookURL()}}}); err != nil {
			t.Fatal(err)
		}
		if err := s.End(create.Get("meetingID")); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(time.Minute)
	sim.Tick(t.Context())
	got := map[string]int{}
	for _, d := range f.Deliveries() {
		if d.Kind == "hook" || d.Meeting == "demo" { // the bare callback is about no meeting but the demo's
			continue
		}
		kind, _, _ := strings.Cut(d.Kind, " ")
		got[kind+" "+d.Meeting+" "+string(d.Verdict)]++
	}
	for _, want := range []string{
		"marks, ours unsigned", "marks, theirs unsigned", "ready ours verified", "ready theirs not verified",
		"analytics ours verified", "analytics theirs not verified", "hook ours verified", "hook theirs not verified",
	} {
		if got[want] == 0 {
			t.Errorf("no %q among %v", want, got)
		}
	}
	a, err := http.Get(f.URL())
	if err != nil {
		t.Fatal(err)
	}
	page := make([]byte, 64<<10)
	n, _ := a.Body.Read(page)
	_ = a.Body.Close()
	if !strings.Contains(string(page[:n]), "<h1>What has arrived") {
		t.Errorf("the page: %s", page[:n])
	}
}

// Whatever anybody sends is noted at most, and only the last of it.
func TestFrontEnd_Garbage(t *testing.T) {
	f, err := frontend.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	for _, secret := range []bbb.Secret{"", "s3cret"} {
		f.Trust(secret)
		for _, path := range []string{"ready", "analytics", "hook?checksum=1"} {
			for _, form := range []url.Values{
				{}, {"signed_parameters": {"e30.e30."}}, {"signed_parameters": {"eyJhbGciOiJub25lIn0.e30."}}, {"event": {"[1]"}}, {"event": {"<"}},
			} {
				resp, err := http.PostForm(f.URL()+path, form)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s %v: %d", path, form, resp.StatusCode)
				}
			}
		}
	}
	list := f.Deliveries()
	for _, d := range list {
		if d.Verdict != frontend.Forged {
			t.Errorf("%+v", d)
		}
	}
	for range 60 {
		if resp, err := http.Get(f.URL() + "end?meetingID=" + strings.Repeat("x", 2000)); err == nil {
			_ = resp.Body.Close()
		}
	}
	if list = f.Deliveries(); len(list) != 50 || len(list[0].Meeting) > 256 || list[0].Verdict != frontend.Unsigned {
		t.Errorf("%d deliveries, %+v", len(list), list[0])
	}
}
