package assembly_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// anonymous is a text with DIR for a directory and N for sizes.
func anonymous(text, dir string) string {
	return regexp.MustCompile(`\d[\d.]*[KMGTPE]iB`).ReplaceAllString(strings.ReplaceAll(text, dir, "DIR"), "N")
}

// A disk that is full keeps nobody from a meeting: it is said beside "ready", directory by directory, and once where all
// problems are listed.
func TestPool_FullDisk(t *testing.T) {
	o := options(t)
	o.Settings.Recordings.Volume.MinFree = 1 << 60
	p := open(t, o)
	run(t, p)
	dir := filepath.Join(o.Data, "recordings")
	const full = " is full: N of N are free, want N (--volume-min-free); delete recordings or enlarge it"
	note := "ready\nnote: published (DIR/published)" + full + "; unpublished (DIR/unpublished)" + full + "; spool (DIR/spool)" + full + "\n"
	var status int
	var body string
	for deadline := time.Now().Add(10 * time.Second); body != note && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		status, body = get(t, p.Addr(), "/readyz")
		body = anonymous(body, dir)
	}
	if diff := cmp.Diff(note, body); status != http.StatusOK || diff != "" {
		t.Errorf("readyz: %d (-want +got):\n%s", status, diff)
	}
	if _, body := get(t, p.Addr(), "/health_check"); body != "success" {
		t.Errorf("health_check: %s", body)
	}
	list := p.Problems.List(t.Context())
	if len(list) != 1 || list[0].Severity != problems.Stuck || list[0].Subject != (problems.Subject{Kind: problems.Volume, ID: "published"}) ||
		!strings.HasPrefix(list[0].Text, "volume published ("+dir+"/published) is full: ") ||
		!strings.HasSuffix(list[0].Text, "; so it is with unpublished ("+dir+"/unpublished); so it is with spool ("+dir+"/spool)") {
		t.Errorf("problems: %+v", list)
	}
	st, err := v1.NewClient(v1.HandlerTransport(p.Administration()), "http://bbbpool", "").Pool.Status(t.Context())
	if diff := cmp.Diff([]string{list[0].String()}, st.Problems); err != nil || diff != "" {
		t.Errorf("status, %v (-problems +status):\n%s", err, diff)
	}
}

// A pool without a server that answers is not ready, and says so until one does.
func TestPool_Unready(t *testing.T) {
	o := options(t)
	o.Settings.Poller.Unhealthy = 1
	p := open(t, o)
	p.Poller.SetServer(store.Server{ID: "a", URL: "http://" + free(t) + "/bigbluebutton/api", Secret: "s", State: store.Enabled, Weight: 1})
	p.Poller.SetServer(store.Server{ID: "b", URL: "http://" + free(t) + "/bigbluebutton/api", Secret: "s", State: store.Enabled, Weight: 1})
	says := func(want string) {
		t.Helper()
		reasons := p.Problems.Ready(t.Context())
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if reasons = p.Problems.Ready(t.Context()); len(reasons) == 1 && reasons[0].Text == want {
				return
			}
		}
		t.Errorf("reasons %+v, want %s", reasons, want)
	}
	says("no server has been polled yet")
	run(t, p)
	const reason = "no server can take new meetings: most fail at once, check our own network and DNS"
	says(reason)
	if status, body := get(t, p.Addr(), "/readyz"); status != http.StatusServiceUnavailable || body != reason+"\n" {
		t.Errorf("readyz: %d %q", status, body)
	}
	if _, body := get(t, p.Addr(), "/health_check"); body != "Health Check Failure: "+reason {
		t.Errorf("health_check: %q", body)
	}
	var network []problems.Problem
	for deadline := time.Now().Add(10 * time.Second); len(network) == 0 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for _, problem := range p.Problems.List(t.Context()) {
			if problem.Subject.Kind == problems.Network {
				network = append(network, problem)
			}
		}
	}
	if len(network) != 1 || network[0].Severity != problems.Blind || !strings.HasPrefix(network[0].Text, "2 of 2 servers fail at once") {
		t.Errorf("our own network: %+v", network)
	}
	st, err := v1.NewClient(v1.HandlerTransport(p.Administration()), "http://bbbpool", "").Pool.Status(t.Context())
	if diff := cmp.Diff(ageless(texts(p.Problems.List(t.Context()))), ageless(st.Problems)); err != nil || diff != "" {
		t.Errorf("status, %v (-problems +status):\n%s", err, diff)
	}
}

// A pool that lets nobody in says so before it says that nobody would find a server, whether it is served or not.
func TestPool_NobodyGetsIn(t *testing.T) {
	o := options(t)
	p := open(t, o)
	_, err := p.Stores.State.UpdateTenant(t.Context(), store.DefaultTenant, func(t *store.Tenant) error {
		t.Secrets = nil
		return nil
	})
	server := store.Server{ID: "a", URL: "http://a.test", Secret: "s", State: store.Disabled, Weight: 1}
	if err = errors.Join(err, p.Stores.State.CreateServer(t.Context(), server), p.Close()); err != nil {
		t.Fatal(err)
	}
	o.Settings.Gateway.Secret = ""
	want := []string{
		"tenant default has no secret, every call of its front ends is refused: set LOADBALANCER_SECRET for bbbpool serve, and " +
			"restart it",
		"no server is enabled: bbbpool server enable ID",
	}
	for name, open := range map[string]func(context.Context, assembly.Options) (*assembly.Pool, error){
		"served": assembly.Open, "offline": assembly.Offline,
	} {
		p, err := open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, texts(p.Problems.List(t.Context()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if reasons := p.Problems.Ready(t.Context()); len(reasons) > 0 {
			t.Errorf("%s: not ready for %v", name, reasons)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func texts(list []problems.Problem) (texts []string) {
	for _, p := range list {
		texts = append(texts, p.String())
	}
	return texts
}

// ageless are texts without the time for which something has failed.
func ageless(texts []string) []string {
	for i, text := range texts {
		texts[i] = regexp.MustCompile(`failing for \d+s|\(\d+s\)`).ReplaceAllString(text, "AGE")
	}
	return texts
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// What is wrong is logged when it begins; what whoever has found it logs himself is not logged again.
func TestPool_LogsProblems(t *testing.T) {
	t.Parallel() // it waits for what is looked for every few seconds
	var log buffer
	o := options(t)
	o.Log, o.Settings.HTTP.PublicURL = zerolog.New(&log), ""
	o.Settings.Recordings.Volume.MinFree = 1 << 60
	o.Environ = []string{"RAILS_ENV=production", "HOME=/root"}
	p := open(t, o)
	run(t, p)
	if got := call(t, p, bbb.Secret(secret), "getMeetings", ""); !strings.Contains(got, "SUCCESS") {
		t.Errorf("getMeetings: %s", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !strings.Contains(log.String(), "a problem has begun") && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	for want, times := range map[string]int{
		`"message":"settings of Scalelite that mean nothing here"`: 1,
		`"message":"recordings wait for the disk"`:                 1,
		`"message":"a problem has begun"`:                          1,
		`"severity":"advised","kind":"setting","subject":"--public-url","name":"loopback","problem":"links lead to 127.0.0.1:`: 1,
	} {
		if n := strings.Count(log.String(), want); n != times {
			t.Errorf("%d times %s in\n%s", n, want, log.String())
		}
	}
}
