package outbox_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/guard"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
)

// Each kind is sent as BigBlueButton sends it, with who sends it and which callback it is.
func TestOutbox_Kinds(t *testing.T) {
	b, r := start(t), newReceiver(t)
	body := []byte(`{"version":"1.0"}`)
	for i, c := range []struct {
		row                       store.Callback
		method, query, body, kind string
	}{
		{
			callback(store.CallbackEnded, "s", r.URL+"/ended?token=a%20b&x", func(c *store.Callback) { c.Reason = "lost\r\nX: y" }),
			"GET", "token=a%20b&x", "", "",
		},
		{
			callback(store.CallbackEnd, "s", r.URL+"/end?meetingID=own&b=%2F", func(c *store.Callback) { c.Marks = "true" }),
			"GET", "meetingID=own&b=%2F&recordingmarks=true&meetingID=room+1", "", "",
		},
		{callback(store.CallbackEnd, "t", r.URL+"/end"), "GET", "recordingmarks=false&meetingID=room+1", "", ""},
		{
			callback(store.CallbackReady, "rec-1", r.URL+"/ready?a=b#frag"), "POST", "a=b", "signed_parameters=",
			"application/x-www-form-urlencoded",
		},
		{
			callback(store.CallbackAnalytics, "int-1", r.URL+"/analytics", func(c *store.Callback) { c.Body = body }),
			"POST", "", string(body), "application/json",
		},
	} {
		r.say <- []int{200, 204, 201, 299, 200}[i]
		b.tell(c.row)
		got := <-r.got
		if got.method != c.method || got.query != c.query || !strings.HasPrefix(got.body, c.body) ||
			got.header.Get("Content-Type") != c.kind {
			t.Errorf("%s: %+v", c.row.Kind, got)
		}
		if got.header.Get("User-Agent") != "bbbpool/1.2" || got.header.Get("Bbbpool-Delivery") != c.row.ID ||
			got.header.Get("Bbbpool-Attempt") != "1" || got.header.Get("Cookie") != "" {
			t.Errorf("%s: header %v", c.row.Kind, got.header)
		}
		if reason := got.header.Get("Bbbpool-Reason"); (c.row.Reason != "") != (reason == "losty") {
			t.Errorf("%s: reason %q", c.row.Kind, reason)
		}
		done := b.row(c.row.ID, in(store.CallbackDone))
		if done.Body != nil || done.Attempts != 1 || !strings.HasPrefix(done.Outcome, "answered 2") {
			t.Errorf("%s: %+v", c.row.Kind, done)
		}
	}
}

// signedBy is the name of the secret that a token was signed with, by hand.
func signedBy(t *testing.T, token string) (secret string, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token %q", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range tenants {
		for _, s := range of.Secrets {
			if verifies(parts, s.Secret.Reveal()) {
				return s.Name, claims
			}
		}
	}
	return "", claims
}

// verifies checks a token with the library's own hands off.
func verifies(parts []string, secret string) bool {
	for _, of := range []func() hash.Hash{sha256.New, sha512.New384, sha512.New} {
		mac := hmac.New(of, []byte(secret))
		mac.Write([]byte(parts[0] + "." + parts[1]))
		if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) == parts[2] {
			return true
		}
	}
	return false
}

// A receiver that refuses a signature gets the tenant's other valid secrets, once each and at once, and then there is a pause.
func TestOutbox_Secrets(t *testing.T) {
	b, r := start(t), newReceiver(t)
	row := callback(store.CallbackReady, "rec-1", r.URL+"/ready")
	for _, code := range []int{401, 403, 400} {
		r.say <- code
	}
	b.tell(row)
	var order []string
	signer := func() {
		form, err := url.ParseQuery((<-r.got).body)
		if err != nil {
			t.Fatal(err)
		}
		name, claims := signedBy(t, form.Get("signed_parameters"))
		if claims["meeting_id"] != "room 1" || claims["record_id"] != "rec-1" || len(claims) != 2 {
			t.Errorf("claims %v", claims)
		}
		order = append(order, name)
	}
	signer()
	signer()
	c := b.row(row.ID, tried(2))
	if !slices.Equal(order, []string{"old", "new"}) || !slices.Equal(c.Tried, order) || !c.Due.After(b.clock.Now()) {
		t.Errorf("signed by %q, then %+v", order, c)
	}
	b.later(time.Minute) // another round
	signer()
	r.say <- 200
	signer()
	if c = b.row(row.ID, in(store.CallbackDone)); !slices.Equal(order, []string{"old", "new", "old", "new"}) || c.Attempts != 4 {
		t.Errorf("signed by %q, then %+v", order, c)
	}
}

// The algorithm is the tenant's; a secret that is not valid any more signs nothing.
func TestOutbox_Signer(t *testing.T) {
	b, r := start(t), newReceiver(t)
	for i, c := range []struct{ tenant, signer, want, alg string }{
		{"physics", "", "p", "HS384"},
		{"default", "gone", "new", "HS512"},
		{"default", "", "new", "HS512"},
		{"default", "old", "old", "HS512"},
	} {
		r.say <- 200
		b.tell(callback(store.CallbackAnalytics, string(rune('a'+i)), r.URL+"/x", func(row *store.Callback) {
			row.Tenant, row.Signer = c.tenant, c.signer
		}))
		token, ok := strings.CutPrefix((<-r.got).header.Get("Authorization"), "Bearer ")
		head, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
		by, claims := signedBy(t, token)
		if !ok || by != c.want || !bytes.Contains(head, []byte(c.alg)) || claims["exp"] != float64(epoch.Add(24*time.Hour).Unix()) {
			t.Errorf("%+v: by %q, %s, %v", c, by, head, claims)
		}
	}
}

// What is not taken is tried again, later each time, for as long as is allowed; 404 and 410 end it.
func TestOutbox_Answers(t *testing.T) {
	for _, code := range []int{404, 410} {
		b, r := start(t), newReceiver(t)
		row := callback(store.CallbackEnd, "s", r.URL+"/end")
		r.say <- code
		b.tell(row)
		<-r.got
		if c := b.row(row.ID, in(store.CallbackDone)); !strings.Contains(c.Outcome, "wants no more") {
			t.Errorf("%d: %+v", code, c)
		}
	}
	b, r := start(t), newReceiver(t)
	row := callback(store.CallbackEnded, "s", r.URL+"/ended")
	b.tell(row)
	last := time.Duration(0)
	for i, code := range []int{500, 302, 401, 408, 100 + 404} {
		r.say <- code
		<-r.got
		c := b.row(row.ID, tried(i+1))
		wait := c.Due.Sub(b.clock.Now())
		if c.State != store.CallbackWaiting || wait <= last/2 || wait > 2*time.Minute || wait < 4*time.Second {
			t.Errorf("after %d: %s, %+v", code, wait, c)
		}
		last = wait
		b.later(wait)
	}
	r.say <- 503
	<-r.got
	c := b.row(row.ID, tried(6))
	if wait := c.Due.Sub(b.clock.Now()); wait < 10*time.Minute {
		t.Errorf("Retry-After: %s", wait)
	}
	b.later(80 * time.Hour) // at the limit there is one more
	r.say <- 500
	<-r.got
	if c = b.row(row.ID, in(store.CallbackDead)); !strings.Contains(c.Outcome, "given up after 7") || c.Body != nil {
		t.Errorf("%+v", c)
	}
}

// A receiver that cannot be reached, or says what is no HTTP, is tried again, and what stands in the row has nothing that it said.
func TestOutbox_Broken(t *testing.T) {
	b := start(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	garbage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(c, "SSH-2.0-secret\r\n\r\n")
			_ = c.Close()
		}
	}))
	defer garbage.Close()
	closed := "http://" + l.Addr().String() + "/?token=secret"
	_ = l.Close()
	for _, c := range []struct{ to, want string }{{closed, "refused"}, {garbage.URL + "/?token=secret", "no HTTP"}} {
		row := callback(store.CallbackEnd, "s", c.to)
		b.tell(row)
		got := b.row(row.ID, tried(1))
		if !strings.Contains(got.Outcome, c.want) || strings.Contains(got.Outcome, "secret") || got.State != store.CallbackWaiting {
			t.Errorf("%s: %+v", c.want, got)
		}
	}
}

// What is about one meeting and goes to one address goes in order: the next is not before the first is done. Others do not wait
// for them.
func TestOutbox_Order(t *testing.T) {
	b, r := start(t), newReceiver(t)
	at := func(n int, meeting string) func(*store.Callback) {
		return func(c *store.Callback) {
			c.Created, c.MeetingID = epoch.Add(time.Duration(n)*time.Millisecond), meeting
		}
	}
	first := callback(store.CallbackEnd, "s1", r.URL+"/end?n=1", at(1, "room"))
	second := callback(store.CallbackEnd, "s2", r.URL+"/end?n=1", at(2, "room"))
	other := callback(store.CallbackEnd, "s3", r.URL+"/end?n=3", at(3, "other"))
	b.tell(other, second, first)
	paths := []string{(<-r.got).query[:3], (<-r.got).query[:3]} // both lanes at once, in either order
	slices.Sort(paths)
	if !slices.Equal(paths, []string{"n=1", "n=3"}) {
		t.Errorf("first came %q", paths)
	}
	r.say <- 500
	r.say <- 500
	b.row(first.ID, tried(1))
	if c := b.row(other.ID, tried(1)); len(r.got) != 0 {
		t.Errorf("the second came before the first was done: %+v", c)
	}
	b.later(time.Minute)
	r.say <- 200
	r.say <- 200
	b.row(first.ID, in(store.CallbackDone))
	r.say <- 200
	if c := b.row(second.ID, in(store.CallbackDone)); c.Attempts != 1 {
		t.Errorf("%+v", c)
	}
}

// What an address does is often said behind its "?", as in Moodle's: who cannot be told of attendance is told of the recording.
func TestOutbox_OrderOfActions(t *testing.T) {
	b, r := start(t), newReceiver(t)
	at := func(n int) func(*store.Callback) {
		return func(c *store.Callback) { c.Created = epoch.Add(time.Duration(n) * time.Millisecond) }
	}
	events := callback(store.CallbackAnalytics, "s1", r.URL+"/bbb_broker.php?action=meeting_events&bigbluebuttonbn=7", at(1))
	recording := callback(store.CallbackReady, "s2", r.URL+"/bbb_broker.php?action=recording_ready&bigbluebuttonbn=7", at(2))
	b.tell(events)
	r.say <- 500
	b.row(events.ID, tried(1))
	b.tell(recording)
	r.say <- 202
	if c := b.row(recording.ID, in(store.CallbackDone)); c.Attempts != 1 {
		t.Errorf("%+v", c)
	}
}

// A front end that counts recordings in the making hears of an end before it hears of the recording, also when it was away in
// between, at another address of the same host; an end that it never takes holds up no recording.
func TestOutbox_EndsFirst(t *testing.T) {
	b, r := start(t), newReceiver(t)
	at := func(d time.Duration) func(*store.Callback) {
		return func(c *store.Callback) { c.Created = epoch.Add(d) }
	}
	end := callback(store.CallbackEnd, "s1", r.URL+"/meeting_ended", at(0))
	b.tell(end)
	r.say <- 502
	<-r.got
	b.row(end.ID, tried(1))
	ready := callback(store.CallbackReady, "r1", r.URL+"/recording_ready", at(time.Second))
	b.tell(ready)
	r.say <- 200
	if got := <-r.got; got.path != "/meeting_ended" {
		t.Fatalf("first came %s", got.path)
	}
	b.row(end.ID, in(store.CallbackDone))
	b.later(2 * time.Second)
	r.say <- 200
	if got := <-r.got; got.path != "/recording_ready" {
		t.Fatalf("then came %s", got.path)
	}
	b.row(ready.ID, in(store.CallbackDone))

	never := callback(store.CallbackEnd, "s2", r.URL+"/meeting_ended", at(3*time.Second))
	b.later(2 * time.Second)
	b.tell(never)
	r.say <- 502
	<-r.got
	b.row(never.ID, tried(1))
	second := callback(store.CallbackReady, "r2", r.URL+"/recording_ready", at(4*time.Second))
	b.tell(second)
	r.say <- 502
	<-r.got
	b.row(never.ID, tried(2))
	b.later(2 * time.Second)
	r.say <- 200
	if got := <-r.got; got.path != "/recording_ready" {
		t.Fatalf("then came %s", got.path)
	}
	b.row(second.ID, in(store.CallbackDone))
}

// An address that is refused waits, names the setting, and is tried again by whoever has changed it. One that nothing allows
// is dead at once. So is one whose tenant has gone.
func TestOutbox_Refused(t *testing.T) {
	b := start(t)
	private := callback(store.CallbackEnd, "s", "https://private.example.edu/end")
	odd := callback(store.CallbackEnd, "s", "http://0x7f.1/end")
	gone := callback(store.CallbackEnd, "s", "http://x.example.edu/end", func(c *store.Callback) { c.Tenant = "left" })
	kind := callback("nobody's", "s", "http://x.example.edu/end")
	kelvin := callback(store.CallbackEnd, "s", "http://\u212a.example.edu/end?token=secret")
	b.tell(private, odd, gone, kind, kelvin)
	for id, want := range map[string]string{odd.ID: "odd form", kelvin.ID: "write it in ASCII", gone.ID: "not there any more", kind.ID: "nobody knows"} {
		if c := b.row(id, in(store.CallbackDead)); !strings.Contains(c.Outcome, want) || c.Attempts != 0 {
			t.Errorf("%+v", c)
		}
	}
	c := b.row(private.ID, func(c store.Callback) bool { return c.Outcome != "" })
	if c.State != store.CallbackWaiting || !strings.Contains(c.Outcome, guard.Setting) || c.Attempts != 0 {
		t.Errorf("%+v", c)
	}
	b.mentions("private.example.edu", "BBBPOOL_CALLBACK_ALLOW", "given up", "1 callback to private")
	b.stop()
	r := newReceiver(t)
	r.say <- 200
	dial := net.Dialer{}
	b.Outbox = newBox(t, b.db, b.clock, func(p *outbox.Parts) {
		p.Guard.Allowed, _ = guard.Allow([]string{"private.example.edu"})
		p.Guard.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr != "10.1.2.3:80" {
				t.Errorf("dialled %s", addr)
			}
			return dial.DialContext(ctx, network, r.Listener.Addr().String())
		}
	})
	if _, err := b.db.UpdateCallback(t.Context(), private.ID, func(c *store.Callback) error {
		c.URL = "http://private.example.edu/end"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.run() // the settings have changed
	<-r.got
	b.row(private.ID, in(store.CallbackDone))
}

// Marks that come while an end waits for them are sent; another instance may have written them.
func TestOutbox_Marks(t *testing.T) {
	b, r := start(t), newReceiver(t)
	row := callback(store.CallbackEnd, "s", r.URL+"/end", func(c *store.Callback) { c.Due = epoch.Add(5 * time.Second) })
	sign := callback(store.CallbackEnded, "sign", r.URL+"/ended")
	r.say <- 200
	b.tell(row, sign)
	b.row(sign.ID, in(store.CallbackDone)) // what came with it has been looked at
	<-r.got
	if _, err := b.db.UpdateCallback(t.Context(), row.ID, func(c *store.Callback) error {
		c.Marks, c.Due, c.Changed = "true", time.Time{}, epoch.Add(time.Second)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.say <- 200
	b.Nudge()
	if got := <-r.got; !strings.Contains(got.query, "recordingmarks=true") {
		t.Errorf("%+v", got)
	}
}
