package gateway_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// drawn is a query or form that somebody has written in one of the many ways in which it can be written, and what it means.
type drawn struct {
	text  string
	means map[string]string
}

// add writes a parameter, of which the first by a name counts.
func (d *drawn) add(draw *rand.Rand, name, value string) {
	if d.text != "" {
		d.text += "&"
	}
	d.text += written(draw, name) + "=" + written(draw, value)
	if _, twice := d.means[name]; !twice {
		d.means[name] = strings.Trim(value, " ")
	}
}

// written encodes a text: what must be, and of the rest what chance wants.
func written(draw *rand.Rand, text string) string {
	var b strings.Builder
	for _, r := range text {
		encoded := url.QueryEscape(string(r))
		switch {
		case r == ' ' && draw.IntN(2) == 0:
			b.WriteString("%20")
		case strings.ContainsRune("[],;*'()!~:@/?$", r) && draw.IntN(2) == 0:
			b.WriteRune(r)
		case draw.IntN(4) == 0:
			b.WriteString(lowerEscapes(encoded))
		default:
			b.WriteString(encoded)
		}
	}
	return b.String()
}

// lowerEscapes writes percent escapes in small letters, as some programs do.
func lowerEscapes(encoded string) string {
	if strings.HasPrefix(encoded, "%") {
		return strings.ToLower(encoded)
	}
	return encoded
}

// odd is a text of any characters but those that servers drop.
func odd(draw *rand.Rand, length int) string {
	const special = "+ %&=[],;*'\"<>#\\|{}^`/?:@!$()~-_.äßΩ課🎓\u00a0\u202e"
	some := []rune(special)
	var b strings.Builder
	for range length {
		switch draw.IntN(3) {
		case 0:
			b.WriteRune(some[draw.IntN(len(some))])
		case 1:
			b.WriteRune(rune('0' + draw.IntN(75)))
		default:
			if r := rune(0xa1 + draw.IntN(0xffff)); r < 0xd800 || r > 0xdfff {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

// query draws parameters beside those that the call needs.
func query(draw *rand.Rand, needs map[string]string, length int) drawn {
	d := drawn{means: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		d.add(draw, name, needs[name])
	}
	names := []string{"welcome", "meta_x", "meta_y-z", "userdata-a", "x[1]", "ü", "a;b", "bannerText", "a b"}
	for range draw.IntN(6) {
		name := names[draw.IntN(len(names))]
		d.add(draw, name, odd(draw, draw.IntN(length)))
	}
	return d
}

// means reads what a server gets, by nothing that the program reads it with. Each name must be there once.
func means(t *testing.T, raw string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		n, err := url.QueryUnescape(name)
		v, wrong := url.QueryUnescape(value)
		if _, twice := got[n]; err != nil || wrong != nil || twice {
			t.Fatalf("%q twice %t, %v, %v, in %s", n, twice, err, wrong, raw)
		}
		got[n] = strings.Trim(v, " ") // as servers do
	}
	delete(got, "checksum")
	return got
}

// Whatever characters parameters have and however they are written, in a query or in a form, the server gets the values that
// were meant, of every tenant, and the body as it was; and nothing that has not been sent but what is ours.
func TestGateway_ParametersArrive(t *testing.T) {
	var f front
	p := start(t, settings{
		servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) },
		change: func(_ *poller.Config, c *gatewayConfig) { c.MaxBody = 16 << 20 },
	})
	arts, _, chem := p.faculties()
	draw := rand.New(rand.NewPCG(32, 1))
	body := "<modules><module name=\"presentation\"><document name=\"a.pdf\">" + strings.Repeat("QUJD", 1<<18) + "</document></module></modules>"
	for i, front := range slices.Repeat([]tenant{arts, chem, {p, store.DefaultTenant, secret}}, 20) {
		id := fmt.Sprintf("r%d %s", i, strings.ReplaceAll(odd(draw, 20), ",", ""))
		id = strings.Trim(id, " ")
		d := query(draw, map[string]string{"meetingID": id, "name": "Room " + odd(draw, 9) + "."}, 60)
		if i%20 < 4 {
			d.add(draw, "meta_long", odd(draw, 6000))
			more := max(64<<10-len(d.text), 0)/len("%C3%BC") + 1
			d.text += strings.Repeat("%C3%BC", more)
			d.means["meta_long"] += strings.Repeat("ü", more)
		}
		way := front.sendCreate(d, i, body)
		got := f.lastAsked("/create")
		if want := map[bool]string{true: body}[way == "xml"]; got.body != want {
			t.Errorf("%s of %s: the body has %d bytes, want %d", way, front.id, len(got.body), len(want))
		}
		compareMeant(t, front, way+" "+d.text, d.means, means(t, got.query))
		asked := query(draw, map[string]string{"meetingID": id}, 40)
		front.fetch(http.MethodGet, "getMeetingInfo", asked.text)
		compareMeant(t, front, "getMeetingInfo "+asked.text, asked.means, means(t, f.lastAsked("/getMeetingInfo").query))
		joined := query(draw, map[string]string{"meetingID": id, "fullName": "Ada " + odd(draw, 9) + "."}, 40)
		compareMeant(t, front, "join "+joined.text, joined.means, means(t, front.target(joined.text).RawQuery))
	}
}

// sendCreate makes a create in one of the ways in which that can be done, and tells which.
func (t tenant) sendCreate(d drawn, i int, slides string) (way string) {
	t.tb.Helper()
	target, body, contentType := t.url("create", d.text), "", ""
	switch i % 4 {
	case 1:
		way, contentType = "form", "application/x-www-form-urlencoded"
		target, body = t.http.URL+"/t/"+t.id+"/bigbluebutton/api/create", bbb.SHA512.Sign("create", d.text, bbb.Secret(t.secret))
	case 2:
		if i%8 == 2 {
			way, contentType, body = "xml", "application/xml", slides
		}
	}
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.tb.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := t.client.Do(req)
	if err != nil {
		t.tb.Fatal(err)
	}
	if a, err := read(resp); err != nil || a.Returncode != "SUCCESS" || a.MeetingID != d.means["meetingID"] {
		t.tb.Fatalf("%s: %v, %s, want %q", d.text, err, a.body, d.means["meetingID"])
	}
	return way
}

// fetch makes a call, whatever comes of it.
func (t tenant) fetch(method, call, query string) {
	t.tb.Helper()
	req, err := http.NewRequestWithContext(t.tb.Context(), method, t.url(call, query), nil)
	if err != nil {
		t.tb.Fatal(err)
	}
	resp, err := t.client.Do(req)
	if err != nil {
		t.tb.Fatal(err)
	}
	_ = resp.Body.Close()
}

// compareMeant compares what a server gets with what was meant, but for what the pool says itself.
func compareMeant(t *testing.T, of tenant, what string, want, got map[string]string) {
	t.Helper()
	id := want["meetingID"]
	if of.id == "arts" {
		if own, has := got["meta_bbbpool-meeting-id"]; has && own != id {
			t.Errorf("%s: called %q in its metadata", what, own)
		}
		want = maps.Clone(want)
		want["meetingID"] = of.claim(id).Alias
	}
	for name := range got {
		if strings.HasPrefix(name, "meta_bbbpool-") {
			delete(got, name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s of %s (-want +got):\n%s", what, of.id, diff)
	}
}
