package recordings_test

import (
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// Commands that work while nobody serves the pool go by the settings that it was served with, not by their own.
func TestOpen_Offline(t *testing.T) {
	data, elsewhere := t.TempDir(), t.TempDir()
	db, err := bolt.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	configured := func(c recordings.Config, offline bool) recordings.Config {
		t.Helper()
		c.Volume.Timeout = time.Second
		s, err := recordings.Open(t.Context(), recordings.Parts{
			Config: c, Data: data, Offline: offline, Index: db, State: db, Log: zerolog.Nop(), Metrics: metrics.NewSet(),
		})
		if err != nil {
			t.Fatal(err)
		}
		return s.Config
	}
	served := quick(data)
	served.Root, served.Published, served.KeepDeleted = elsewhere, elsewhere+"/here", recordings.Age(30*24*time.Hour)
	served.Volume.Timeout = time.Second
	want := configured(served, false)
	if diff := cmp.Diff(want, configured(quick(data), true)); diff != "" {
		t.Errorf("offline (-served +offline):\n%s", diff)
	}
}
