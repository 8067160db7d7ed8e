package problems_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/problems"
)

// found is a source of these problems.
func found(list ...problems.Problem) problems.Source {
	return problems.Func(func(context.Context) []problems.Problem { return append([]problems.Problem(nil), list...) })
}

// texts are problems as people read them.
func texts(list []problems.Problem) (texts []string) {
	for _, p := range list {
		texts = append(texts, p.String())
	}
	return texts
}

// The remedy stands behind the text: behind a colon as the command to type, else as a further part of the sentence.
func TestProblem_String(t *testing.T) {
	for want, p := range map[string]problems.Problem{
		"all is lost":       {Text: "all is lost"},
		"all is lost; weep": {Text: "all is lost", Remedy: "weep"},
		"no server is enabled: bbbpool server ls":  {Text: "no server is enabled:", Remedy: "bbbpool server ls"},
		"no server is enabled: none; enable one":   {Text: "no server is enabled: none", Remedy: "enable one"},
		"server a is offline: a; bbbpool meetings": {Text: "server a is offline: a", Remedy: "bbbpool meetings"},
	} {
		if got := p.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Programs read problems as they read all that the operators' API says, and stand a severity that they do not know.
func TestProblem_JSON(t *testing.T) {
	p := problems.Problem{
		Severity: problems.CutOff, Subject: problems.Subject{Kind: problems.Server, ID: "a"}, Name: "offline",
		Since: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Text: "server a is offline", Remedy: "look", Meetings: 2, People: 30,
	}
	const whole = `{"severity":"cut-off","subject":{"kind":"server","id":"a"},"name":"offline","since":"2026-03-01T09:00:00Z",` +
		`"text":"server a is offline","remedy":"look","meetings":2,"people":30}`
	const least = `{"severity":"blind","subject":{"kind":"network"},"name":"suspect","text":"we see nobody","meetings":0,"people":0}`
	other := problems.Problem{
		Severity: problems.Blind, Subject: problems.Subject{Kind: problems.Network}, Name: "suspect", Text: "we see nobody",
		Unready: true, Logged: true, Root: problems.NoSpace, Cause: problems.NoSpace,
	}
	for want, p := range map[string]problems.Problem{whole: p, least: other} {
		if got, err := json.Marshal(p); err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	var back problems.Problem
	if err := json.Unmarshal([]byte(whole), &back); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(p, back); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if err := json.Unmarshal([]byte(`{"severity":"apocalyptic"}`), &back); err != nil || back.Severity.String() != "unknown" {
		t.Errorf("an unknown severity: %v, %v", back.Severity, err)
	}
	for s := problems.Refusing; s <= problems.Advised; s++ {
		if s.String() == "unknown" {
			t.Errorf("severity %d has no name", int(s))
		}
	}
}

// The worst is on top; among equals the gates come first, and then everybody in the order in which they were added.
func TestRegistry_List_Order(t *testing.T) {
	var r problems.Registry
	if list := r.List(t.Context()); len(list) != 0 {
		t.Errorf("nothing was added: %v", list)
	}
	r.Report(found(
		problems.Problem{Severity: problems.Late, Text: "fourth"}, problems.Problem{Severity: problems.Refusing, Text: "second"},
	), found(), found(problems.Problem{Severity: problems.Late, Text: "fifth"}))
	r.Aside(found(problems.Problem{Severity: problems.Late, Text: "said beside ready alone"}))
	r.Gate(found(problems.Problem{Severity: problems.Late, Text: "third"}, problems.Problem{Severity: problems.Refusing, Text: "first"}))
	want := []string{"first", "second", "third", "fourth", "fifth"}
	if diff := cmp.Diff(want, texts(r.List(t.Context()))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The gates alone decide whether the process is ready, and of their problems only those that say so.
func TestRegistry_Ready(t *testing.T) {
	var r problems.Registry
	r.Gate(found(problems.Problem{Text: "shutting down", Unready: true}, problems.Problem{Text: "one server is away"}))
	r.Gate(found(problems.Problem{Text: "no disk", Unready: true}))
	r.Aside(found(problems.Problem{Text: "a volume is full"}))
	r.Report(found(problems.Problem{Text: "asked for nothing", Unready: true}))
	if diff := cmp.Diff([]string{"shutting down", "no disk"}, texts(r.Ready(t.Context()))); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a volume is full"}, texts(r.Asides(t.Context()))); diff != "" {
		t.Errorf("asides (-want +got):\n%s", diff)
	}
}

// What has no time of its own began when it was first found, however often it is asked for, and began anew once it was over.
func TestRegistry_Since(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	own, there := now.Add(-time.Hour), true
	r := problems.Registry{Now: func() time.Time { return now }}
	r.Report(problems.Func(func(context.Context) []problems.Problem {
		list := []problems.Problem{{Name: "old", Since: own}}
		if there {
			list = append(list, problems.Problem{Name: "new"}, problems.Problem{Name: "new", Subject: problems.Subject{ID: "other"}})
		}
		return list
	}))
	since := func(want ...time.Time) {
		t.Helper()
		var got []time.Time
		for _, p := range r.List(t.Context()) {
			got = append(got, p.Since)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	first := now
	since(own, first, first)
	now = now.Add(time.Minute)
	since(own, first, first)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	there = false
	r.List(gone) // whose sources may have had no time to look
	there = true
	since(own, first, first)
	there = false
	since(own)
	there = true
	since(own, now, now)
}

// full is a volume whose disk is full.
func full(name string) problems.Problem {
	return problems.Problem{
		Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume, ID: name}, Name: "full",
		Text: "volume " + name + " is full", Remedy: "delete something", Root: problems.NoSpace,
	}
}

// A disk that is full is told of once, whatever waits for it, and whoever is its victim.
func TestRegistry_List_OneCause(t *testing.T) {
	store := problems.Problem{
		Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Store}, Text: "the store cannot be written",
		Cause: problems.NoSpace,
	}
	imports := problems.Problem{
		Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Import}, Text: "imports wait for room",
		Cause: problems.NoSpace,
	}
	differ := problems.Problem{Severity: problems.Stuck, Text: "index and disk differ:", Remedy: "bbbpool recording verify"}
	const different = "index and disk differ: bbbpool recording verify"
	for name, c := range map[string]struct {
		found []problems.Problem
		want  []string
	}{
		"nobody knows why": {
			[]problems.Problem{store, imports}, []string{"the store cannot be written", "imports wait for room"},
		},
		"imports wait": {
			[]problems.Problem{imports, full("a"), differ}, []string{"volume a is full; delete something", different},
		},
		"the store is on it": {
			[]problems.Problem{differ, full("a"), imports, store},
			[]string{"the store cannot be written; volume a is full; delete something", different},
		},
		"two disks": {
			[]problems.Problem{full("a"), full("b"), imports},
			[]string{"volume a is full; delete something", "volume b is full; delete something"},
		},
		"the store is on one of two": {
			[]problems.Problem{full("a"), full("b"), imports, store},
			[]string{"the store cannot be written; volume b is full; delete something", "volume a is full; delete something"},
		},
		"everything on it suffers": {
			[]problems.Problem{full("a"), store, store}, []string{"the store cannot be written; volume a is full; delete something"},
		},
	} {
		var r problems.Registry
		r.Report(found(c.found...))
		if diff := cmp.Diff(c.want, texts(r.List(t.Context()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Whoever looks at the log and at the metrics sees what begins and what is over; what its source logs is not logged twice.
func TestRegistry_Run(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var there atomic.Pointer[[]problems.Problem]
		now := func(list ...problems.Problem) { there.Store(&list) }
		now()
		r := problems.Registry{Log: zerolog.New(&log)}
		r.Report(problems.Func(func(context.Context) []problems.Problem { return slices.Clone(*there.Load()) }))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		said := func(want string) {
			t.Helper()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if diff := cmp.Diff(want, log.String()); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			log.Reset()
		}
		counted := func(want string) {
			t.Helper()
			var page strings.Builder
			r.WriteMetrics(&page)
			if diff := cmp.Diff(want, page.String()); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
		}
		said("")
		counted("")
		away := problems.Subject{Kind: problems.Server, ID: "a"}
		all := []problems.Problem{
			{Severity: problems.Away, Subject: away, Name: "offline", Text: "server a is offline", Logged: true},
			{Severity: problems.Impending, Subject: away, Name: "clock", Text: "its clock is behind", Remedy: "set it"},
			{Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Setting}, Name: "links", Text: "links lead nowhere"},
			full("x"), full("y"),
		}
		now(all...)
		said(`{"level":"error","severity":"stuck","kind":"volume","subject":"x","name":"full","problem":"volume x is full; delete something","message":"a problem has begun"}
{"level":"error","severity":"stuck","kind":"volume","subject":"y","name":"full","problem":"volume y is full; delete something","message":"a problem has begun"}
{"level":"warn","severity":"impending","kind":"server","subject":"a","name":"clock","problem":"its clock is behind; set it","message":"a problem has begun"}
{"level":"info","severity":"advised","kind":"setting","subject":"","name":"links","problem":"links lead nowhere","message":"a problem has begun"}
`)
		counted(`bbbpool_problems{severity="stuck",kind="volume"} 2
bbbpool_problems{severity="away",kind="server"} 1
bbbpool_problems{severity="impending",kind="server"} 1
bbbpool_problems{severity="advised",kind="setting"} 1
`)
		now(all[3])
		said(`{"level":"info","severity":"stuck","kind":"volume","subject":"y","name":"full","lasted":10000,"message":"a problem is over"}
{"level":"info","severity":"impending","kind":"server","subject":"a","name":"clock","lasted":10000,"message":"a problem is over"}
{"level":"info","severity":"advised","kind":"setting","subject":"","name":"links","lasted":10000,"message":"a problem is over"}
`)
		counted(`bbbpool_problems{severity="stuck",kind="volume"} 1
bbbpool_problems{severity="away",kind="server"} 0
bbbpool_problems{severity="impending",kind="server"} 0
bbbpool_problems{severity="advised",kind="setting"} 0
`)
		said("")
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		said("")
	})
}
