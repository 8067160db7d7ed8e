package exposition_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// page returns what becomes of a page of samples, without what Go and the process add.
func page(t *testing.T, w *exposition.Writer, samples string) string {
	t.Helper()
	var out bytes.Buffer
	if err := w.Write(&out, []byte(samples)); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^(# (HELP|TYPE) )?(go|process)_.*\n`).ReplaceAllString(out.String(), "")
}

// The lines of a family stand together, after its help and its type, in the order in which families were first seen.
func TestWriter_Write(t *testing.T) {
	w := exposition.New([]exposition.Family{
		{Name: "bbbpool_calls_total", Type: exposition.Counter, Help: "Calls."},
		{Name: "bbbpool_took_seconds", Type: exposition.Histogram, Help: "How long."},
	}, []exposition.Family{{Name: "bbbpool_people_count", Type: exposition.Gauge, Help: "People."}})
	got := page(t, w, `bbbpool_calls_total{call="a"} 1
bbbpool_took_seconds_bucket{le="+Inf"} 1
bbbpool_people_count 3
bbbpool_calls_total{call="b"} 2
bbbpool_took_seconds_sum 0.5
bbbpool_forgotten 1
somebody_elses_total 1
bbbpool_took_seconds_count 1
bbbpool_forgotten_sum 1
bbbpool_calls_total_sum 1
`)
	want := `# HELP bbbpool_calls_total Calls.
# TYPE bbbpool_calls_total counter
bbbpool_calls_total{call="a"} 1
bbbpool_calls_total{call="b"} 2
# HELP bbbpool_took_seconds How long.
# TYPE bbbpool_took_seconds histogram
bbbpool_took_seconds_bucket{le="+Inf"} 1
bbbpool_took_seconds_sum 0.5
bbbpool_took_seconds_count 1
# HELP bbbpool_people_count People.
# TYPE bbbpool_people_count gauge
bbbpool_people_count 3
bbbpool_forgotten 1
bbbpool_forgotten_sum 1
bbbpool_calls_total_sum 1
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Go and the process have the metrics that dashboards expect, and none that is not described; the page that was given
// stays as it was.
func TestWriter_Write_Process(t *testing.T) {
	given := append(make([]byte, 0, 1<<16), "bbbpool_x 1\n"...)
	var out bytes.Buffer
	if err := exposition.New().Write(&out, given); err != nil {
		t.Fatal(err)
	}
	if string(given[:cap(given)][12:24]) != strings.Repeat("\x00", 12) {
		t.Error("the page was written behind")
	}
	for _, want := range []string{
		"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds ", "# TYPE process_cpu_seconds_total counter\n",
		"# TYPE go_gc_duration_seconds summary\n", "# TYPE go_sched_latencies_seconds histogram\n", "\nprocess_open_fds ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q", want)
		}
	}
	described := regexp.MustCompile(`(?m)^# HELP (\S+) `)
	for _, m := range described.FindAllStringSubmatch(out.String(), -1) {
		if !regexp.MustCompile(`(?m)^` + m[1] + `(_bucket|_sum|_count)?[{ ]`).MatchString(out.String()) {
			t.Errorf("%s has no samples", m[1])
		}
	}
}

// broken takes nothing.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("hung up") }

// A reader who hangs up is an error of the caller's.
func TestWriter_Write_Broken(t *testing.T) {
	if err := exposition.New().Write(broken{}, nil); err == nil {
		t.Error("no error")
	}
}
