package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// forgetful is a server whose first answer about a meeting takes a while on its way.
type forgetful struct{ made, asked atomic.Int32 }

func (f *forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	made := f.made.Load()
	if strings.HasSuffix(r.URL.Path, "/create") {
		made = f.made.Add(1)
	}
	id := r.URL.Query().Get("meetingID")
	body := bbb.Success().Text("meetingID", id).Text("internalMeetingID", fmt.Sprint("i-", made)).Message("", "").Bytes()
	if strings.HasSuffix(r.URL.Path, "/getMeetingInfo") && f.asked.Add(1) == 1 {
		time.Sleep(2 * time.Second)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
}

// Who asks about a meeting that was made anew is not told what the server has said of the one before, though somebody waits for that.
func TestGetMeetingInfo_MadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ask := loneOver(t, &away{}, &forgetful{})
		ask("create", createQuery("room"))
		var waited sync.WaitGroup
		waited.Go(func() {
			if said, _ := ask("getMeetingInfo", "meetingID=room"); !strings.Contains(said, "i-1<") {
				t.Errorf("the one of before: %s", said)
			}
		})
		time.Sleep(time.Second)
		ask("end", "meetingID=room")
		ask("create", createQuery("room"))
		if said, _ := ask("getMeetingInfo", "meetingID=room"); !strings.Contains(said, "i-2<") {
			t.Errorf("the new one: %s", said)
		}
		waited.Wait()
	})
}
