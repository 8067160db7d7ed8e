package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/poller"
)

// Settings that cannot work are named, each with what is wanted, and no gateway opens with them.
func TestConfig_Validate(t *testing.T) {
	good := gateway.Config{MaxBody: 1024, Algorithms: []string{"sha1", "SHA512"}, Params: params.Config{
		DefaultCreate: " a = 1 ,, b=", OverrideJoin: "c=d=e", ExcludeCreate: " , x , ",
	}}
	if err := good.Validate(); err != nil {
		t.Errorf("good settings: %v", err)
	}
	for _, c := range []struct {
		change func(*gateway.Config)
		want   string
		opens  bool // it is for the command line alone to refuse
	}{
		{func(c *gateway.Config) { c.MaxBody = 1023 }, "--max-body 1023: want at least 1024", true},
		{func(c *gateway.Config) { c.Algorithms = []string{"sha1", "md5", "rot13"} }, "md5", false},
		{func(c *gateway.Config) { c.Algorithms = []string{"sha1", "md5", "rot13"} }, "rot13", false},
		{func(c *gateway.Config) { c.Params.DefaultCreate = "a=1,b" }, `--default-create-params: "b": want name=value`, false},
		{func(c *gateway.Config) { c.Params.OverrideCreate = "=1" }, `--override-create-params: "=1": want name=value`, false},
		{func(c *gateway.Config) { c.Params.DefaultJoin = "b" }, `--default-join-params: "b": want name=value`, false},
		{func(c *gateway.Config) { c.Params.OverrideJoin = " = " }, `--override-join-params: " = ": want name=value`, false},
	} {
		config := good
		c.change(&config)
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
		p := bare(&pool{tb: t}, settings{})
		p.gateway.Config = config
		if c.opens {
			continue
		}
		if err := p.gateway.Open(t.Context(), p.stores.State, time.Now()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("open: %v, want %s", err, c.want)
		}
	}
}

// Joins have rules of their own: defaults, overrides, exclusions.
func TestGateway_ParameterRulesOfJoins(t *testing.T) {
	p := start(t, settings{servers: 1, change: func(_ *poller.Config, c *gatewayConfig) {
		c.Params.DefaultJoin, c.Params.OverrideJoin, c.Params.ExcludeJoin = "userdata-a=1,userdata-b=2", "c=ours", "guest,avatarURL"
	}})
	p.create("room")
	q := p.join("room", "&userdata-a=theirs&c=theirs&guest=true&d=e").Query()
	for name, want := range map[string]string{
		"userdata-a": "theirs", "userdata-b": "2", "c": "ours", "d": "e", "fullName": "Ada", "meetingID": "room",
	} {
		if got := q.Get(name); got != want {
			t.Errorf("%s=%s, want %s", name, got, want)
		}
	}
	if q.Has("guest") || q.Has("avatarURL") {
		t.Errorf("%v has what no join keeps", q)
	}
}

// The index of the API is in JSON for those who send JSON, and in XML for all others.
func TestRoot_InJSON(t *testing.T) {
	for _, build := range []string{"", "2025-1"} {
		p := bare(&pool{tb: t}, settings{change: func(_ *poller.Config, c *gatewayConfig) { c.Build = build }})
		address := p.http.URL + "/bigbluebutton/api"
		if got := p.ask(http.MethodGet, address, "", ""); strings.Contains(got, "<build>"+build+"</build>") != (build != "") ||
			!strings.Contains(got, "<apiVersion>2.0</apiVersion>") || !strings.Contains(got, "<bbbpool>true</bbbpool>") {
			t.Errorf("%q: %s", build, got)
		}
		var answer struct{ Response map[string]string }
		if err := json.Unmarshal([]byte(p.ask(http.MethodGet, address, "", "application/json")), &answer); err != nil {
			t.Fatal(err)
		}
		r := answer.Response
		if has := r["build"] != ""; r["returncode"] != "SUCCESS" || r["version"] != "2.0" || r["apiVersion"] != "2.0" ||
			r["build"] != build || has != (build != "") {
			t.Errorf("%q: %v", build, r)
		}
	}
}

// A pool that lists no meetings tells of nobody in them either.
func TestGateway_NoMeetingsList(t *testing.T) {
	p := start(t, settings{servers: 1, change: func(_ *poller.Config, c *gatewayConfig) { c.NoMeetingsList = true }})
	p.create("room")
	p.enter("room", "Ada")
	for call, key := range map[string]string{"getMeetings": "noMeetings", "getSessions": "noSessions"} {
		if a := p.call(call, ""); a.Returncode != "SUCCESS" || a.Key != key || len(a.Meetings) != 0 {
			t.Errorf("%s: %s", call, a.body)
		}
	}
	if a := p.call("getMeetingInfo", "meetingID=room"); a.Returncode != "SUCCESS" {
		t.Errorf("getMeetingInfo: %s", a.body)
	}
}

// Links lead to where the request was sent, by https where that was.
func TestGateway_LinksOverTLS(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	p.stock(shelf()...)
	secure := httptest.NewTLSServer(p.gateway)
	defer secure.Close()
	resp, err := secure.Client().Get(secure.URL + "/bigbluebutton/api/getRecordings?" + bbb.SHA256.Sign("getRecordings", "", secret))
	if err != nil {
		t.Fatal(err)
	}
	a, err := read(resp)
	if err != nil || !strings.HasPrefix(secure.URL, "https://") || !strings.Contains(a.body, "<url>"+secure.URL+"/") {
		t.Errorf("%v, from %s: %s", err, secure.URL, a.body)
	}
}
