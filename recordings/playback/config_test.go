package playback_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/store"
)

// A bare number is minutes, as in Scalelite's settings, where everything else here takes it for seconds.
func TestMinutes(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"60": time.Hour, "90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "0": 0, "-1": -time.Minute,
	} {
		var m playback.Minutes
		if err := m.UnmarshalText([]byte(text)); err != nil || m != playback.Minutes(want) {
			t.Errorf("%s: %s, %v", text, m, err)
		}
	}
	for _, text := range []string{"", "an hour", "60 m", "99999999999", "9000000", "1e3"} {
		var m playback.Minutes
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s", text, m)
		}
	}
}

// The secret is made once, for the owner's eyes, and two who start together agree on it.
func TestLoadSecret(t *testing.T) {
	dir := t.TempDir()
	var all [8]store.Secret
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() {
			var err error
			if all[i], err = playback.LoadSecret(dir); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, s := range all {
		if s != all[0] || len(s.Reveal()) != 64 {
			t.Errorf("secrets of %d and %d characters, not the same", len(s.Reveal()), len(all[0].Reveal()))
		}
	}
	info, err := os.Stat(filepath.Join(dir, "playback.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left over: %v", entries)
	}
}

// A damaged secret is not signed with.
func TestLoadSecret_Damaged(t *testing.T) {
	for _, text := range []string{"", "short", "00ff", "not hexadecimal, but certainly as long as it would have to be here"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "playback.key"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := playback.LoadSecret(dir); err == nil || s != "" {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := playback.LoadSecret(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a directory that is not there")
	}
}
