package recordings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/library"
)

// Every value that cannot work is told, by its flag, all of them at once.
func TestConfig_Validate(t *testing.T) {
	good := quick(t.TempDir())
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(c *recordings.Config){
		"--spool-interval 500ms: want at least 1s":              func(c *recordings.Config) { c.Interval = 500 * time.Millisecond },
		"--spool-rest 2h0m0s: want 0s to 1h":                    func(c *recordings.Config) { c.Rest = 2 * time.Hour },
		"--imports 0: want 1 to 64":                             func(c *recordings.Config) { c.Parallel = 0 },
		"--imports 65: want 1 to 64":                            func(c *recordings.Config) { c.Parallel = 65 },
		"--import-retry 0s: want more than 0s, at most 15m0s":   func(c *recordings.Config) { c.Retry = 0 },
		"--import-retry 1h0m0s: want more than 0s, at most 15m": func(c *recordings.Config) { c.Retry = time.Hour },
		"--max-recording 1023: want at least 1MiB":              func(c *recordings.Config) { c.MaxBytes = 1023 },
		"--max-recording-files 0: want at least 1":              func(c *recordings.Config) { c.MaxFiles = 0 },
		"--recordings-overdue 0s: want more than 0s":            func(c *recordings.Config) { c.Overdue = 0 },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	err := recordings.Config{}.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("not all at once: %v", err)
	}
}

// Directories that are not named are in the data directory, or in the one that is.
func TestConfig_In(t *testing.T) {
	c := recordings.Config{}.In("/data")
	want := recordings.Config{
		Root: "/data/recordings", Spool: "/data/recordings/spool", Published: "/data/recordings/published",
		Unpublished: "/data/recordings/unpublished", Trash: "/data/recordings/deleted",
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c = recordings.Config{Root: "/mnt", Spool: "/spool"}.In("/data")
	if c.Spool != "/spool" || c.Published != "/mnt/published" {
		t.Errorf("%+v", c)
	}
	dirs := library.Dirs{Published: "/mnt/published", Unpublished: "/mnt/unpublished", Deleted: "/mnt/deleted"}
	if got := c.Dirs(); got != dirs {
		t.Errorf("%+v", got)
	}
}

// Ages are read in days, as people count them, in Go's form, or in seconds, and written in the shortest.
func TestAge(t *testing.T) {
	for text, want := range map[string]string{
		"180d": "180d", "36h": "36h0m0s", "48h": "2d", "86400": "1d", "90": "1m30s", "0": "0s", " 7d ": "7d", "0d": "0s",
	} {
		var a quantity.Age
		if err := a.UnmarshalText([]byte(text)); err != nil || a.String() != want {
			t.Errorf("%q: %s %v", text, a, err)
		}
		if again, err := a.MarshalText(); err != nil || string(again) != want {
			t.Errorf("%q: %s %v", text, again, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "36501d", "1.5d", "-1h", "soon"} {
		var a quantity.Age
		if err := a.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s", text, a)
		}
	}
}

// Settings that were written down and cannot be read are an error: to go by others could delete what is to be kept.
func TestConfig_Last(t *testing.T) {
	data, c := t.TempDir(), quick(t.TempDir())
	got, err := c.Last(data)
	if diff := cmp.Diff(c, got); diff != "" || err != nil {
		t.Errorf("where it was never served: %v\n%s", err, diff)
	}
	if err := os.WriteFile(filepath.Join(data, "recordings.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Last(data); err == nil || !strings.HasPrefix(err.Error(), "read the settings of the recordings: ") {
		t.Errorf("broken: %v", err)
	}
	if _, err := c.Last(filepath.Join(data, "recordings.json")); err == nil {
		t.Error("of no directory")
	}
}
