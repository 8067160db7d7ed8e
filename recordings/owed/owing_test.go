package owed_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/owed"
	"github.com/bbbpool/bbbpool/store"
)

// What is overdue is a problem, in the words that operators know; what has arrived is told as that.
func TestDebts_Problems(t *testing.T) {
	w := newWorld()
	id := strings.Repeat("a", 40) + "-1712758751753"
	w.end(t, "bbb1", id, 3)
	if got := w.Problems(t.Context()); got != nil {
		t.Errorf("nothing is late: %v", got)
	}
	w.now = monday.Add(24*time.Hour + time.Second)
	want := []problems.Problem{{
		Severity: problems.Late, Subject: problems.Subject{Kind: problems.Import}, Name: "overdue",
		Text: "1 recording is overdue:", Remedy: "bbbpool recording list --owed says where they are",
	}}
	if diff := cmp.Diff(want, w.Problems(t.Context())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.now = monday
	w.end(t, "bbb1", "b", 3)
	w.now = monday.Add(25 * time.Hour)
	if got := w.Problems(t.Context()); got[0].String() != "2 recordings are overdue: bbbpool recording list --owed says where they are" {
		t.Errorf("%s", got[0])
	}
	w.jobs = []store.Job{{ID: id + ".tar", Created: monday.Add(time.Hour)}}
	list, err := w.Owed(t.Context())
	if err != nil || len(list) != 2 || list[0].Owed.Step != store.OwedArrived || list[0].Step != 24*time.Hour || list[0].Age != 25*time.Hour {
		t.Errorf("%+v %v", list, err)
	}
	if w.step(id) != store.OwedEnded {
		t.Error("what the server has told was overwritten")
	}
	w.fail = errStore
	if got := w.Problems(t.Context()); got != nil {
		t.Errorf("of a store that fails: %v", got)
	}
	if _, err := w.Owed(t.Context()); !errors.Is(err, errStore) {
		t.Error(err)
	}
}

// While very many are owed, or on their way, whoever asks for problems is told what was so a moment ago, and does not read all
// of them; of few, what is so now.
func TestDebts_ProblemsOfMany(t *testing.T) {
	for _, c := range []struct {
		what       string
		owed, jobs int
		remembered bool
	}{{"few", 999, 1, false}, {"many owed", 1001, 0, true}, {"many on their way", 1, 1000, true}} {
		w := newWorld()
		for n := range c.owed {
			w.end(t, "bbb1", fmt.Sprintf("%040x-1712758751753", n), 3)
		}
		for n := range c.jobs {
			w.jobs = append(w.jobs, store.Job{ID: fmt.Sprint(n, ".tar")})
		}
		w.silent = errors.New("no answer")
		w.now = monday.Add(25 * time.Hour)
		if err := w.Pursue(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		w.fail = errStore
		w.now = w.now.Add(9 * time.Second)
		if got := w.Problems(t.Context()); (len(got) == 1 && strings.HasPrefix(got[0].Text, fmt.Sprint(c.owed, " recording"))) != c.remembered {
			t.Errorf("%s, a moment ago: %v", c.what, got)
		}
		w.now = w.now.Add(time.Second)
		if got := w.Problems(t.Context()); got != nil {
			t.Errorf("%s, too long ago: %v", c.what, got)
		}
	}
}

// What servers owe is known from memory, and the metrics say the same.
func TestDebts_Memory(t *testing.T) {
	w := newWorld()
	for _, id := range []string{"a", "b", "c"} {
		w.end(t, "bbb1", id, 3)
	}
	w.end(t, "bbb2", "d", 3)
	made := as(store.Published, "video")
	made.RecordID = "b"
	w.told["a"], w.told["b"] = as(store.Processing), made
	if got := w.owedBy("bbb1"); got != 0 {
		t.Errorf("before anybody has looked: %d", got)
	}
	w.pursue(t, time.Hour)
	w.pursue(t, 24*time.Hour)
	if got := w.owedBy("bbb1"); got != 2 {
		t.Errorf("%d owed, and one is missing", got)
	}
	var b bytes.Buffer
	w.WriteMetrics(&b)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	slices.Sort(lines)
	if diff := cmp.Diff([]string{
		`bbbpool_recordings_overdue{server="bbb1"} 2`, `bbbpool_recordings_owed{server="bbb1",step="missing"} 1`,
		`bbbpool_recordings_owed{server="bbb1",step="processing"} 1`, `bbbpool_recordings_owed{server="bbb1",step="published"} 1`,
		`bbbpool_recordings_owed{server="bbb2",step="missing"} 1`,
	}, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for n, name := range []string{"bbbpool_recordings_owed", "bbbpool_recordings_overdue"} {
		if f := owed.Families[n]; f.Name != name || f.Help == "" || f.Type != "gauge" {
			t.Errorf("%+v", f)
		}
	}
}

// owedBy is how many recordings a server has to deliver, from memory.
func (w *world) owedBy(server string) (n int) {
	for _, o := range w.Last() {
		if o.Owed.Server == server && o.Owed.Step != store.OwedMissing {
			n++
		}
	}
	return n
}
