package cli_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// served makes a data directory with a server in it.
func served(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	stores, err := driver.Open(driver.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	err = stores.State.CreateServer(t.Context(), store.Server{
		ID: "bbb1", URL: "https://bbb1.invalid/bigbluebutton/api", Secret: "s3cr3t", State: store.Disabled, Weight: 1,
	})
	if err := errors.Join(err, stores.Close()); err != nil {
		t.Fatal(err)
	}
	return data
}

// ran runs a command of the program that may fail.
func ran(t *testing.T, data string, args ...string) (said string, code int) {
	t.Helper()
	out, err := command(t, data, args...).CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		code = failed.ExitCode()
	}
	return string(out), code
}

// A backup that was made while the pool serves is encrypted on wish, says what would be lost, and is restored elsewhere.
func TestBackup(t *testing.T) {
	data := served(t)
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, file, sealed := filepath.Join(dir, "key"), filepath.Join(dir, "pool"), filepath.Join(dir, "pool.age")
	if err := os.WriteFile(key, []byte(identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serving(t, command(t, data, "serve", "--listen", "127.0.0.1:0"))
	p.waitReady(t)
	bbbpool(t, data, "backup", file)
	bbbpool(t, data, "backup", sealed, "--recipient", identity.Recipient().String())
	bbbpool(t, data, "tenant", "add", "late")
	for _, args := range [][]string{{file}, {sealed, "--identity", key}} {
		said := bbbpool(t, data, append([]string{"backup", "verify"}, args...)...)
		if !strings.Contains(said, "is whole") || !strings.Contains(said, "would lose or set back") {
			t.Errorf("verified: %s", said)
		}
	}
	if said, code := ran(t, data, "restore", file); code != 1 || !strings.Contains(said, "in use") {
		t.Errorf("restored under a running pool: %d, %s", code, said)
	}
	p.terminate(t)
	if said, code := ran(t, data, "restore", file); code != 1 || !strings.Contains(said, "--force") {
		t.Errorf("restored over a pool: %d, %s", code, said)
	}
	if said, code := ran(t, data, "restore", sealed, "--force"); code != 1 || !strings.Contains(said, "--identity") {
		t.Errorf("restored without a key: %d, %s", code, said)
	}
	other := filepath.Join(t.TempDir(), "other")
	bbbpool(t, other, "restore", sealed, "--identity", key)
	if list := bbbpool(t, other, "server", "list"); !strings.Contains(list, "bbb1") {
		t.Errorf("restored: %s", list)
	}
	info, err := os.Stat(file)
	content, _ := os.ReadFile(sealed)
	if err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(string(content), "age-encryption.org/") {
		t.Errorf("mode %v, %v, %.20q", info.Mode(), err, content)
	}
}

// The records are in the other directory afterwards, and nobody goes on at the old place without saying so.
func TestMigrate(t *testing.T) {
	from, to := served(t), filepath.Join(t.TempDir(), "to")
	if plan := bbbpool(t, from, "check", "--dry-run"); !strings.Contains(plan, "as it is to be") {
		t.Errorf("planned: %s", plan)
	}
	if said, code := ran(t, from, "migrate"); code != 2 || !strings.Contains(said, "--to") {
		t.Errorf("to nowhere: %d, %s", code, said)
	}
	if said, code := ran(t, from, "migrate", "--to", from); code != 2 || !strings.Contains(said, "there already") {
		t.Errorf("to where it is: %d, %s", code, said)
	}
	if said := bbbpool(t, from, "migrate", "--to", to); !strings.Contains(said, "compared") || !strings.Contains(said, to) {
		t.Errorf("moved: %s", said)
	}
	if list := bbbpool(t, to, "server", "list"); !strings.Contains(list, "bbb1") {
		t.Errorf("there: %s", list)
	}
	if said, code := ran(t, from, "serve", "--listen", "127.0.0.1:0"); code != 1 || !strings.Contains(said, to) {
		t.Errorf("served at the old place: %d, %s", code, said)
	}
	bbbpool(t, from, "migrate", "--reopen", "--from", from)
	if list := bbbpool(t, from, "server", "list"); !strings.Contains(list, "bbb1") {
		t.Errorf("opened again: %s", list)
	}
}

// Who takes the records to Redis for Scalelite finds servers there as they are, before anybody has polled them.
func TestMigrate_Observed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<response><returncode>SUCCESS</returncode><meetings><meeting><meetingID>a</meetingID>"+
			"<internalMeetingID>a-1</internalMeetingID><createTime>1</createTime><participantCount>7</participantCount></meeting></meetings></response>")
	}))
	defer server.Close()
	data := served(t)
	stores, err := driver.Open(driver.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	err = stores.State.CreateServer(t.Context(), store.Server{
		ID: "bbb2", URL: server.URL + "/bigbluebutton/api", Secret: "s3cr3t", State: store.Enabled, Weight: 2,
	})
	if err := errors.Join(err, stores.Close()); err != nil {
		t.Fatal(err)
	}
	database := daemon.NewRedis(t)
	defer database.Remove()
	url := database.URL()
	if said := bbbpool(t, data, "migrate", "--to", url); !strings.Contains(said, "compared") {
		t.Errorf("moved: %s", said)
	}
	options, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	defer func() { _ = client.Close() }()
	seen, err := client.HMGet(t.Context(), "scalelite:server:bbb2", "online", "meetings", "users").Result()
	load, err2 := client.ZScore(t.Context(), "scalelite:server_load", "bbb2").Result()
	if err := errors.Join(err, err2); err != nil || fmt.Sprint(seen) != "[true 1 7]" || load != 3.5 {
		t.Errorf("%v, load %v, %v", seen, load, err)
	}
	if online := client.HGet(t.Context(), "scalelite:server:bbb1", "online").Val(); online != "false" {
		t.Errorf("a disabled one is online: %s", online)
	}
	if n := client.Exists(t.Context(), "scalelite:bbbpool:lease").Val(); n == 1 && client.HGet(t.Context(), "scalelite:bbbpool:lease", "holder").Val() != "" {
		t.Error("the lease is kept")
	}
}

// A pool whose recordings and history go to PostgreSQL is served with the rest in the data directory, and says how that is.
func TestMigrate_Half(t *testing.T) {
	database := daemon.NewPostgres(t)
	defer database.Remove()
	data, url := served(t), database.URL(t)
	if said := bbbpool(t, data, "migrate", "--from", data, "--to", data, "--to", url); strings.Contains(said, "servers, tenants and claims:") {
		t.Errorf("moved: %s", said)
	}
	if said, code := ran(t, data, "status"); code != 1 || !strings.Contains(said, "were moved on") {
		t.Errorf("without the address: %d, %s", code, said)
	}
	with := func(args ...string) *exec.Cmd {
		cmd := command(t, data, args...)
		cmd.Env = append(cmd.Env, "DATABASE_URL="+url)
		return cmd
	}
	p := serving(t, with("serve", "--listen", "127.0.0.1:0"))
	p.waitReady(t)
	file := filepath.Join(t.TempDir(), "pool")
	bbbpool(t, data, "backup", file)
	if said := bbbpool(t, data, "server", "list"); !strings.Contains(said, "bbb1") {
		t.Errorf("served: %s", said)
	}
	if log := p.terminate(t); strings.Contains(log, "DATABASE_URL") {
		t.Errorf("it means something here: %s", log)
	}
	plan, err := with("check", "--dry-run").CombinedOutput()
	if err != nil || strings.Count(string(plan), "as it is to be") != 2 {
		t.Errorf("planned %s, %v", plan, err)
	}
	said, err := with("restore", file, "--force").CombinedOutput()
	if err != nil || !strings.Contains(string(said), "restored, compared") {
		t.Errorf("restored: %s, %v", said, err)
	}
	bbbpool(t, data, "migrate", "--from", url, "--from", data, "--to", data, "--force")
	if list := bbbpool(t, data, "server", "list"); !strings.Contains(list, "bbb1") {
		t.Errorf("what is elsewhere has come back: %s", list)
	}
}

// Of a pool whose database was lost its backup is restored where it lay, by a file that is whole; another one leaves no pool there.
func TestRestore_Lost(t *testing.T) {
	data, file := served(t), filepath.Join(t.TempDir(), "pool")
	bbbpool(t, data, "backup", file)
	whole, err := os.ReadFile(file)
	database := filepath.Join(data, "bbbpool.db")
	err = errors.Join(err, os.Remove(database), os.WriteFile(filepath.Join(data, "playback.key"), []byte("x"), 0o600),
		os.WriteFile(file+".cut", whole[:len(whole)-9], 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if said, code := ran(t, data, "serve", "--listen", "127.0.0.1:0"); code != 1 || !strings.Contains(said, "bbbpool restore") {
		t.Errorf("served without a database: %d, %s", code, said)
	}
	if said, code := ran(t, data, "restore", file+".cut"); code != 1 || !strings.Contains(said, "not a whole backup") {
		t.Errorf("restored from what is cut off: %d, %s", code, said)
	}
	if _, err := os.Stat(database); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it has left a database: %v", err)
	}
	bbbpool(t, data, "restore", file)
	if list := bbbpool(t, data, "server", "list"); !strings.Contains(list, "bbb1") {
		t.Errorf("restored: %s", list)
	}
}

// A directory that was mistyped is no empty pool, and nothing is taken away for it.
func TestMigrate_Mistyped(t *testing.T) {
	data, typo := served(t), filepath.Join(t.TempDir(), "typo")
	for _, args := range [][]string{{"migrate", "--from", typo, "--to", data, "--force"}, {"migrate", "--reopen", "--from", typo}} {
		if said, code := ran(t, data, args...); code != 1 || !strings.Contains(said, typo) || !strings.Contains(said, "is missing") {
			t.Errorf("%v: %d, %s", args, code, said)
		}
	}
	if _, err := os.Stat(typo); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	if list := bbbpool(t, data, "server", "list"); !strings.Contains(list, "bbb1") {
		t.Errorf("left: %s", list)
	}
}
