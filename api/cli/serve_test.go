package cli_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// An operator's first day: start, add servers, see them, hold one back, take it out, stop. The same commands work while
// the process runs and while it does not.
func TestServe_FirstDay(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	servers := simulated(t, 3)
	p := boot(t, data)
	p.waitReady(t)
	addServers(t, data, servers)
	p.waitReady(t)
	if a, err := p.call(t.Context(), "create", "name=Room&meetingID=room"); err != nil || a.Err != nil {
		t.Fatalf("create: %v %v", err, a.Err)
	}
	list := func() (list []struct{ ID, State, Health string }) {
		if err := json.Unmarshal([]byte(bbbpool(t, data, "server", "list", "--json")), &list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	bbbpool(t, data, "server", "cordon", "sim1")
	if l := list(); len(l) != 3 || l[0].State != "cordoned" || l[0].Health != "online" || l[1].State != "enabled" {
		t.Errorf("server list: %+v", l)
	}
	var meetings []struct{ MeetingID, Server, InternalMeetingID string }
	if err := json.Unmarshal([]byte(bbbpool(t, data, "meeting", "list", "--json")), &meetings); err != nil {
		t.Fatal(err)
	}
	if len(meetings) != 1 || meetings[0].MeetingID != "room" || meetings[0].InternalMeetingID == "" {
		t.Errorf("meeting list: %+v", meetings)
	}
	status, metrics := p.get(t, "/metrics")
	if status != http.StatusOK || !strings.Contains(metrics, `bbbpool_server_health{server="sim2",health="online"} 1`) {
		t.Errorf("metrics: %d %s", status, metrics)
	}
	log := p.terminate(t)
	if strings.Contains(log, frontEndSecret) || strings.Contains(log, string(servers[0].Secret())) {
		t.Errorf("a secret is in the log:\n%s", log)
	}
	if l := list(); len(l) != 3 || l[0].State != "cordoned" || l[0].Health != "unknown" {
		t.Errorf("server list of a pool that is not running: %+v", l)
	}
	bbbpool(t, data, "server", "enable", "sim1")
	p = boot(t, data)
	p.waitReady(t)
	if l := list(); l[0].State != "enabled" {
		t.Errorf("server list after the restart: %+v", l)
	}
	if a, err := p.call(t.Context(), "create", "name=Room&meetingID=room"); err != nil || a.Get("messageKey") != "duplicateWarning" {
		t.Errorf("create after the restart: %v %v, want a repeat", err, a.Err)
	}
	bbbpool(t, data, "meeting", "end", "room", "--yes")
	if a, err := p.call(t.Context(), "getMeetingInfo", "meetingID=room"); err != nil || a.Err == nil || a.Err.Key != "notFound" {
		t.Errorf("getMeetingInfo after the end: %v %+v", err, a.Err)
	}
	p.terminate(t)
}

// Whatever cannot work stops the start, with the name of what is wrong.
func TestServe_RefusesToStart(t *testing.T) {
	data := t.TempDir()
	taken := boot(t, filepath.Join(t.TempDir(), "data"))
	for name, c := range map[string]struct {
		env  string
		args []string
		want string
		code int
	}{
		"unknown name":   {"BBBPOOL_POLL_INTERVALL=5", nil, "BBBPOOL_POLL_INTERVALL", 2},
		"bad duration":   {"POLL_INTERVAL=soon", nil, "soon", 2},
		"out of range":   {"POLL_INTERVAL=0", nil, "--poll-interval", 2},
		"unknown flag":   {"", []string{"--nonsense"}, "--nonsense", 2},
		"bad algorithm":  {"LOADBALANCER_CHECKSUM_ALGORITHM=MD5", nil, "MD5", 2},
		"address in use": {"", []string{"--listen", strings.TrimPrefix(taken.base, "http://")}, "address already in use", 1},
		"bad parameters": {"DEFAULT_CREATE_PARAMS=oops", nil, "oops", 2},
	} {
		cmd := command(t, data, append([]string{"serve", "--listen", "127.0.0.1:0"}, c.args...)...)
		if c.env != "" {
			cmd.Env = append(cmd.Env, c.env)
		}
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: exit code %d, want %d and %q in\n%s", name, cmd.ProcessState.ExitCode(), c.code, c.want, out)
		}
	}
	taken.terminate(t)
}

// A second process on the same data directory is turned away with the reason, and does no harm to the first.
func TestServe_OneProcessPerDirectory(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := boot(t, data)
	out, err := command(t, data, "serve", "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), store.ErrLocked.Error()) {
		t.Errorf("the second process: %v\n%s", err, out)
	}
	bbbpool(t, data, "status")
	p.terminate(t)
}

// A data directory that has lost its database is not taken for a new one by any command, until somebody wants that.
func TestServe_LostDatabase(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	boot(t, data).terminate(t)
	database := filepath.Join(data, bolt.File)
	commands := [][]string{
		{"serve", "--listen", "127.0.0.1:0"},
		{"server", "list"},
		{"server", "add", "http://127.0.0.1:1/bigbluebutton/api", "--secret", "s", "--id", "a"},
	}
	refused := func(left, want string) {
		t.Helper()
		for _, args := range commands {
			out, err := command(t, data, args...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), data) || args[1] != "list" && !strings.Contains(string(out), want) {
				t.Errorf("%s, %v: %v, want %q in\n%s", left, args, err, want, out)
			}
		}
	}
	if err := os.Remove(database); err != nil {
		t.Fatal(err)
	}
	refused("nothing", database+" is missing")
	if _, err := os.Stat(database); err == nil {
		t.Error("a new one was made")
	}
	if err := os.WriteFile(database, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("an empty file", "the file is empty")
	if info, err := os.Stat(database); err != nil || info.Size() != 0 {
		t.Errorf("the empty file has become %v, %v", info, err)
	}
	for _, name := range []string{bolt.File, "volume.id", "recordings.json", "playback.key"} {
		if err := os.Remove(filepath.Join(data, name)); err != nil {
			t.Errorf("what a pool leaves: %v", err)
		}
	}
	boot(t, data).terminate(t)
}

// A create that is under way when the process is told to end gets its answer.
func TestServe_Drains(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	servers := simulated(t, 1)
	p := boot(t, data)
	addServers(t, data, servers)
	p.waitReady(t)
	before := servers[0].Calls("create") // the trial of the server has made some
	slow := simulator.Fault{Kind: simulator.Slow, Delay: 2 * time.Second, Calls: []string{"create"}}
	if err := servers[0].Fault(slow); err != nil {
		t.Fatal(err)
	}
	created := make(chan error, 1)
	go func() {
		a, err := p.call(context.Background(), "create", "name=Room&meetingID=room")
		if err == nil && a.Err != nil {
			err = a.Err
		}
		created <- err
	}()
	for servers[0].Calls("create") == before {
		select {
		case err := <-created:
			t.Fatalf("create, before it has reached the server: %v", err)
		default:
			p.get(t, "/healthz")
		}
	}
	p.terminate(t)
	if err := <-created; err != nil {
		t.Errorf("create: %v", err)
	}
}
