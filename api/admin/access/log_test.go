package access_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

func auditLog(t *testing.T, c *clock) *access.Log {
	t.Helper()
	return &access.Log{Store: open(t, t.TempDir()).Index, Now: c.now, Log: zerolog.Nop()}
}

func entries(t *testing.T, l *access.Log, f store.AuditFilter) []store.Audit {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 10_000
	}
	list, err := l.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// An entry has who has changed what, when, how and from where, and what there was before and after.
func TestLog_Write(t *testing.T) {
	c := &clock{at: then}
	l := auditLog(t, c)
	l.Write(t.Context(), access.Change{
		By: access.By{Who: "token night", Via: access.API, From: "192.0.2.1"}, Action: "set", Kind: "server", Object: "bbb1",
		Before: map[string]any{"weight": 1, "secret": store.Secret("s3cret")}, After: struct {
			Weight float64 `json:"weight"`
		}{2},
	})
	list := entries(t, l, store.AuditFilter{})
	if len(list) != 1 {
		t.Fatalf("entries %+v", list)
	}
	got := list[0]
	id := got.ID
	got.ID = ""
	want := store.Audit{
		At: then, Who: "token night", Via: "api", From: "192.0.2.1", Action: "set", Kind: "server", Object: "bbb1",
		Before: `{"secret":"***","weight":1}`, After: `{"weight":2}`,
	}
	if got != want || id == "" {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Changes of one moment are listed in the order in which they were made, the last first, however many were made at once.
func TestLog_Order(t *testing.T) {
	c := &clock{at: then}
	l := auditLog(t, c)
	for i := range 20 {
		l.Write(t.Context(), access.Change{Object: fmt.Sprint(i)})
	}
	for i, a := range entries(t, l, store.AuditFilter{}) {
		if a.Object != fmt.Sprint(19-i) {
			t.Fatalf("entry %d is of %s", i, a.Object)
		}
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 10 {
				l.Write(t.Context(), access.Change{Kind: "burst", Object: fmt.Sprintf("%d-%d", worker, i)})
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, a := range entries(t, l, store.AuditFilter{Kind: "burst"}) {
		seen[a.Object] = true
	}
	if len(seen) != 80 {
		t.Errorf("%d of 80 changes at once are in the log", len(seen))
	}
}

// Whoever hangs up does not keep what they have changed out of the log.
func TestLog_Write_HungUp(t *testing.T) {
	l := auditLog(t, &clock{at: then})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l.Write(ctx, access.Change{Object: "a"})
	if list := entries(t, l, store.AuditFilter{}); len(list) != 1 {
		t.Errorf("entries %v", list)
	}
}

// No secret gets into an entry, by whatever name it came, and what is none stays.
func TestLog_Masks(t *testing.T) {
	l := auditLog(t, &clock{at: then})
	const known = "kn0wn-s3cret"
	type row struct {
		Name   string       `json:"name"`
		Secret store.Secret `json:"secret"`
	}
	l.Write(t.Context(), access.Change{
		Before: map[string]any{
			"secret": known, "Secret": known, "shared_secret": known, "secrets": []string{known, ""}, "LOADBALANCER_SECRETS": known,
			"password": known, "moderatorPW": known, "attendeePW": known, "token": known, "Authorization": known,
			"deep": []any{map[string]any{"secret": []any{known, map[string]any{"token": known, "name": "n1"}}}},
			"params": []map[string]string{
				{"call": "create", "name": "moderatorPW", "value": known}, {"call": "create", "name": "welcome", "value": "Hello"},
			},
			"tokens": 3, "checksum": "sha256", "scopes": []string{"read"},
		},
		After: []row{{"n2", known}, {"n3", ""}},
	})
	a := entries(t, l, store.AuditFilter{})[0]
	if strings.Contains(fmt.Sprintf("%+v", a), known) {
		t.Errorf("a secret is in the log: %+v", a)
	}
	for _, words := range []string{`"tokens":3`, `"checksum":"sha256"`, `"value":"Hello"`, `"name":"n1"`, `"secrets":["***",""]`} {
		if !strings.Contains(a.Before, words) {
			t.Errorf("%s does not have %s", a.Before, words)
		}
	}
	if a.After != `[{"name":"n2","secret":"***"},{"name":"n3","secret":""}]` {
		t.Errorf("after is %s", a.After)
	}
}

// An entry has an end, also where somebody sends much, and what is left of a state is JSON still.
func TestLog_Sizes(t *testing.T) {
	l := auditLog(t, &clock{at: then})
	long := strings.Repeat("\u00e4\u2028\"<", 100_000)
	l.Write(t.Context(), access.Change{
		By: access.By{Who: long, Via: long, From: long}, Action: long, Kind: long, Object: long, Tenant: long,
		Before: map[string]string{"name": long}, After: map[string]string{"name": strings.Repeat("\x00", 50_000)},
	})
	for _, bad := range []string{"<", `"`, "\\", "\x00", "\u2028"} {
		l.Write(t.Context(), access.Change{Before: strings.Repeat(bad, 10_000), After: map[string]string{bad: strings.Repeat(bad, 10_000)}})
	}
	l.Write(t.Context(), access.Change{Before: make(chan int), After: any(nil)})
	list := entries(t, l, store.AuditFilter{})
	states := []string{list[0].Before}
	for _, a := range list[1:] {
		states = append(states, a.Before, a.After)
	}
	for _, state := range states {
		if len(state) == 0 || len(state) > 16<<10 || !json.Valid([]byte(state)) {
			t.Errorf("%d bytes, JSON %v: %.80s", len(state), json.Valid([]byte(state)), state)
		}
	}
	if list[0].After != "" {
		t.Errorf("nothing is %q", list[0].After)
	}
	a := list[len(list)-1]
	for _, word := range []string{a.Who, a.Via, a.From, a.Action, a.Kind, a.Object, a.Tenant} {
		if len(word) > 1<<10 || !strings.HasSuffix(word, "…") || !utf8.ValidString(word) {
			t.Errorf("%d bytes that end in %q", len(word), word[len(word)-5:])
		}
	}
}

// kept is a store of entries, to be embedded: its name is that of one of its methods.
type kept = store.Audits

// failing is a store that takes nothing any more.
type failing struct {
	kept
	err error
}

func (f *failing) AddAudit(ctx context.Context, a store.Audit) error {
	if f.err != nil {
		return f.err
	}
	return f.kept.AddAudit(ctx, a)
}

// A change that cannot be written down stands: it is in the process's own log with all that there was to write, without its
// secrets, and it is a problem until changes can be written down again.
func TestLog_Fails(t *testing.T) {
	var out bytes.Buffer
	c := &clock{at: then}
	l := auditLog(t, c)
	l.Log = zerolog.New(&out)
	broken := &failing{l.Store, errors.New("no space left on device")}
	l.Store = broken
	l.Write(t.Context(), access.Change{
		By: access.By{Who: "token night"}, Action: "set", Object: "bbb1", After: map[string]string{"secret": "kn0wn", "tag": "big"},
	})
	c.pass(time.Minute)
	l.Write(t.Context(), access.Change{})
	found := l.Problems(t.Context())
	if len(found) != 1 || found[0].Subject.Kind != problems.Store || !found[0].Since.Equal(then) || found[0].Unready ||
		!strings.Contains(found[0].Text, "no space left on device") {
		t.Errorf("problems %+v", found)
	}
	for _, words := range []string{`"who":"token night"`, `"object":"bbb1"`, `\"tag\":\"big\"`, "no space left"} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("%s does not have %s", &out, words)
		}
	}
	if strings.Contains(out.String(), "kn0wn") {
		t.Errorf("the log has a secret: %s", &out)
	}
	broken.err = nil
	l.Write(t.Context(), access.Change{})
	if found := l.Problems(t.Context()); found != nil {
		t.Errorf("problems afterwards: %+v", found)
	}
	var page bytes.Buffer
	l.WriteMetrics(&page)
	if page.String() != "bbbpool_audit_entries_total 1\nbbbpool_audit_entries_lost_total 2\n" {
		t.Errorf("measured %s", &page)
	}
}

// counting counts the transactions in which entries are deleted.
type counting struct {
	kept
	limits []int
}

func (c *counting) DeleteAudits(ctx context.Context, t time.Time, limit int) (int, error) {
	c.limits = append(c.limits, limit)
	return c.kept.DeleteAudits(ctx, t, limit)
}

// What is older than is to be kept goes, a bounded number at a time; what is younger stays. Nothing goes where all is to be
// kept.
func TestLog_Tidy(t *testing.T) {
	c := &clock{at: then}
	l := auditLog(t, c)
	for range 1200 {
		if err := l.Store.AddAudit(t.Context(), store.Audit{ID: fmt.Sprint(c.at.UnixNano()), At: c.at}); err != nil {
			t.Fatal(err)
		}
		c.pass(time.Second)
	}
	counts := &counting{kept: l.Store}
	l.Store = counts
	if err := l.Tidy(t.Context()); err != nil || counts.limits != nil {
		t.Errorf("with no end set: %v, %v", counts.limits, err)
	}
	l.Keep = quantity.Age(100 * time.Second)
	if err := l.Tidy(t.Context()); err != nil {
		t.Error(err)
	}
	if left := entries(t, l, store.AuditFilter{}); len(left) != 100 || left[99].At.Before(c.at.Add(-100*time.Second)) {
		t.Errorf("%d are left", len(left))
	}
	if len(counts.limits) != 3 || slices.Max(counts.limits) > 1000 {
		t.Errorf("deleted in transactions of %v", counts.limits)
	}
}

// The age that is set has to be one.
func TestConfig_Validate(t *testing.T) {
	if err := (access.Config{Keep: -1}).Validate(); err == nil || !strings.Contains(err.Error(), "--audit-keep") {
		t.Errorf("got %v", err)
	}
	if err := (access.Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

// idle is a store that has nothing to delete, and may fail at that.
type idle struct {
	kept
	looked int
	err    error
}

func (i *idle) DeleteAudits(context.Context, time.Time, int) (int, error) {
	i.looked++
	return 0, i.err
}

// The log is looked through at the start and every hour, also after it could not be, until the process ends.
func TestLog_Run(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		nothing := &idle{err: errors.New("disk gone")}
		l := &access.Log{
			Config: access.Config{Keep: quantity.Age(time.Hour)}, Store: nothing, Now: time.Now, Log: zerolog.New(&out),
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour+time.Minute)
		defer cancel()
		if err := l.Run(ctx); err != nil || nothing.looked != 4 {
			t.Errorf("looked %d times, %v", nothing.looked, err)
		}
		if n := strings.Count(out.String(), "disk gone"); n != 4 {
			t.Errorf("logged %s", &out)
		}
	})
}
