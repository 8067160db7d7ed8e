package admin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

// Who comes from the network needs the token, and nobody gets in where there is none.
func TestAPI_Mount(t *testing.T) {
	tests := []struct {
		name, token, header string
		status              int
	}{
		{"no token configured", "", "Bearer ", http.StatusForbidden},
		{"no token configured", "", "", http.StatusForbidden},
		{"no token sent", "t0ken", "", http.StatusUnauthorized},
		{"wrong token", "t0ken", "Bearer t0ke", http.StatusUnauthorized},
		{"other scheme", "t0ken", "Basic t0ken", http.StatusUnauthorized},
		{"token alone", "t0ken", "t0ken", http.StatusUnauthorized},
		{"right token", "t0ken", "Bearer t0ken", http.StatusOK},
		{"right token", "t0ken", "bearer  t0ken", http.StatusOK},
	}
	for _, test := range tests {
		api := &admin.API{
			Frame: frame.Frame{Token: store.Secret(test.token), Now: time.Now}, Pool: &admin.Pool{Version: "1"},
		}
		mux := http.NewServeMux()
		api.Mount(mux)
		w := get(mux, "192.0.2.1:1", test.header)
		if w.Code != test.status {
			t.Errorf("%s: answered %d %s", test.name, w.Code, w.Body)
		}
		if w.Code == http.StatusForbidden {
			var e struct{ Error string }
			err := json.Unmarshal(w.Body.Bytes(), &e)
			if e.Error != "remote administration is off: make a token with bbbpool token add where the pool runs, or set BBBPOOL_ADMIN_TOKEN there" {
				t.Errorf("%s: said %s, %v", test.name, w.Body, err)
			}
		}
	}
}

func get(h http.Handler, from, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, v1.Prefix+"/version", nil)
	r.RemoteAddr = from
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Who comes with a wrong token is logged, what they have sent is not.
func TestAPI_Mount_Log(t *testing.T) {
	var log bytes.Buffer
	mux := http.NewServeMux()
	(&admin.API{Frame: frame.Frame{Token: "t0ken", Now: time.Now, Log: zerolog.New(&log)}}).Mount(mux)
	get(mux, "192.0.2.1:1", "Bearer guessed")
	want := `{"level":"warn","caller":"192.0.2.1","remote":"192.0.2.1:1","path":"/api/v1/version","message":"token rejected"}` + "\n"
	if log.String() != want {
		t.Errorf("logged %s", &log)
	}
}

// Wrong tokens are soon turned away without a line in the log, from each network by itself. The right one always gets
// in: behind a proxy it comes from where the wrong ones do.
func TestAPI_Mount_Guessing(t *testing.T) {
	now := time.Unix(1000, 0)
	var log bytes.Buffer
	api := &admin.API{
		Frame: frame.Frame{Token: "t0ken", Now: func() time.Time { return now }, Log: zerolog.New(&log)}, Pool: &admin.Pool{},
	}
	mux := http.NewServeMux()
	api.Mount(mux)
	guess := func(from string) (tries int) {
		for tries < 100 && get(mux, from, fmt.Sprintf("Bearer %d", tries)).Code == http.StatusUnauthorized {
			tries++
		}
		return tries
	}
	if n := guess("192.0.2.1:1"); n != 10 {
		t.Errorf("%d tries at once", n)
	}
	if w := get(mux, "192.0.2.1:2", "Bearer t0ken"); w.Code != http.StatusOK {
		t.Errorf("wrong tokens lock the right one out: %d", w.Code)
	}
	if w := get(mux, "192.0.2.1:2", "Bearer t0ke"); w.Code != http.StatusTooManyRequests {
		t.Errorf("the right token opens the door to wrong ones: %d", w.Code)
	}
	if n := strings.Count(log.String(), "token rejected"); n != 10 {
		t.Errorf("%d wrong tokens in the log", n)
	}
	if w := get(mux, "192.0.2.2:1", "Bearer t0ken"); w.Code != http.StatusOK {
		t.Errorf("others are locked out: %d", w.Code)
	}
	now = now.Add(4 * time.Second)
	if n := guess("192.0.2.1:1"); n != 2 {
		t.Errorf("%d tries after 4 seconds", n)
	}
	if n := guess("[2001:db8::1]:1") + guess("[2001:db8::2]:1"); n != 10 {
		t.Errorf("%d tries from one network of IPv6", n)
	}
	for i := range 3000 {
		get(mux, fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), "Bearer x")
	}
	if w := get(mux, "192.0.2.9:1", "Bearer t0ken"); w.Code != http.StatusOK {
		t.Errorf("a flood of addresses locks others out: %d", w.Code)
	}
}

// Tokens that were made let in where the environment gives none, until they are revoked or have expired, and wrong ones are
// limited there, too.
func TestAPI_Mount_Tokens(t *testing.T) {
	p := newTestPool(t)
	mux := p.mounted(t)
	from := func(token string) int { return get(mux, "192.0.2.1:1", "Bearer "+token).Code }
	if got := from("x"); got != http.StatusForbidden {
		t.Errorf("without any token: %d", got)
	}
	added, err := p.Tokens.Add(t.Context(), v1.NewToken{
		Name: "guest", Scopes: []string{"read"}, ExpiresIn: quantity.Age(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	guest, night := added.Secret.Reveal(), p.token(t, "night", "", access.Operate)
	if got := []int{from(guest), from(night), from("x"), from("")}; !slices.Equal(got, []int{200, 200, 401, 401}) {
		t.Errorf("with tokens: %v", got)
	}
	p.ahead.Store(int64(2 * time.Hour))
	if got := []int{from(guest), from(night)}; !slices.Equal(got, []int{401, 200}) {
		t.Errorf("when one has expired: %v", got)
	}
	if list, err := p.Tokens.List(t.Context()); err != nil || !list[0].Expired || list[0].Used == nil || list[1].Expired {
		t.Errorf("listed %+v, %v", list, err)
	}
	if err := p.Tokens.Revoke(t.Context(), "night"); err != nil {
		t.Error(err)
	}
	if got := from(night); got != http.StatusUnauthorized {
		t.Errorf("when it was revoked: %d", got)
	}
	for range 20 {
		from("y")
	}
	if got := from("y"); got != http.StatusTooManyRequests {
		t.Errorf("after many wrong ones: %d", got)
	}
	p.api.Token = "envir0nment"
	if got := from("envir0nment"); got != http.StatusOK {
		t.Errorf("the environment's: %d", got)
	}
	for _, secret := range []string{guest, night} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("the log has a token: %s", p.log)
		}
	}
}
