package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Every metric says what it is, and Prometheus' own tool finds nothing wrong with any.
func TestMetrics(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := boot(t, data)
	addServers(t, data, simulated(t, 2))
	p.waitReady(t)
	for _, call := range []string{"create", "join", "getMeetings", "made-up"} {
		if _, err := p.call(t.Context(), call, "name=Room&meetingID=room&record=true"); err != nil {
			t.Log(err) // joins and what there is not
		}
	}
	p.get(t, "/video/none/")
	_, page := p.get(t, "/metrics")
	described, family := map[string]bool{}, ""
	for line := range strings.Lines(page) {
		if m := regexp.MustCompile(`^# HELP (\S+) \S`).FindStringSubmatch(line); m != nil {
			if family = m[1]; described[family] {
				t.Errorf("%s is described twice", family)
			}
			described[family] = true
		}
		if !strings.HasPrefix(line, "#") && (family == "" || !strings.HasPrefix(line, family)) {
			t.Errorf("without help: %s", line)
		}
	}
	for _, want := range []string{
		`bbbpool_build_info{version="dev",revision="`,
		"\nbbbpool_connections_pushed_total 0\n", "\nbbbpool_upload_bytes_total 0\n", "\nbbbpool_playback_bytes_total 0\n",
		"\nbbbpool_requests_refused_total 0\n", "\nprocess_start_time_seconds ", "\nprocess_open_fds ",
		"# TYPE bbbpool_request_duration_seconds histogram\n", "# TYPE bbbpool_requests_total counter\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	p.terminate(t)
	checkHandbook(t, page)
	promtool(t, page)
}

// promtool has Prometheus' tool look at a page of metrics.
func promtool(t *testing.T, page string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("BBBPOOL_TEST_REQUIRE") != "" {
			t.Fatal(err)
		}
		t.Skip("needs promtool")
	}
	cmd := exec.Command(path, "check", "metrics")
	cmd.Stdin = strings.NewReader(page)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// A SIGHUP reads again what can be read again, and ends nothing, not even when it comes in a hurry.
func TestServe_Hangup(t *testing.T) {
	p := boot(t, filepath.Join(t.TempDir(), "data"))
	for range 20 {
		if err := p.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "it has reloaded", func() bool { return strings.Contains(p.log.String(), "reloaded") })
	p.terminate(t)
}
