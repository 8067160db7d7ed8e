package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// shots is where screenshots go, for people to look at.
var shots = flag.String("shots", "", "directory for screenshots")

// demo runs the demo as a newcomer does, and returns what it prints.
func demo(t *testing.T) (d struct{ URL, Secret, Join, Data string }) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bbbpool")
	build := exec.Command("go", "build", "-o", program, "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(program, "demo", "--json", "--servers", "1", "--listen", "127.0.0.1:0")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// browser starts a Chromium that reaches this machine and no other.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("BBBPOOL_TEST_REQUIRE") != "" {
			t.Fatal(err)
		}
		t.Skip("needs chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1000, 700),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("disable-quic", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if _, err := chromedp.Run(ctx, chromedp.Navigate("about:blank")); err != nil { // starts it, and it lives as long as this context
		t.Fatal(err)
	}
	return ctx
}

// do does something in the browser, and gives it up after a minute: what comes after it has a minute of its own.
func do[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), do(t, ctx, chromedp.FullScreenshot(100)), 0o600); err != nil {
		t.Error(err)
	}
}

// A newcomer's full circle: the demo's meeting is joined and ended in a browser, its recording is listed within seconds,
// and its link opens and plays there.
func TestDemo_FullCircle(t *testing.T) {
	ctx := browser(t)
	d := demo(t)
	client := bbb.NewClient(bbb.Endpoint{URL: d.URL, Secret: bbb.Secret(d.Secret)}, http.DefaultTransport, 10*time.Second)
	const end = chromedp.CSS(`form[action$="/end"] button`)
	do(t, ctx, chromedp.Navigate(d.Join))
	do(t, ctx, chromedp.WaitVisible(end))
	shoot(t, ctx, "meeting")
	do(t, ctx, chromedp.Click(end))
	do(t, ctx, chromedp.Navigate(published(t, client)))
	do(t, ctx, chromedp.WaitReady(chromedp.CSS("audio")))
	if title := do(t, ctx, chromedp.Title()); title != "Demo" {
		t.Errorf("title %q", title)
	}
	do(t, ctx, chromedp.Evaluate[chromedp.Void](`document.querySelector("audio").play()`))
	do(t, ctx, chromedp.Poll[bool](`document.querySelector("audio").currentTime > 0.2`))
	shoot(t, ctx, "recording")
}

// published waits until a recording is listed, and returns its link.
func published(t *testing.T, client *bbb.Client) string {
	t.Helper()
	pattern := regexp.MustCompile(`<url>([^<]+)</url>`)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); ; {
		resp, err := http.Get(client.URL("getRecordings", url.Values{"meetingID": {"demo"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		if _ = resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if m := pattern.FindSubmatch(answer); m != nil {
			return strings.ReplaceAll(string(m[1]), "&amp;", "&")
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no recording: %s", answer)
		}
	}
}
