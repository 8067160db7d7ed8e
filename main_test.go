package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/driver"
)

// The tests run the real program as a process of its own: this test binary, told by its environment to be bbbpool.
const beMain = "BBBPOOL_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(beMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

const frontEndSecret = "front-end-secret"

// command prepares to run bbbpool.
func command(t *testing.T, data string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), beMain+"=1", "BBBPOOL_DATA="+data, "LOADBALANCER_SECRET="+frontEndSecret)
	return cmd
}

// bbbpool runs a command to its end and returns what it printed.
func bbbpool(t *testing.T, data string, args ...string) string {
	t.Helper()
	cmd := command(t, data, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bbbpool %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// process is a bbbpool that serves.
type process struct {
	*exec.Cmd
	api  string // of the front ends
	base string
	log  *bytes.Buffer // what it wrote after "serving"; read it only once the process is over
	read chan struct{}
}

// boot starts the program and returns when it listens.
func boot(t *testing.T, data string, args ...string) *process {
	t.Helper()
	return serving(t, command(t, data, append([]string{"serve", "--listen", "127.0.0.1:0", "--poll-interval", "500ms"}, args...)...))
}

// serving starts a command that serves, and returns when it listens.
func serving(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: cmd, log: &bytes.Buffer{}, read: make(chan struct{})}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewReader(stderr)
	for p.api == "" {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("bbbpool ended before it served: %v\n%s", err, p.log)
		}
		p.log.Write(line)
		var entry struct{ Message, Listen string }
		if json.Unmarshal(line, &entry) == nil && entry.Message == "serving" {
			p.base = "http://" + entry.Listen
			p.api = p.base + "/bigbluebutton/api"
		}
	}
	go func() {
		_, _ = io.Copy(p.log, lines)
		close(p.read)
	}()
	return p
}

// end waits for the process to be over, however that came about, and returns its log.
func (p *process) end() (string, error) {
	<-p.read
	err := p.Wait()
	return p.log.String(), err
}

// terminate asks the process to end, as systemd does.
func (p *process) terminate(t *testing.T) string {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	log, err := p.end()
	if err != nil {
		t.Fatalf("bbbpool ended with %v\n%s", err, log)
	}
	return log
}

// call makes a call as a front end does.
func (p *process) call(ctx context.Context, call, query string) (bbb.Answer, error) {
	client := bbb.NewClient(bbb.Endpoint{URL: p.api, Secret: frontEndSecret}, http.DefaultTransport, 30*time.Second)
	return client.Answer(ctx, call, query)
}

func (p *process) get(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := http.Get(p.base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// waitReady waits until the process says that it can do its work.
func (p *process) waitReady(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		status, body := p.get(t, "/readyz")
		if status == http.StatusOK {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not ready: %s", body)
		}
	}
}

// simulated runs simulated servers until the test ends.
func simulated(t *testing.T, n int) []*simulator.Server {
	t.Helper()
	sim, err := simulator.New(simulator.Config{Servers: n})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return sim.Servers()
}

// addServers puts simulated servers into a pool.
func addServers(t *testing.T, data string, servers []*simulator.Server) {
	t.Helper()
	for _, s := range servers {
		id := bbbpool(t, data, "server", "add", s.URL(), "--secret", string(s.Secret()), "--id", s.ID(), "--enable")
		if strings.TrimSpace(id) != s.ID() {
			t.Fatalf("server add printed %q", id)
		}
	}
}

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
	checkHandbook(t, metrics)
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

// demo prints, as JSON and on one line, everything that a script needs to use it.
func TestDemo(t *testing.T) {
	cmd := command(t, "", "demo", "--listen", "127.0.0.1:0", "--servers", "2", "--json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var d struct {
		URL, Secret, Join string
		Servers           []struct{ ID, URL, Secret string }
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &d); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if len(d.Servers) != 2 || !strings.HasSuffix(d.URL, "/bigbluebutton/api") || d.Secret == "" {
		t.Errorf("demo printed %s", line)
	}
	resp, err := http.Get(d.Join)
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "Demo") {
		t.Errorf("the join link leads to %d %s", resp.StatusCode, page)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("demo ended with %v", err)
	}
}

// kills is how often the process is killed. A storm of creates is under way each time.
const kills = 100

// Killed at any moment, the process loses no meeting whose create it has answered, and no claim points nowhere.
func TestServe_SurvivesKills(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	servers := simulated(t, 4)
	p := boot(t, data)
	addServers(t, data, servers)
	acknowledged := map[string]string{} // internal IDs by meeting ID
	for round := range kills {
		p.waitReady(t)
		maps.Copy(acknowledged, storm(t, p, round))
		if _, err := p.end(); err == nil {
			t.Fatal("the process ended by itself")
		}
		checkClaims(t, data, acknowledged)
		p = boot(t, data)
	}
	p.waitReady(t)
	for id, internal := range acknowledged {
		a, err := p.call(t.Context(), "getMeetingInfo", "meetingID="+id)
		if err != nil || a.Get("internalMeetingID") != internal {
			t.Fatalf("%s: %v, %q instead of %q", id, err, a.Get("internalMeetingID"), internal)
		}
	}
	p.terminate(t)
	t.Logf("%d creates acknowledged over %d kills", len(acknowledged), kills)
}

// storm creates meetings from several front ends until the process is killed, a little later each round, and returns
// the internal IDs of those that were acknowledged.
func storm(t *testing.T, p *process, round int) map[string]string {
	t.Helper()
	time.AfterFunc(time.Duration(5+round%37)*time.Millisecond, func() { _ = p.Process.Kill() })
	var mu sync.Mutex
	acknowledged := map[string]string{}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("r%d-w%d-%d", round, worker, i)
				a, err := p.call(context.Background(), "create", "name=Room&meetingID="+id+"&meetingExpireIfNoUserJoinedInMinutes=600")
				if err != nil {
					return // killed
				}
				if a.Err != nil {
					t.Errorf("create %s: %v", id, a.Err)
					return
				}
				mu.Lock()
				acknowledged[id] = a.Get("internalMeetingID")
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return acknowledged
}

// checkClaims looks into the database of a killed process.
func checkClaims(t *testing.T, data string, acknowledged map[string]string) {
	t.Helper()
	stores, err := driver.Open(driver.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	servers, err := stores.State.Servers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range servers {
		known[s.ID] = true
	}
	claims, err := stores.State.Claims(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	claimed := map[string]store.Claim{}
	for _, c := range claims {
		claimed[c.MeetingID] = c
		if !known[c.Server] {
			t.Errorf("%s is claimed on %q, which is not in the pool", c.MeetingID, c.Server)
		}
	}
	for id := range acknowledged {
		if _, ok := claimed[id]; !ok {
			t.Fatalf("%s was acknowledged and is not claimed", id)
		}
	}
}
