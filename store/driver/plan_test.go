package driver_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/driver"
)

// A plan says what a start would refuse.
func TestPlan_Refused(t *testing.T) {
	lost, empty, nowhere := t.TempDir(), t.TempDir(), t.TempDir()
	err := errors.Join(
		os.WriteFile(filepath.Join(lost, "playback.key"), nil, 0o600), os.WriteFile(filepath.Join(empty, bolt.File), nil, 0o600),
		os.Symlink(filepath.Join(nowhere, "gone"), filepath.Join(nowhere, bolt.File)))
	if err != nil {
		t.Fatal(err)
	}
	for dir, phrase := range map[string]string{lost: "bbbpool restore", empty: "is empty", nowhere: "leads to nothing"} {
		if plan, err := driver.Plan(driver.Config{Data: dir}); err == nil || !strings.Contains(err.Error(), phrase) {
			t.Errorf("planned %q, %v, want %q", plan, err, phrase)
		}
		if s, err := driver.Open(driver.Config{Data: dir}); err == nil || !strings.Contains(err.Error(), phrase) {
			t.Errorf("opened: %v, want %q", err, phrase)
			_ = s.Close()
		}
	}
}

// A plan says what becomes of a Redis, and refuses one of a newer version with a way back that can be gone.
func TestPlan_Redis(t *testing.T) {
	url := servers.Redis(t).URL()
	o, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(o)
	defer func() { _ = client.Close() }()
	c := driver.Config{Data: t.TempDir(), Settings: driver.Settings{RedisURL: store.Secret(url), RedisNamespace: "plan"}}
	for schema, phrase := range map[string]string{"": "as it is", "1": "schema 1 becomes 2", "2": "as it is to be", "99": "plan:bbbpool:"} {
		if err := client.Set(t.Context(), "plan:bbbpool:schema", schema, 0).Err(); err != nil {
			t.Fatal(err)
		}
		plan, err := driver.Plan(c)
		text := strings.Join(plan, "\n")
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, phrase) || errors.Is(err, store.ErrNewerSchema) != (schema == "99") {
			t.Errorf("schema %q: %q, want %q", schema, text, phrase)
		}
	}
}

// A place never has a piece of a password, whatever characters that has.
func TestPlace_Password(t *testing.T) {
	for address, want := range map[string]string{
		"redis://host:6379/0?password=p@ss":                      "redis://host:6379/0",
		"postgresql://host/db?user=u&password=p@ss":              "postgresql://host/db",
		"redis://:p@ss@host:6379/1":                              "redis://host:6379/1",
		"redis://:p?a@ss@host/1":                                 "redis://host/1",
		"redis+sentinel://:x@a:1,b:2/m/0?sentinel_password=p@ss": "redis+sentinel://a:1,b:2/m/0",
		"unix:///run/redis.sock?password=p@ss":                   "unix:///run/redis.sock",
		"redis://:p@a?ss@host/0?pool=5":                          "redis://host/0",
		"rediss://user:12?34@host":                               "rediss://host",
	} {
		if got := driver.Place(store.Secret(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
