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
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks/guard"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

var epoch = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// request is what a receiver was sent.
type request struct {
	method, path, query, body string
	header                    http.Header
}

// receiver answers as a test wants.
type receiver struct {
	*httptest.Server
	got chan request
	say chan int // the answers; each request waits for one
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{got: make(chan request, 1000), say: make(chan int, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.got <- request{q.Method, q.URL.Path, q.URL.RawQuery, string(body), q.Header}
		select {
		case code := <-r.say:
			if code == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "600")
			}
			w.WriteHeader(code)
		case <-q.Context().Done():
		}
	}))
	t.Cleanup(func() { r.CloseClientConnections(); r.Close() })
	return r
}

// box is an outbox under test, on a real store.
type box struct {
	*outbox.Outbox
	t     *testing.T
	db    *watched
	clock *clock
	stop  func()
}

func openDB(t testing.TB) *watched {
	t.Helper()
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &watched{kept: db.Index(), written: make(chan struct{})}
}

// kept is the store, under a name that is none of its methods.
type kept = store.Callbacks

// watched is a store that tells tests when a row was changed.
type watched struct {
	kept
	mu      sync.Mutex
	written chan struct{} // closed at the next change
}

func (w *watched) UpdateCallback(
	ctx context.Context, id string, change func(*store.Callback) error,
) (store.Callback, error) {
	c, err := w.kept.UpdateCallback(ctx, id, change)
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.written)
	w.written = make(chan struct{})
	return c, err
}

func (w *watched) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written
}

var tenants = map[string]outbox.Tenant{
	"default": {Secrets: []store.TenantSecret{
		{Name: "old", Secret: "old-secret", Created: epoch.Add(-3 * time.Hour)},
		{Name: "gone", Secret: "gone-secret", Created: epoch.Add(-2 * time.Hour), Expires: epoch.Add(-time.Hour)},
		{Name: "new", Secret: "new-secret", Created: epoch.Add(-time.Hour)},
	}},
	"physics": {Secrets: []store.TenantSecret{{Name: "p", Secret: "p-secret", Created: epoch}}, Algorithm: "HS512"},
	"bare":    {},
}

func newBox(t testing.TB, db store.Callbacks, c *clock, change ...func(*outbox.Parts)) *outbox.Outbox {
	t.Helper()
	allowed, err := guard.Allow([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	p := outbox.Parts{
		Config: outbox.Config{RetryFor: 72 * time.Hour, Keep: 168 * time.Hour, Max: 1000, MaxBytes: 1 << 20},
		Store:  db, Now: c.Now, Version: "1.2", Log: zerolog.Nop(),
		Guard: &guard.Guard{Allowed: allowed, Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if strings.HasPrefix(host, "private") {
				return []netip.Addr{netip.MustParseAddr("10.1.2.3")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}},
		Tenants: func(_ context.Context, id string) (outbox.Tenant, error) {
			if t, ok := tenants[id]; ok {
				return t, nil
			}
			return outbox.Tenant{}, store.ErrNotFound
		},
	}
	for _, f := range change {
		f(&p)
	}
	t.Cleanup(p.Guard.Close)
	return outbox.New(p)
}

// start runs an outbox over a store of its own.
func start(t *testing.T, change ...func(*outbox.Parts)) *box {
	t.Helper()
	b := &box{t: t, db: openDB(t), clock: &clock{now: epoch}}
	b.Outbox = newBox(t, b.db, b.clock, change...)
	b.run()
	return b
}

func (b *box) run() {
	ctx, cancel := context.WithCancel(b.t.Context())
	over := make(chan struct{})
	go func() { defer close(over); _ = b.Run(ctx) }()
	b.stop = func() { cancel(); <-over }
	b.t.Cleanup(b.stop)
}

// tell writes rows.
func (b *box) tell(rows ...store.Callback) {
	b.t.Helper()
	if err := b.db.AddCallbacks(b.t.Context(), rows...); err != nil {
		b.t.Fatal(err)
	}
	b.Nudge()
}

// later lets time pass, and has the outbox look.
func (b *box) later(d time.Duration) {
	b.clock.add(d)
	b.Nudge()
}

// row waits until a callback is as a test wants it.
func (b *box) row(id string, so func(store.Callback) bool) store.Callback {
	b.t.Helper()
	for {
		changed := b.db.next()
		c, err := b.db.Callback(b.t.Context(), id)
		if err != nil {
			b.t.Fatal(err)
		}
		if so(c) {
			return c
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Second): // of a test that fails
			b.t.Fatalf("it stays %+v", c)
		}
	}
}

func in(state store.CallbackState) func(store.Callback) bool {
	return func(c store.Callback) bool { return c.State == state }
}

func tried(n int) func(store.Callback) bool {
	return func(c store.Callback) bool { return c.Attempts >= n }
}

func callback(kind store.CallbackKind, subject, to string, change ...func(*store.Callback)) store.Callback {
	c := store.Callback{
		ID: store.CallbackID(kind, subject, to), Kind: kind, Tenant: "default", MeetingID: "room 1", Subject: subject, URL: to,
		Created: epoch, Changed: epoch, State: store.CallbackWaiting, Signer: "old",
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

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
	for _, of := range []func() hash.Hash{sha256.New, sha512.New} {
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
		{"physics", "", "p", "HS512"},
		{"default", "gone", "new", "HS256"},
		{"default", "", "new", "HS256"},
		{"default", "old", "old", "HS256"},
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
	second := callback(store.CallbackEnd, "s2", r.URL+"/end?n=2", at(2, "room"))
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
	texts := ""
	for !strings.Contains(texts, "private") { // in the memory it is a moment later
		runtime.Gosched()
		texts = ""
		for _, p := range b.Problems(t.Context()) {
			texts += p.String() + "\n"
		}
	}
	for _, want := range []string{"private.example.edu", "BBBPOOL_CALLBACK_ALLOW", "given up", "1 callback to private"} {
		if !strings.Contains(texts, want) {
			t.Errorf("problems lack %q:\n%s", want, texts)
		}
	}
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

// Operators have dead ones tried again, and drop them; what is done stays done.
func TestOutbox_Operate(t *testing.T) {
	b, r := start(t), newReceiver(t)
	dead := func(c *store.Callback) {
		c.State, c.Outcome, c.Created = store.CallbackDead, "answered 500", epoch.Add(-100*time.Hour)
	}
	first, second := callback(store.CallbackEnd, "1", r.URL+"/a", dead), callback(store.CallbackEnd, "2", r.URL+"/b", dead)
	third := callback(store.CallbackEnd, "3", "http://else.example.edu/b", dead)
	b.tell(first, second, third)
	if _, is, err := b.Drop(t.Context(), first.ID); err != nil || is.State != store.CallbackDone {
		t.Errorf("%+v, %v", is, err)
	}
	if _, _, err := b.Retry(t.Context(), first.ID); err == nil {
		t.Error("what was dropped is retried")
	}
	if _, _, err := b.Drop(t.Context(), "nobody"); err == nil {
		t.Error("dropped nothing")
	}
	n, err := b.RetryAll(t.Context(), outbox.Selection{Host: strings.TrimPrefix(r.URL, "http://")})
	if n != 1 || err != nil {
		t.Errorf("%d retried, %v", n, err)
	}
	r.say <- 500
	<-r.got
	if c := b.row(second.ID, tried(1)); c.State != store.CallbackWaiting { // it has all the time again
		t.Errorf("%+v", c)
	}
	b.row(third.ID, in(store.CallbackDead))
}

// Other kinds have senders of their own, with their own schedule and their own idea of an answer.
func TestOutbox_Handle(t *testing.T) {
	db, c := openDB(t), &clock{now: epoch}
	b := &box{t: t, db: db, clock: c, Outbox: newBox(t, db, c)}
	gaveUp := make(chan store.Callback, 1)
	b.Handle(store.CallbackEvent, outbox.Sender{
		Request: func(ctx context.Context, c store.Callback, to *url.URL, _ store.TenantSecret, _ outbox.Tenant) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(c.Body))
		},
		Judge: func(status int) outbox.Verdict {
			if status == 401 {
				return outbox.Delivered
			}
			return outbox.Again
		},
		Retry:  func(c store.Callback) (time.Duration, bool) { return 100 * time.Millisecond, c.Attempts >= 2 },
		GaveUp: func(c store.Callback) { gaveUp <- c },
	})
	b.run()
	r := newReceiver(t)
	event := func(subject string) store.Callback {
		return callback(store.CallbackEvent, subject, r.URL+"/hook", func(c *store.Callback) { c.Body = []byte(subject) })
	}
	r.say <- 401
	b.tell(event("a"))
	b.row(event("a").ID, in(store.CallbackDone))
	r.say <- 410
	b.tell(event("b"))
	b.row(event("b").ID, tried(1))
	r.say <- 404
	b.later(time.Second)
	if c := <-gaveUp; c.ID != event("b").ID || c.State != store.CallbackDead || len(c.Body) == 0 {
		t.Errorf("gave up %+v", c)
	}
}

// What is done is forgotten after a while, and there is a bound on what waits.
func TestOutbox_Bounds(t *testing.T) {
	b := start(t, func(p *outbox.Parts) { p.Config.Max, p.Config.MaxBytes = 3, 10_000 })
	old := callback(store.CallbackEnd, "old", "http://x.example.edu/", func(c *store.Callback) {
		c.State, c.Created = store.CallbackDone, epoch.Add(-200*time.Hour)
	})
	late := func(c *store.Callback) { c.Due = epoch.Add(time.Hour) }
	if !b.Room(3, 1000) || b.Room(4, 0) || b.Room(1, 20_000) || b.Full() {
		t.Error("an empty outbox has another room")
	}
	var rows []store.Callback
	for _, subject := range []string{"1", "2", "3", "4"} {
		rows = append(rows, callback(store.CallbackEnd, subject, "http://x.example.edu/"+subject, late))
	}
	r := newReceiver(t)
	sign := callback(store.CallbackEnd, "0", r.URL, func(c *store.Callback) { c.Created = epoch.Add(-time.Minute) })
	b.tell(append(rows, old, sign)...)
	<-r.got // what was read with it has been counted
	if !b.Full() {
		t.Error("it is not full")
	}
	if b.Room(1, 0) || b.RoomFor("physics") {
		t.Error("a full outbox has room")
	}
	var page bytes.Buffer
	b.WriteMetrics(&page)
	for _, want := range []string{`bbbpool_callbacks{kind="end",state="waiting"} 3`, "bbbpool_callbacks_turned_away_total 7"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("metrics lack %s:\n%s", want, &page)
		}
	}
	if list := b.Problems(t.Context()); len(list) == 0 || !strings.Contains(list[0].String(), "--callback-max") {
		t.Errorf("problems %v", list)
	}
}

// A tenant that has much that waits finds no more room while others do.
func TestOutbox_RoomFor(t *testing.T) {
	b, r := start(t, func(p *outbox.Parts) { p.Config.Max = 20 }), newReceiver(t)
	for n := range 17 {
		b.tell(callback(store.CallbackEnd, strconv.Itoa(n), "http://x.example.edu/", func(c *store.Callback) { c.Due = epoch.Add(time.Hour) }))
	}
	b.tell(callback(store.CallbackEnd, "sign", r.URL, func(c *store.Callback) { c.Created = epoch.Add(time.Second) }))
	<-r.got // what was read before it has been counted
	if b.RoomFor("default") || !b.RoomFor("physics") || b.Full() {
		t.Error("a tenant that has filled the outbox has room, or another has none")
	}
}
