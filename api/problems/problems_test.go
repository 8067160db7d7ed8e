package problems_test

import (
	"bytes"
	"context"
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

// Every severity has a name; one that nobody knows is none of them.
func TestSeverity_String(t *testing.T) {
	known := map[string]bool{}
	for s := problems.Refusing; s <= problems.Advised; s++ {
		if known[s.String()] || s.String() == "unknown" {
			t.Errorf("severity %d is called %q", int(s), s)
		}
		known[s.String()] = true
	}
	for _, s := range []problems.Severity{problems.Refusing - 1, problems.Advised + 1} {
		if s.String() != "unknown" {
			t.Errorf("severity %d is called %q", int(s), s)
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
		said("") // they may come back
		now(all[3])
		time.Sleep(50 * time.Second)
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

// A look that a slow source has cut short tells nothing of what it did not get to: nothing is over for that, and what there
// was is still counted.
func TestRegistry_Run_CutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var slow atomic.Bool
		r := problems.Registry{Log: zerolog.New(&log)}
		r.Report(problems.Func(func(ctx context.Context) []problems.Problem {
			if slow.Load() {
				<-ctx.Done()
				return nil
			}
			return nil
		}), problems.Func(func(ctx context.Context) []problems.Problem {
			if ctx.Err() != nil {
				return nil // as whoever reads the store
			}
			return []problems.Problem{{Severity: problems.Late, Subject: problems.Subject{Kind: problems.Import}, Name: "overdue"}}
		}), problems.Func(func(context.Context) []problems.Problem {
			if !slow.Load() {
				return nil
			}
			return []problems.Problem{{Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Store}, Name: "slow"}}
		}))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(7 * time.Second)
		slow.Store(true)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		var page strings.Builder
		r.WriteMetrics(&page)
		want := `bbbpool_problems{severity="refusing",kind="store"} 1
bbbpool_problems{severity="late",kind="import"} 1
`
		if diff := cmp.Diff(want, page.String()); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
		slow.Store(false)
		time.Sleep(5 * time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want = `{"level":"warn","severity":"late","kind":"import","subject":"","name":"overdue","problem":"","message":"a problem has begun"}
{"level":"error","severity":"refusing","kind":"store","subject":"","name":"slow","problem":"","message":"a problem has begun"}
{"level":"info","severity":"refusing","kind":"store","subject":"","name":"slow","lasted":320000,"message":"a problem is over"}
`
		if diff := cmp.Diff(want, log.String()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

// What comes and goes at every look is one problem for the log, until it has stayed away for a while.
func TestRegistry_Run_Flapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		looks := 0
		r := problems.Registry{Log: zerolog.New(&log)}
		r.Report(problems.Func(func(context.Context) []problems.Problem {
			if looks++; looks > 1000 || looks%2 == 0 {
				return nil
			}
			return []problems.Problem{{
				Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Server, ID: "a"}, Name: "over-capacity",
			}}
		}))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(2 * time.Hour)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := `{"level":"warn","severity":"impending","kind":"server","subject":"a","name":"over-capacity","problem":"","message":"a problem has begun"}
{"level":"info","severity":"impending","kind":"server","subject":"a","name":"over-capacity","lasted":4995000,"message":"a problem is over"}
`
		if diff := cmp.Diff(want, log.String()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

// Whoever has asked sources before somebody else found a problem does not make it younger by answering later.
func TestRegistry_Since_Overtaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r problems.Registry
		wait := make(chan struct{})
		asked := 0
		r.Report(problems.Func(func(context.Context) []problems.Problem {
			if asked++; asked == 1 {
				<-wait
				return nil
			}
			return []problems.Problem{{Name: "new"}}
		}))
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.List(t.Context())
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		first := r.List(t.Context())[0].Since
		time.Sleep(time.Second)
		close(wait)
		<-done
		if again := r.List(t.Context())[0].Since; !again.Equal(first) {
			t.Errorf("since %s, and %s before", again, first)
		}
	})
}

// Where a look takes long, as with a store that holds tens of thousands of imports, the next one waits: looking is never most
// of what the process does.
func TestRegistry_Run_Paced(t *testing.T) {
	for took, most := range map[time.Duration]int{
		0: 720, 100 * time.Millisecond: 720, time.Second: 180, 4900 * time.Millisecond: 60, time.Hour: 60,
	} {
		synctest.Test(t, func(t *testing.T) {
			looks := 0
			var r problems.Registry
			r.Report(problems.Func(func(ctx context.Context) []problems.Problem {
				looks++
				select {
				case <-ctx.Done():
				case <-time.After(took):
				}
				return nil
			}))
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- r.Run(ctx) }()
			time.Sleep(time.Hour)
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if looks > most || looks < most*9/10 {
				t.Errorf("%s: %d looks in an hour, want up to %d", took, looks, most)
			}
		})
	}
}
