package recordings_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// program is bbbpool itself, as a process.
type program struct {
	path, data, base string
}

// build makes the program.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bbbpool")
	if out, err := exec.Command("go", "build", "-o", path, "..").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func (p *program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.path, args...)
	cmd.Env = append(os.Environ(), "BBBPOOL_DATA="+p.data, "LOADBALANCER_SECRET=front-end-secret")
	return cmd
}

// do runs a command and returns what it prints.
func (p *program) do(t *testing.T, args ...string) string {
	t.Helper()
	cmd := p.command(args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("bbbpool %v: %v\n%s%s", args, err, out, errs.String())
	}
	return string(out)
}

// serve runs the program until the test ends.
func (p *program) serve(t *testing.T, args ...string) (stop func()) {
	t.Helper()
	cmd := p.command(append([]string{"serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--spool-rest", "100ms"}, args...)...)
	errs, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(errs)
	p.base = ""
	for p.base == "" && lines.Scan() {
		var line struct{ Message, Listen string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "serving" {
			p.base = "http://" + line.Listen
		}
	}
	if p.base == "" {
		t.Fatal("it does not serve")
	}
	go func() { _, _ = io.Copy(io.Discard, errs) }()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("end: %v", err)
		}
	}
	return stop
}

// urls are the links that a front end gets from getRecordings.
func (p *program) urls(t *testing.T) (list []string) {
	t.Helper()
	client := bbb.NewClient(bbb.Endpoint{URL: p.base + "/bigbluebutton/api", Secret: "front-end-secret"},
		http.DefaultTransport, 10*time.Second)
	resp, err := http.Get(client.URL("getRecordings", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`<url>([^<]+)</url>`).FindAllSubmatch(body, -1) {
		list = append(list, strings.ReplaceAll(string(m[1]), "&amp;", "&"))
	}
	return list
}

// status is what somebody gets who follows a link, with or without a browser's cookies.
func status(t *testing.T, link string, jar http.CookieJar) int {
	t.Helper()
	resp, err := (&http.Client{Jar: jar}).Get(link)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// The whole way, with the program itself: the script that it hands out sends a recording from its server, a front end
// lists it, viewers see it; once protected, only by a link of their own; and all of it is there after a restart.
func TestProgram(t *testing.T) {
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		if os.Getenv("BBBPOOL_TEST_REQUIRE") != "" {
			t.Fatal(err)
		}
		t.Skip("needs ruby")
	}
	sim, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = sim.Run(t.Context()) }()
	server := sim.Servers()[0]
	p := &program{path: build(t), data: t.TempDir()}
	stop := p.serve(t)
	p.do(t, "server", "add", server.URL(), "--secret", string(server.Secret()), "--id", "bbb1", "--enable")

	id, bare := recordID(1), t.TempDir()
	m := made{id: id, format: "video", meetingID: "room", media: strings.Repeat("film ", 50_000)}
	dir := filepath.Join(bare, "published", "video", id)
	script := filepath.Join(bare, "bbbpool.rb")
	for name, content := range map[string]string{
		filepath.Join(dir, "metadata.xml"): m.metadata(), filepath.Join(dir, "video.mp4"): m.media,
		script: p.do(t, "server", "script", "bbb1", "--url", p.base),
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	send := exec.Command(ruby, script, "-m", id, "-f", "video")
	send.Env = append(os.Environ(), "BBBPOOL_PUBLISHED_DIR="+filepath.Join(bare, "published"),
		"BBBPOOL_RECORDING_DIR="+filepath.Join(bare, "recording"))
	if out, err := send.CombinedOutput(); err != nil {
		t.Fatalf("send: %v\n%s", err, out)
	}
	eventually(t, "the recording is listed", func() bool { return len(p.urls(t)) == 1 })
	var shown struct{ Details struct{ Server string } }
	if err := json.Unmarshal([]byte(p.do(t, "recording", "show", id, "--json")), &shown); err != nil || shown.Details.Server != "bbb1" {
		t.Errorf("%+v %v", shown, err)
	}
	media := p.base + "/video/" + id + "/video.mp4"
	if got := status(t, media, nil); got != http.StatusOK {
		t.Errorf("to everybody: %d", got)
	}
	p.do(t, "recording", "protect", id)
	if got := status(t, media, nil); got != http.StatusNotFound {
		t.Errorf("protected, without a link: %d", got)
	}
	link := p.urls(t)[0]
	jar, _ := cookiejar.New(nil)
	if got := status(t, link, jar); got != http.StatusOK {
		t.Errorf("with a link: %d", got)
	}
	if got := status(t, media, jar); got != http.StatusOK {
		t.Errorf("after the link: %d", got)
	}
	if got := status(t, link, nil); got != http.StatusNotFound {
		t.Errorf("with somebody else's link: %d", got)
	}
	stop()
	stop = p.serve(t)
	defer stop()
	again, err := url.Parse(media)
	if err != nil {
		t.Fatal(err)
	}
	again.Host = strings.TrimPrefix(p.base, "http://")
	if got := status(t, again.String(), jar); got != http.StatusOK { // cookies are for every port of a host
		t.Errorf("after a restart: %d", got)
	}
	p.do(t, "recording", "verify")
	p.do(t, "recording", "delete", id, "--yes")
	if got := status(t, again.String(), jar); got != http.StatusNotFound {
		t.Errorf("deleted: %d", got)
	}
}
