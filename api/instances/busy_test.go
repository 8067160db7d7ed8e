package instances_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// What followers notice reaches the leader however much is handed on to it that takes long, and it tells how it is.
func TestInstance_Busy(t *testing.T) {
	t.Parallel()
	url := store.Secret(servers.Redis(t).URL())
	release, under := make(chan struct{}), make(chan bool, 200)
	hangs := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		under <- true
		<-release
	})
	a := start(t, url, func(p *process) { p.Serve(hangs, nil) })
	eventually(t, "it does not lead", a.Leading)
	b := start(t, url)
	b.all(t, "")
	var handed sync.WaitGroup
	for range 70 { // more than there may be connections
		handed.Go(func() {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/bigbluebutton/api/create", nil)
			b.HandOn(httptest.NewRecorder(), r, nil)
		})
	}
	for range 64 {
		<-under
	}
	b.report([]byte("joined"))
	b.all(t, "reported joined")
	list, err := b.List(t.Context())
	if err != nil || len(list) != 2 || list[0].State == list[1].State || list[0].State == "silent" || list[1].State == "silent" {
		t.Errorf("%+v, %v", list, err)
	}
	close(release)
	handed.Wait()
}
