package address_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
)

func sealer(t *testing.T, with byte) *address.Sealer {
	t.Helper()
	s, err := address.New(bytes.Repeat([]byte{with}, address.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func place(tenant, meeting string) address.Place {
	return address.Of(address.Ended, store.Claim{
		MeetingKey: store.MeetingKey{Tenant: tenant, MeetingID: meeting}, Server: "bbb1",
		Placed: time.Date(2026, 1, 5, 8, 0, 0, 123_456_789, time.UTC),
	})
}

// What is sealed comes back, from an instance with the same key, and is the same each time.
func TestSealer(t *testing.T) {
	for _, p := range []address.Place{place("default", "room-1"), place("", ""), place("a/b", "räume \x00 [0]"), {Kind: address.Event}} {
		url := sealer(t, 1).URL("https://pool.example.edu/", p)
		if !strings.HasPrefix(url, "https://pool.example.edu/callbacks/"+string(p.Kind)+"/") {
			t.Errorf("address %q", url)
		}
		got, err := sealer(t, 1).Read(url + "?recordingmarks=true")
		if err != nil || !got.Placed.Equal(p.Placed) || got.MeetingKey != p.MeetingKey || got.Server != p.Server || got.Kind != p.Kind {
			t.Errorf("read %+v, %v; want %+v", got, err, p)
		}
		if again := sealer(t, 1).URL("https://pool.example.edu", p); again != url {
			t.Errorf("sealed again: %q, before %q", again, url)
		}
		if strings.Contains(url, "room-1") || strings.Contains(url, "default") {
			t.Errorf("%q tells what it is about", url)
		}
	}
}

// Whatever is not ours, or was changed, or is used for another kind, is refused.
func TestSealer_Foreign(t *testing.T) {
	url := sealer(t, 1).URL("https://pool", place("default", "room-1"))
	token := url[strings.LastIndex(url, "/")+1:]
	changed := []byte(token)
	changed[20] ^= 1
	for what, give := range map[string]struct {
		with  byte
		kind  address.Kind
		token string
	}{
		"another key":  {2, address.Ended, token},
		"another kind": {1, address.Marks, token},
		"changed":      {1, address.Ended, string(changed)},
		"cut":          {1, address.Ended, token[:len(token)-2]},
		"empty":        {1, address.Ended, ""},
		"no base64":    {1, address.Ended, "***"},
		"long":         {1, address.Ended, strings.Repeat("A", 1<<20)},
	} {
		if p, err := sealer(t, give.with).Open(give.kind, give.token); !errors.Is(err, address.ErrForeign) {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
	}
	if _, err := address.New(nil); err == nil {
		t.Error("an empty key was accepted")
	}
}

// What a front end gives is called where it can be, and where it does not lead back to us.
func TestSealer_Callable(t *testing.T) {
	s := sealer(t, 1)
	ours := s.URL("https://pool.example.edu", place("default", "room-1"))
	for give, want := range map[string]bool{
		"https://front.example.edu/end?x=1": true, "http://10.0.0.1:8080": true, "HTTPS://front/": true,
		"https://front.example.edu/callbacks/ended/else": true,
		"": false, "front.example.edu/end": false, "/end": false, "ftp://front/end": false, "https://": false,
		"https:///end": false, "https://:443/end": false, "https://front/%zz": false, "javascript:alert(1)": false,
		"mailto:a@b": false, "https://front\n/": false,
		ours: false, ours + "?meetingID=x": false, strings.Replace(ours, "callbacks", "%63allbacks", 1): false,
		strings.Replace(ours, "/callbacks/", "//callbacks/./x/../", 1): false, "http://[::1]/" + ours: false,
		ours + "#x": false, ours + "/": false,
	} {
		if got := s.Callable(give); got != want {
			t.Errorf("%q: %v", give, got)
		}
	}
	var none *address.Sealer
	if !none.Callable("https://front/end") || none.Callable("front") {
		t.Error("without a key")
	}
}

// Further metadata has addresses of its own, which are read as they were made, also by whom reads those without a name.
func TestSealer_Names(t *testing.T) {
	p := place("default", "room-1")
	p.Kind = address.Analytics
	plain := sealer(t, 1).URL("https://pool", p)
	p.Name = "billing-callback-url"
	named := sealer(t, 1).URL("https://pool", p)
	if got, err := sealer(t, 1).Read(named); err != nil || got != p || named == plain {
		t.Errorf("read %+v, %v", got, err)
	}
	if got, err := sealer(t, 1).Read(plain); err != nil || got.Name != "" || got.Kind != address.Analytics {
		t.Errorf("read %+v, %v", got, err)
	}
	c := store.Claim{MeetingKey: p.MeetingKey, Server: p.Server, Placed: p.Placed.Add(time.Microsecond)}
	if !p.Is(c) || p.Meta() != "billing-callback-url" {
		t.Errorf("%+v is not of its claim, or stands for %q", p, p.Meta())
	}
	for kind, want := range map[address.Kind]string{
		address.Analytics: store.MetaAnalytics, address.Marks: store.MetaEnd, address.Ready: store.MetaReady, address.Ended: "", address.Event: "",
	} {
		if other := (address.Place{Kind: kind, Server: "bbb2"}); other.Meta() != want || other.Is(c) {
			t.Errorf("%s stands for %q, or is of any claim", kind, other.Meta())
		}
	}
}

// A key that is learnt late is the one that is sealed with from then on; what was sealed before is read still.
func TestSealer_Use(t *testing.T) {
	s, p := sealer(t, 1), place("default", "room-1")
	before := s.URL("https://pool", p)
	if err := s.Use(bytes.Repeat([]byte{2}, address.KeySize)); err != nil {
		t.Fatal(err)
	}
	after := s.URL("https://pool", p)
	if after == before || after != sealer(t, 2).URL("https://pool", p) {
		t.Errorf("sealed as %q", after)
	}
	for _, url := range []string{before, after} {
		if got, err := s.Read(url); err != nil || got != p {
			t.Errorf("%q: %+v, %v", url, got, err)
		}
	}
	if err := s.Use([]byte("short")); err == nil || s.URL("https://pool", p) != after {
		t.Errorf("a short key: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	s, _ := address.New(bytes.Repeat([]byte{1}, address.KeySize))
	f.Add(s.URL("https://pool", place("default", "room-1")))
	f.Add("/callbacks/ended/AAAA")
	f.Fuzz(func(t *testing.T, url string) {
		p, err := s.Read(url)
		if err != nil {
			return
		}
		if again, err := s.Read(s.URL("", p)); err != nil || again != p {
			t.Errorf("%q: %+v, again %+v, %v", url, p, again, err)
		}
	})
}
