package recordings_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/quantity"
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
			Config: c, Data: data, Offline: offline, Index: db.Index(), State: db.State(), Log: zerolog.Nop(), Metrics: metrics.NewSet(),
		})
		if err != nil {
			t.Fatal(err)
		}
		return s.Config
	}
	served := quick(data)
	served.Root, served.Published, served.KeepDeleted = elsewhere, elsewhere+"/here", quantity.Age(30*24*time.Hour)
	served.Volume.Timeout = time.Second
	want := configured(served, false)
	if diff := cmp.Diff(want, configured(quick(data), true)); diff != "" {
		t.Errorf("offline (-served +offline):\n%s", diff)
	}
}

// A directory that cannot be used is told, and keeps nothing but recordings from working.
func TestOpen_Unusable(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(data, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var log bytes.Buffer
	c := recordings.Config{Root: filepath.Join(file, "recordings"), Interval: time.Second, Parallel: 1, Retry: time.Second}
	c.Volume.Timeout = time.Second
	s, err := recordings.Open(t.Context(), recordings.Parts{
		Config: c, Data: data, Index: db.Index(), State: db.State(), Log: zerolog.New(&log), Metrics: metrics.NewSet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Disk.Check(t.Context())
	if s.Disk.Problem() == "" || !strings.Contains(log.String(), "not a directory") {
		t.Errorf("problem %q, log %s", s.Disk.Problem(), log.String())
	}
	if _, err := s.Import(t.Context(), recordings.ImportOptions{Path: data}, func(recordings.Progress) {}); !errors.Is(err, recordings.ErrVolume) {
		t.Errorf("import: %v", err)
	}
}
