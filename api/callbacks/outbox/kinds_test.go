package outbox_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
)

// A kind of its own has a schedule of its own. What was given up, and what nobody wants any more, is dropped where the kind says
// so, and forgotten when it says.
func TestOutbox_OwnKind(t *testing.T) {
	b, r := start(t), newReceiver(t)
	b.stop()
	gaveUp := make(chan store.Callback, 1)
	b.Handle(store.CallbackEvent, outbox.Sender{
		Request: func(ctx context.Context, c store.Callback, to *url.URL, secret store.TenantSecret, _ outbox.Tenant) (*http.Request, error) {
			if c.Subject == "unwanted" {
				return nil, outbox.ErrUnwanted
			}
			return http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(secret.Name))
		},
		Signed: true,
		Judge: func(status int) outbox.Verdict {
			if status == http.StatusUnauthorized {
				return outbox.Delivered
			}
			return outbox.Again
		},
		Retry:  func(c store.Callback) (time.Duration, bool) { return time.Minute, c.Attempts > 1 },
		GaveUp: func(c store.Callback) { gaveUp <- c },
		Drops:  true, Keep: time.Hour,
	})
	b.run()
	event := func(subject string) store.Callback {
		return callback(store.CallbackEvent, subject, r.URL+"/"+subject, func(c *store.Callback) { c.Hook, c.Body = "hook", []byte("x") })
	}
	good, bad, unwanted := event("good"), event("bad"), event("unwanted")
	r.say <- http.StatusUnauthorized
	b.tell(good)
	if got := <-r.got; got.body != "old" { // the secret that has signed
		t.Errorf("sent %+v", got)
	}
	if done := b.row(good.ID, in(store.CallbackOver)); done.Body != nil {
		t.Errorf("delivered: %+v", done)
	}
	r.say <- http.StatusNotFound
	b.tell(bad)
	b.row(bad.ID, tried(1))
	if n := b.OfHook("hook"); n != 1 {
		t.Errorf("%d wait for the hook", n)
	}
	r.say <- http.StatusOK
	b.later(time.Minute)
	if lost := <-gaveUp; lost.ID != bad.ID || lost.Attempts != 2 {
		t.Errorf("given up: %+v", lost)
	}
	b.row(bad.ID, in(store.CallbackOver))
	b.tell(unwanted)
	if c := b.row(unwanted.ID, in(store.CallbackOver)); c.Attempts != 0 {
		t.Errorf("unwanted: %+v", c)
	}
	b.later(2 * time.Hour) // far less than others are kept, and more than it takes to look
	b.stop()
	b.run()
	for _, c := range []store.Callback{good, bad, unwanted} {
		for {
			if _, err := b.db.Callback(t.Context(), c.ID); err != nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}
