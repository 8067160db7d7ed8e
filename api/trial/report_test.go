package trial_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/trial"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// example is a report with something of everything.
func example() trial.Report {
	return trial.Report{
		Passed: true, URL: "https://bbb1.example/bigbluebutton/api", Version: "3.0.19", Algorithm: bbb.SHA256,
		Expires: time.Unix(1_760_000_000, 0).UTC(), Skew: -8200.25,
		Checks: []trial.Check{
			{Name: "reach", Level: trial.Pass, Detail: "BigBlueButton answers", Latency: 3.25},
			{Name: "tls", Level: trial.Pass, Detail: "the certificate is valid until 2025-10-09 08:53 UTC"},
			{Name: "clock", Level: trial.Warning, Detail: "the server's clock is 8.2s behind ours: let the network set both (chrony or systemd-timesyncd)"},
			{Name: "end", Level: trial.Fail, Detail: "the server refuses, with notFound: no", Latency: 1234.5},
			{Name: "speed", Level: trial.Skipped, Detail: "no other server is online to compare with"},
			{Name: "load", Level: trial.Pass, Detail: "20 meetings held without a failure"},
		},
		Load: &trial.LoadReport{
			Meetings: 20, Concurrency: 5, Verdict: "20 meetings held without a failure",
			Calls: []trial.CallLatency{
				{Call: "create", Count: 20, P50: 12.25, P95: 40, P99: 51.5, Max: 51.5},
				{Call: "getMeetings", Count: 19, Failed: 1, P50: 2.5, P95: 4, P99: 1234.5, Max: 1234.5, Pool: 3.04},
			},
		},
	}
}

// The report in words and in JSON.
func TestReport_Golden(t *testing.T) {
	warned := example()
	failed := example()
	failed.Passed, failed.Load = false, nil
	short := trial.Report{Passed: true, URL: "http://127.0.0.1:1/bigbluebutton/api", Checks: warned.Checks[:2]}
	words := strings.Join(append(append(warned.Words(), failed.Words()...), short.Words()...), "\n") + "\n"
	golden(t, "words.txt", []byte(words))
	body, err := json.MarshalIndent(warned, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", append(body, '\n'))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// Whatever a server answers to whatever call, the trial ends, and its report is sound.
func FuzzRun(f *testing.F) {
	for _, seed := range []string{
		"", "<html>", "<response><returncode>SUCCESS</returncode></response>",
		"<response><returncode>FAILED</returncode><messageKey>\x1b</messageKey></response>",
		"<response><returncode>SUCCESS</returncode><meetings><meeting></meetings></response>",
		"<response><returncode>SUCCESS</returncode><internalMeetingID>a</internalMeetingID><createTime>9999999999999999</createTime></response>",
	} {
		f.Add(200, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		to := trial.Target{Endpoint: bbb.Endpoint{URL: "http://h"}, NewClient: func(e bbb.Endpoint) *bbb.Client {
			return bbb.NewClient(e, answerAll{status, body}, time.Second)
		}}
		got := trial.Run(t.Context(), to, trial.Options{}, nil)
		if got.Passed {
			t.Fatalf("passed with %q", body)
		}
		for _, line := range got.Words() {
			if len(line) > 800 || strings.ContainsAny(line, "\x1b\n") {
				t.Fatalf("%q", line)
			}
		}
	})
}

// answerAll answers everything alike.
type answerAll struct {
	status int
	body   []byte
}

func (a answerAll) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Status: fmt.Sprint(a.status), Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(a.body)),
	}, nil
}
