package cli_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// limited starts the program with so few descriptors, as a shell's ulimit with these flags sets them.
func limited(t *testing.T, data, flags string, args ...string) *process {
	t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--poll-interval", "500ms"}, args...)
	cmd := command(t, data, args...)
	cmd.Path = "/bin/sh"
	cmd.Args = append([]string{"sh", "-c", "ulimit " + flags + `; exec "$0" "$@"`, cmd.Args[0]}, args...)
	return serving(t, cmd)
}

// dial opens a connection to the process, sends what is given, and keeps it open until the test ends.
func (p *process) dial(t *testing.T, send string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(p.base, "http://"), 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, send); err != nil {
		t.Logf("closed before all was sent: %v", err)
	}
	return conn
}

// works fails the test unless the pool does everything that people need of it.
func (p *process) works(t *testing.T, data, meeting string) {
	t.Helper()
	fresh := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := fresh.Get(p.base + "/healthz")
	if err != nil {
		t.Fatalf("health check: %v", err)
	}
	_ = resp.Body.Close()
	if list := bbbpool(t, data, "server", "list"); !strings.Contains(list, "online") {
		t.Errorf("server list: %s", list)
	}
	if a, err := p.call(t.Context(), "create", "name=Room&meetingID="+meeting); err != nil || a.Err != nil {
		t.Fatalf("create: %v %v", err, a.Err)
	}
}

// However many connections others open and leave, new callers get in, and we always have descriptors for our own work.
func TestServe_FewDescriptors(t *testing.T) {
	for _, limit := range []int{64, 128} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			servers := simulated(t, 3)
			p := limited(t, data, fmt.Sprintf("-n %d", limit))
			addServers(t, data, servers)
			p.waitReady(t)
			for i, send := range []string{
				"",                                     // silent
				"GET /healthz HTTP/1.1\r\nHost: x\r\n", // half a request
				"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", // kept alive
				"POST /bigbluebutton/api/create?meetingID=x&checksum=0 HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n",
				"POST /bigbluebutton/api/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
					"Content-Length: 99\r\n\r\n", // a form whose signature is in what never comes
			} {
				for range 200 {
					p.dial(t, send)
				}
				p.works(t, data, fmt.Sprintf("room%d", i))
			}
			if check := bbbpool(t, data, "check"); !strings.Contains(check, "LimitNOFILE") {
				t.Errorf("check does not say that this is little:\n%s", check)
			}
			if log := p.terminate(t); strings.Contains(log, "offline") || strings.Contains(log, "too many open files") {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}

// What is refused is answered and closed, though its body never comes.
func TestServe_RefusedIsClosed(t *testing.T) {
	p := boot(t, filepath.Join(t.TempDir(), "data"))
	conns := map[string]net.Conn{}
	for _, line := range []string{
		"POST /bigbluebutton/api/create?meetingID=x&checksum=0",
		"POST /bigbluebutton/api/create?meetingID=x",
		"POST /bigbluebutton/api/made/../up?checksum=0",
		"POST /nothing/here/at/all",
		"DELETE /",
		"GET /healthz",
		"POST /api/v1/servers",
		"POST /api/v1/recordings",
		"PUT /metrics",
	} {
		for _, header := range []string{"Content-Length: 10", "Content-Length: 999999", "Transfer-Encoding: chunked"} {
			request := line + " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n"
			conns[request] = p.dial(t, request)
		}
	}
	deadline := time.Now().Add(40 * time.Second)
	for request, conn := range conns {
		_ = conn.SetReadDeadline(deadline)
		answer, err := io.ReadAll(conn)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 ") || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: %v after %q", request, err, answer)
		}
	}
	p.terminate(t)
}

// What the shell allows softly is not what counts.
func TestServe_RaisesSoftLimit(t *testing.T) {
	p := limited(t, filepath.Join(t.TempDir(), "data"), "-Sn 64; ulimit -Hn 1024")
	_, page := p.get(t, "/metrics")
	m := regexp.MustCompile(`(?m)^bbbpool_connections_limit (\d+)$`).FindStringSubmatch(page)
	if m == nil || m[1] != "341" {
		t.Errorf("limit %v, want a third of the hard limit", m)
	}
	p.terminate(t)
}
