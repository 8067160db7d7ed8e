package recordings_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// Retention does not believe the ends that servers write: nothing goes by its age that has not been here for that long,
// and nothing outlasts older ones because it claims to end in years.
func TestRetention_WrittenEnds(t *testing.T) {
	now := time.Now()
	p := open(t, t.TempDir(), func(s *recordings.Service) {
		s.Config.MaxAge, s.Now = quantity.Age(180*24*time.Hour), func() time.Time { return now }
	})
	ends := []time.Time{time.UnixMilli(1), now.AddDate(-10, 0, 0), now.AddDate(50, 0, 0), now.Add(3*time.Hour - time.Minute)}
	for n, end := range ends {
		p.take(t, made{id: recordID(n), format: "video", meetingID: "room", media: string(make([]byte, 1000))})
		if _, err := p.db.UpdateRecording(t.Context(), "default", recordID(n), func(r *store.Recording) error {
			r.Start, r.End = end, end
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	left := func(after time.Duration, want int) {
		t.Helper()
		now = now.Add(after)
		if err := p.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, n, err := p.Recordings(t.Context(), store.RecordingFilter{Tenant: "default", States: []store.RecordingState{store.Published}})
		if err != nil || n != want {
			t.Errorf("%d are left, want %d; %v", n, want, err)
		}
	}
	left(0, 4)
	left(179*24*time.Hour, 4)
	p.Config.MaxSize = 2500 // beside a metadata.xml each
	left(0, 1)
	if p.get(t, recordID(3)).State != store.Published {
		t.Error("the one that ends in fifty years has outlasted the newest")
	}
	left(2*24*time.Hour, 0)
}
