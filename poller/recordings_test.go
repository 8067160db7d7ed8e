package poller_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// What a server shows of its recordings comes as records, with a state that means something here.
func TestRecordings(t *testing.T) {
	bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
		const meta = "<metadata><k>v</k></metadata>"
		answer := "<response><returncode>SUCCESS</returncode><recordings>"
		for i, state := range []string{
			"<state>processing</state>", "<state>deleted</state>", "<state>available</state><published>true</published>", "",
		} {
			answer += fmt.Sprintf("<recording><recordID>id-%d</recordID><meetingID>m</meetingID>%s<startTime>1000</startTime>"+
				"<rawSize>7</rawSize>%s<playback><format><type>video</type></format></playback></recording>", i, state, meta)
		}
		r.net["a"].set(behaviour{body: answer + "</recordings></response>"}, "getRecordings")
		got, err := r.Recordings(t.Context(), "a", []string{"id-0", "id-1", "id-2", "id-3", "id-4"})
		if err != nil {
			t.Fatal(err)
		}
		var want []store.Recording
		for i, state := range []store.RecordingState{store.Processing, store.Deleted, store.Published, store.Unpublished} {
			want = append(want, store.Recording{
				RecordID: fmt.Sprint("id-", i), MeetingID: "m", State: state, Start: time.Unix(1, 0).UTC(), RawSize: 7,
				Meta: map[string]string{"k": "v"}, Formats: []store.Format{{Type: "video"}}, Server: "a",
			})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// Whether a server finds its recordings, and how fast, says nothing about its health; that nobody is there does.
func TestRecordings_Health(t *testing.T) {
	for _, c := range []struct {
		name string
		is   behaviour
		want poller.Health
	}{
		{"slow", hung, poller.Online},
		{"cut off", down, poller.Online},
		{"not BigBlueButton", behaviour{body: "<html>"}, poller.Online},
		{"FAILED", behaviour{body: "<response><returncode>FAILED</returncode></response>"}, poller.Online},
		{"not there", behaviour{err: syscall.ECONNREFUSED}, poller.Suspect},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, config(), []string{"a"}, func(t *testing.T, r *rig) {
				r.net["a"].set(c.is, "getRecordings")
				if _, err := r.Recordings(t.Context(), "a", []string{"x"}); err == nil {
					t.Error("no error")
				}
				r.expect("a", c.want)
			})
		})
	}
}

// A server that must not be asked is not asked, and one that is unknown can be told from one that fails.
func TestRecordings_NotAsked(t *testing.T) {
	bubble(t, config(), []string{"a", "b"}, func(t *testing.T, r *rig) {
		off := record("a")
		off.State = store.Disabled
		r.SetServer(off)
		if err := r.RemoveServer(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		for id, unknown := range map[string]bool{"a": false, "b": true, "c": true} {
			_, err := r.Recordings(t.Context(), id, []string{"x"})
			if err == nil || errors.Is(err, poller.ErrUnknown) != unknown {
				t.Errorf("%s: got %v", id, err)
			}
			if _, called := errors.AsType[*bbb.CallError](err); called {
				t.Errorf("%s: was asked: %v", id, err)
			}
		}
	})
}
