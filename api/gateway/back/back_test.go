package back_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/gateway/back"
	"github.com/bbbpool/bbbpool/store"
)

func callbacks(tb testing.TB, base string) *back.Callbacks {
	tb.Helper()
	seal, err := address.New(bytes.Repeat([]byte{1}, address.KeySize))
	if err != nil {
		tb.Fatal(err)
	}
	return &back.Callbacks{Seal: seal, Base: func(tenant string) string {
		if tenant != "" {
			return tenant
		}
		return base
	}}
}

func params(tb testing.TB, query string) bbb.Params {
	tb.Helper()
	p, err := bbb.ParseParams(query)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// What a front end wants to be called at goes out of its create, by whatever spelling, and nothing else does.
func TestTake(t *testing.T) {
	for give, want := range map[string]struct {
		left string
		back *store.Back
	}{
		"name=a&meta_topic=x&meta_other-callback-url=y": {"name=a&meta_topic=x&meta_other-callback-url=y", nil},
		"": {"", nil},
		"name=a&meta_endCallbackUrl=https%3A%2F%2Fa%2Fb%3Fc&meetingID=x": {
			"name=a&meetingID=x", &store.Back{Meta: []store.MetaField{{Name: "endcallbackurl", Value: "https://a/b?c"}}},
		},
		"meetingEndedURL=u&meetingendedurl=v&meta_meetingEndedURL=w": {
			"meetingendedurl=v&meta_meetingEndedURL=w", &store.Back{Ended: "u"},
		},
		"meta_BN-Recording-Ready-URL=2&meta_bbb-recording-ready-url=1&meta_canvas-recording-ready-url=3&meta_analytics-callback-url=0&a=b": {
			"a=b", &store.Back{Meta: []store.MetaField{
				{Name: "analytics-callback-url", Value: "0"},
				{Name: "bbb-recording-ready-url", Value: "1"},
				{Name: "bn-recording-ready-url", Value: "2"},
				{Name: "canvas-recording-ready-url", Value: "3"},
			}},
		},
		"meta_ENDCALLBACKURL=first&meta_endCallbackUrl=second&META_endcallbackurl=third": {
			"", &store.Back{Meta: []store.MetaField{{Name: "endcallbackurl", Value: "first"}}},
		},
		"meta_billing-callback-url=b&meta_Billing-callback-url=c&meta_a_b=c": {
			"", &store.Back{Meta: []store.MetaField{{Name: "billing-callback-url", Value: "b"}}},
		},
		"meta_endCallbackUrl=&meetingEndedURL=": {"", &store.Back{Meta: []store.MetaField{{Name: "endcallbackurl"}}}},
		"meetingEndedURL=":                      {"", nil},
		"meta_endCallbackUrl=no%20URL":          {"", &store.Back{Meta: []store.MetaField{{Name: "endcallbackurl", Value: "no URL"}}}},
		"meta_=x&meta=y&endCallbackUrl=z":       {"meta_=x&meta=y&endCallbackUrl=z", nil},
	} {
		p := params(t, give)
		got, err := back.Take(&p, []string{"Billing-callback-url", "a_b", ""})
		if err != nil || p.Encode() != want.left || !reflect.DeepEqual(got, want.back) {
			t.Errorf("%s: %+v, left %q, %v", give, got, p.Encode(), err)
		}
	}
}

// All addresses together are bounded.
func TestTake_TooLong(t *testing.T) {
	long := func(n int) bbb.Params {
		return params(t, "meta_endCallbackUrl="+strings.Repeat("x", n)+"&meetingEndedURL="+strings.Repeat("y", 4<<10))
	}
	fits := long(4<<10 - len("endcallbackurl"))
	if b, err := back.Take(&fits, nil); err != nil || b == nil {
		t.Errorf("what fits: %v", err)
	}
	over := long(4<<10 - len("endcallbackurl") + 1)
	if _, err := back.Take(&over, nil); err == nil || !strings.Contains(err.Error(), "validationError") {
		t.Errorf("too long: %v", err)
	}
}

func claim(b *store.Back, recorded bool) store.Claim {
	return store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "arts", MeetingID: "room-1"}, Server: "bbb1", Recorded: recorded, Back: b,
		Placed: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC),
	}
}

func asked(query string, tb testing.TB) *store.Back {
	p := params(tb, query)
	b, err := back.Take(&p, []string{"billing-callback-url"})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

const (
	all = "meetingEndedURL=https://f/1&meta_endCallbackUrl=https://f/2&meta_bbb-recording-ready-url=https://f/3&" +
		"meta_analytics-callback-url=https://f/4&meta_billing-callback-url=https://f/5"
	end, analytics, billing = "meta_endCallbackUrl", "meta_analytics-callback-url", "meta_billing-callback-url"
)

// What a server gets: the end always, the rest where somebody wants to know, nothing of it without an address of ours.
func TestPut(t *testing.T) {
	for what, give := range map[string]struct {
		asked    string
		recorded bool
		breakout bool
		base     string
		tenant   back.Tenant
		want     []string
		lacking  bool
	}{
		"nothing":                {base: "https://pool", want: []string{back.EndedName}},
		"recorded":               {base: "https://pool", recorded: true, want: []string{back.EndedName, end}},
		"all":                    {asked: all, base: "https://pool", want: []string{back.EndedName, end, analytics, billing}},
		"no URLs":                {asked: "meta_endCallbackUrl=x&meta_analytics-callback-url=ftp://y&" + billing + "=", base: "https://pool", want: []string{back.EndedName}},
		"analytics kept":         {base: "https://pool", tenant: back.Tenant{Analytics: true}, want: []string{back.EndedName, analytics}},
		"a breakout room":        {asked: all, recorded: true, breakout: true, base: "https://pool"},
		"no address":             {asked: all, recorded: true, lacking: true},
		"no address, no need":    {asked: "meta_endCallbackUrl=https://f/2", recorded: true},
		"the tenant's address":   {tenant: back.Tenant{URL: "https://arts"}, want: []string{back.EndedName}},
		"kept without addresses": {tenant: back.Tenant{Analytics: true}, lacking: true},
	} {
		b, c := callbacks(t, give.base), claim(asked(give.asked, t), give.recorded)
		c.Breakout = give.breakout
		p := params(t, "name=a")
		if lacking := b.Put(&p, c, give.tenant); lacking != give.lacking {
			t.Errorf("%s: lacking %v", what, lacking)
		}
		var names []string
		for _, one := range p[1:] {
			names = append(names, one.Name)
			place, err := b.Seal.Read(one.Value)
			if err != nil || place.MeetingKey != c.MeetingKey || place.Server != "bbb1" || !place.Placed.Equal(c.Placed) {
				t.Errorf("%s: %s is %+v, %v", what, one.Name, place, err)
			}
			if !strings.HasPrefix(one.Value, give.tenant.URL) || !strings.HasPrefix(one.Value, give.base) {
				t.Errorf("%s: %s", what, one.Value)
			}
		}
		if !reflect.DeepEqual(names, give.want) {
			t.Errorf("%s: %v, want %v", what, names, give.want)
		}
	}
	p := params(t, "name=a")
	if lacking := (&back.Callbacks{}).Put(&p, claim(asked(all, t), true), back.Tenant{}); !lacking || len(p) != 1 {
		t.Errorf("without a key: %v", p)
	}
}

// ours is the parameters that a server gets, by their names in metadata.
func ours(tb testing.TB, b *back.Callbacks, c store.Claim) map[string]string {
	tb.Helper()
	var p bbb.Params
	b.Put(&p, c, back.Tenant{Analytics: true})
	meta := map[string]string{}
	for _, one := range p {
		if name, is := strings.CutPrefix(strings.ToLower(one.Name), "meta_"); is {
			meta[name] = one.Value
		}
	}
	return meta
}

// Front ends see their own again, where servers had ours or nothing, and nothing of ours.
func TestRestore(t *testing.T) {
	b := callbacks(t, "https://pool")
	c := claim(asked(all, t), true)
	meta := ours(t, b, c)
	x := &bbb.Builder{}
	x.Open("response").Open("metadata").Text("topic", "x").Text(store.MetaEnd, meta[store.MetaEnd])
	x.Text("mine", meta[store.MetaEnd]).Text(store.MetaAnalytics, meta[store.MetaAnalytics])
	x.Text("billing-callback-url", meta["billing-callback-url"]).Close("metadata")
	answer := x.Bytes()
	want := "<response><metadata><topic>x</topic><endcallbackurl>https://f/2</endcallbackurl><mine>" + meta[store.MetaEnd] +
		"</mine><analytics-callback-url>https://f/4</analytics-callback-url>" +
		"<billing-callback-url>https://f/5</billing-callback-url>" +
		"<bbb-recording-ready-url>https://f/3</bbb-recording-ready-url></metadata></response>"
	if got := string(b.Restore(answer, c.Back)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	want = "<response><metadata><topic>x</topic><mine>" + meta[store.MetaEnd] + "</mine></metadata></response>"
	if got := string(b.Restore(answer, nil)); got != want {
		t.Errorf("without originals: %s\nwant %s", got, want)
	}
	hidden := []byte("<response><metadata><secret-lrs-payload>x</secret-lrs-payload></metadata></response>")
	if got := string(b.Restore(hidden, nil)); got != "<response><metadata></metadata></response>" {
		t.Errorf("what servers alone are to know: %s", got)
	}
	untouched := []byte("<response><metadata><topic>x</topic></metadata></response>")
	if got := b.Restore(untouched, nil); &got[0] != &untouched[0] {
		t.Errorf("what has nothing to do with it: %s", got)
	}
}

// The same in JSON, of which no call is known.
func TestRestore_JSON(t *testing.T) {
	b := callbacks(t, "https://pool")
	c := claim(asked(all, t), true)
	meta := ours(t, b, c)
	in := `{"metadata":{"topic":"x","endcallbackurl":"` + meta[store.MetaEnd] + `","analytics-callback-url":"` +
		meta[store.MetaAnalytics] + `"}}`
	if got := string(b.Restore([]byte(in), c.Back)); got != `{"metadata":{"topic":"x","endcallbackurl":"https://f/2","analytics-callback-url":"https://f/4"}}` {
		t.Error(got)
	}
	if got := string(b.Restore([]byte(in), nil)); got != `{"metadata":{"topic":"x","endcallbackurl":"","analytics-callback-url":""}}` {
		t.Error(got)
	}
}

func TestMerged(t *testing.T) {
	field := func(name, value string) *store.Back {
		return &store.Back{Ended: "x", Meta: []store.MetaField{{Name: name, Value: value}}}
	}
	for what, give := range map[string]struct {
		own, parent *store.Back
		want        []store.MetaField
	}{
		"none": {}, "own": {own: field("a", "1"), want: field("a", "1").Meta},
		"parent": {parent: field("a", "1"), want: field("a", "1").Meta},
		"both": {
			own: field("a", "1"), parent: &store.Back{Meta: []store.MetaField{{Name: "a", Value: "2"}, {Name: "b", Value: "3"}}},
			want: []store.MetaField{{Name: "a", Value: "1"}, {Name: "b", Value: "3"}},
		},
	} {
		got := back.Merged(give.own, give.parent)
		if got == nil != (give.want == nil) || got != nil && !reflect.DeepEqual(got.Meta, give.want) {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

func BenchmarkTakeAndPut(b *testing.B) {
	back4 := callbacks(b, "https://pool.example.edu")
	p := params(b, "name=a&meetingID=b&record=true&meta_topic=x&"+all)
	for b.Loop() {
		own := append(bbb.Params(nil), p...)
		orig, err := back.Take(&own, nil)
		if err != nil {
			b.Fatal(err)
		}
		back4.Put(&own, claim(orig, true), back.Tenant{})
	}
}

// BenchmarkRestore gives the front end of a meeting with 100 people its own back, or finds that there is nothing to do.
func BenchmarkRestore(b *testing.B) {
	back4 := callbacks(b, "https://pool.example.edu")
	c := claim(asked(all, b), true)
	meeting := func(meta map[string]string) []byte {
		x := &bbb.Builder{}
		x.Open("meeting").Text("meetingID", "room-1").Open("attendees")
		for range 100 {
			x.Open("attendee").Text("userID", "w_0123456789ab").Text("fullName", "Ada Lovelace").Text("role", "VIEWER")
			x.Bool("isPresenter", false).Bool("isListeningOnly", false).Bool("hasJoinedVoice", true).Bool("hasVideo", false)
			x.Text("clientType", "HTML5").Open("customdata").Close("customdata").Close("attendee")
		}
		x.Close("attendees").Open("metadata").Text("topic", "x")
		for name, value := range meta {
			x.Text(name, value)
		}
		return x.Close("metadata").Bool("isBreakout", false).Close("meeting").Fragment()
	}
	for what, give := range map[string]struct {
		raw  []byte
		back *store.Back
	}{"ours": {meeting(ours(b, back4, c)), c.Back}, "nothing": {meeting(nil), nil}} {
		b.Run(what, func(b *testing.B) {
			b.SetBytes(int64(len(give.raw)))
			for b.Loop() {
				back4.Restore(give.raw, give.back)
			}
		})
	}
}
