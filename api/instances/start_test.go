package instances_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// begun asks an instance, before which somebody stands who waits for its beginning, and returns the answer's status.
func (p *process) begun(ctx context.Context, path string) (status int, retry string) {
	w := httptest.NewRecorder()
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	p.Started(ok, "/phones").ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
	return w.Code, w.Header().Get("Retry-After")
}

// An instance that has not taken over what it hears is not ready, however fresh that is. What needs it waits; where it has a copy to
// answer from it answers. Once it has begun it stays so.
func TestInstance_Begins(t *testing.T) {
	url := store.Secret(servers.Redis(t).URL())
	leader := start(t, url)
	leader.write(t, "1")
	if !leader.Begun() || len(leader.Problems(t.Context())) > 0 {
		t.Error("the leader has not begun")
	}
	var taken, copied atomic.Bool
	follower := start(t, url, func(p *process) { p.Begins(taken.Load, copied.Load) })
	follower.all(t, "1")
	unready := func() bool {
		list := follower.Problems(t.Context())
		return len(list) == 1 && list[0].Unready && list[0].Name == "beginning"
	}
	if !unready() || follower.Begun() {
		t.Errorf("it has begun: %+v", follower.Problems(t.Context()))
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	for path, want := range map[string]int{
		"/bigbluebutton/api/getMeetings": http.StatusServiceUnavailable, "/t/phys/bigbluebutton/api/join": http.StatusServiceUnavailable,
		"/bigbluebutton/create": http.StatusServiceUnavailable, "/t/phys/bigbluebutton/join": http.StatusServiceUnavailable,
		"/bigbluebutton/api": http.StatusOK,
		"/phones":            http.StatusServiceUnavailable, "/readyz": http.StatusOK, "/api/v1/status": http.StatusOK, "/playback/x": http.StatusOK,
	} {
		if status, retry := follower.begun(impatient, path); status != want || (retry != "") != (want != http.StatusOK) {
			t.Errorf("%s: %d, to be tried again after %q", path, status, retry)
		}
	}
	follower.Refusing(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for path, want := range map[string]int{"/bigbluebutton/api/create": http.StatusTeapot, "/phones": http.StatusServiceUnavailable} {
		if status, retry := follower.begun(impatient, path); status != want || retry == "" {
			t.Errorf("%s is refused with %d, to be tried again after %q", path, status, retry)
		}
	}
	copied.Store(true)
	if status, _ := follower.begun(impatient, "/phones"); status != http.StatusOK || !unready() {
		t.Errorf("from a copy: %d", status)
	}
	copied.Store(false)
	answer := make(chan int)
	go func() {
		status, _ := follower.begun(t.Context(), "/bigbluebutton/api/getMeetings")
		answer <- status
	}()
	taken.Store(true)
	if status := <-answer; status != http.StatusOK {
		t.Errorf("a call that has waited: %d", status)
	}
	taken.Store(false)
	if unready() || !follower.Begun() {
		t.Error("it begins once more")
	}
}
