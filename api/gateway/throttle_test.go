package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/api/caller"
	"github.com/bbbpool/bbbpool/api/gateway/throttle"
	"github.com/bbbpool/bbbpool/poller"
)

// Fifty wrong checksums a minute from one address are slowed, and those with the secret behind the same address are not:
// neither while others wait, nor after them. Nothing is ever answered as unchanged, or kept by anybody on the way.
func TestGateway_WrongChecksumsAreSlowed(t *testing.T) {
	p := bare(&pool{tb: t}, settings{change: func(_ *poller.Config, c *gatewayConfig) {
		c.Throttle = throttle.Config{Free: 20, Forget: 6 * time.Second, Longest: 5 * time.Second, Waiting: 64}
	}})
	call := func(url string) (took time.Duration, a *httptest.ResponseRecorder) {
		r := httptest.NewRequest(http.MethodGet, url, http.NoBody)
		r.Header.Set("If-None-Match", "*")
		r.Header.Set("If-Modified-Since", time.Now().UTC().Format(http.TimeFormat))
		a = httptest.NewRecorder()
		began := time.Now()
		p.gateway.ServeHTTP(a, caller.With(r, netip.MustParseAddr("192.0.2.1")))
		if a.Code != http.StatusOK || a.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %v", url, a.Code, a.Header())
		}
		return time.Since(began), a
	}
	good := strings.TrimPrefix(p.url("getMeetings", ""), p.http.URL)
	synctest.Test(t, func(t *testing.T) {
		slowed := 0
		var others sync.WaitGroup
		defer others.Wait()
		for i := range 100 {
			wrong := "/bigbluebutton/api/getMeetings?checksum=" + strings.Repeat("0", 40)
			if i%2 > 0 {
				wrong = "/bigbluebutton/api/getMeetings" // and none at all
			}
			took, a := call(wrong)
			if !strings.Contains(a.Body.String(), "checksumError") {
				t.Fatal(a.Body)
			}
			if took > 0 {
				slowed++
			}
			others.Go(func() { call(wrong) }) // waits beside the next ones
			if took, a := call(good); took > 0 || !strings.Contains(a.Body.String(), "SUCCESS") {
				t.Errorf("a call with the secret took %s: %s", took, a.Body)
			}
			time.Sleep(time.Minute / 50)
		}
		if slowed < 60 {
			t.Errorf("%d of 100 were slowed", slowed)
		}
	})
}
