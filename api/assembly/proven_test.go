package assembly_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// What a server is given with the create of a meeting that is recorded, and shows in its metadata, proves whose the recording is.
func TestRecordings_Proven(t *testing.T) {
	p, s := multitenant(t)
	at(t, p, "arts.pool.example.edu", "secret-of-arts", "create", "meetingID=room&name=Room&record=true")
	resp, err := http.Get(s.URL() + "/getMeetingInfo?" + bbb.SHA256.Sign("getMeetingInfo", "meetingID=room", s.Secret()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	info, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	const name = "endcallbackurl"
	given := element(string(info), name)
	meeting, server, ok := p.Recordings.Proven(map[string]string{name: given})
	if !ok || meeting.Tenant != "0b6-arts" || meeting.MeetingID != "room" || server != s.ID() {
		t.Errorf("%q proves %+v at %q, %t: %s", given, meeting, server, ok, info)
	}
}
