package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/admin"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/api/trial"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

func ignore(v1.Progress) {}

// Whatever takes long is asked for as it was meant, tells of its progress, and ends with its report.
func TestLong(t *testing.T) {
	p, fake := withRecordings(t)
	ctx := t.Context()
	var told []v1.Progress
	tell := func(p v1.Progress) { told = append(told, p) }
	imported, err := p.Imports.Import(ctx, v1.ImportOptions{Path: "/spool/", Tenant: "other", Force: true}, tell)
	if err != nil || imported.Same != 2 || !cmp.Equal(imported.Imported, []string{"r1"}) {
		t.Errorf("import: %+v, %v", imported, err)
	}
	if verified, err := p.Recordings.Verify(ctx, v1.VerifyOptions{Adopt: true}, tell); err != nil || verified.Recordings != 3 {
		t.Errorf("verify: %+v, %v", verified, err)
	}
	pruned, err := p.Recordings.Prune(ctx, v1.PruneOptions{OlderThan: quantity.Age(time.Hour), DryRun: true}, tell)
	if err != nil || pruned.Remaining != 7 {
		t.Errorf("prune: %+v, %v", pruned, err)
	}
	one := v1.Progress{Done: 1, Total: 2, Current: "r1"}
	if diff := cmp.Diff([]v1.Progress{one, one, one}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	want := []string{
		"{Path:/spool Tenant:other Force:true Notify:false}", "{Repair:false Adopt:true Mark:false}",
		"{OlderThan:1h0m0s KeepUnder:0 Tenant: DryRun:true}",
	}
	if diff := cmp.Diff(want, fake.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// All recordings are protected tenant by tenant, but not those that are so already, or not here.
func TestLong_ProtectAll(t *testing.T) {
	p, fake := withRecordings(t)
	for _, id := range []string{"r4", "r5", "r6"} {
		fake.list = append(fake.list, store.Recording{
			RecordID: id, Tenant: "other", State: store.Unpublished, Protected: id == "r5",
		})
	}
	report, err := p.Recordings.ProtectAll(t.Context(), v1.Protection{Protect: true}, ignore)
	if err != nil || report.Changed != 3 || len(fake.asked) != 2 {
		t.Errorf("protected %+v, %v by %v", report, err, fake.asked)
	}
	report, err = p.Recordings.ProtectAll(t.Context(), v1.Protection{Tenant: "other"}, ignore)
	if err != nil || report.Changed != 3 {
		t.Errorf("unprotected %+v, %v", report, err)
	}
}

// Work that fails at once has a status of its own; work that fails later says so on its last line.
func TestLong_Fails(t *testing.T) {
	p, fake := withRecordings(t)
	_, err := p.Imports.Import(t.Context(), v1.ImportOptions{Path: "/broken"}, ignore)
	if e, ok := errors.AsType[*v1.Error](err); !ok || e.Code != "internal" || e.Message != "Internal error." {
		t.Errorf("late: %v", err)
	}
	fake.work = func(context.Context, func(v1.Progress)) error { return store.ErrConflict }
	_, err = p.Imports.Import(t.Context(), v1.ImportOptions{Path: "/nowhere"}, ignore)
	refused(t, err, http.StatusUnprocessableEntity, "/nowhere: no such file")
	if e, _ := errors.AsType[*v1.Error](err); e.Code != "path" {
		t.Errorf("code %q", e.Code)
	}
	for reason, status := range map[error]int{
		store.ErrConflict: 409, recordings.ErrBusy: 409, recordings.ErrNothing: 422, recordings.ErrVolume: 503,
	} {
		fake.work = func(context.Context, func(v1.Progress)) error { return fmt.Errorf("now: %w", reason) }
		_, err = p.Recordings.Verify(t.Context(), v1.VerifyOptions{}, ignore)
		refused(t, err, status, "now: "+reason.Error())
	}
}

// A program that is told to end does not leave its caller believing that all is done.
func TestLong_BrokenOff(t *testing.T) {
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"progress":{"done":1,"total":2}}`+"\n"+`{"prog`)
	})
	client := v1.NewClient(v1.HandlerTransport(broken), "http://bbbpool", "")
	if _, err := client.Recordings.Verify(t.Context(), v1.VerifyOptions{}, ignore); err == nil ||
		!strings.Contains(err.Error(), "stopped before it was done") {
		t.Errorf("got %v", err)
	}
}

// Whoever hangs up ends the work, over the network and in this process.
func TestLong_HangUp(t *testing.T) {
	p, fake := withRecordings(t)
	server := httptest.NewServer(p.api.Handler())
	defer server.Close()
	for name, client := range map[string]*v1.Client{
		"network": v1.NewClient(http.DefaultTransport, server.URL, ""), "process": p.Client,
	} {
		ended := make(chan error, 1)
		fake.work = func(ctx context.Context, tell func(v1.Progress)) error {
			tell(v1.Progress{Current: "r1"})
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err := client.Recordings.Verify(ctx, v1.VerifyOptions{}, func(v1.Progress) { cancel() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the call ended with %v", name, err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the work ended with %v", name, err)
		}
	}
}

// The deadlines of the server that are meant for other requests do not end the work.
func TestLong_Deadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const short = time.Second
		fake := newRecordings()
		fake.work = func(ctx context.Context, tell func(v1.Progress)) error {
			tell(v1.Progress{Done: 1})
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(4 * short):
				return nil
			}
		}
		api := &admin.API{Frame: frame.Frame{Now: time.Now}, Recordings: &admin.Recordings{Audit: fake}}
		server := &http.Server{Handler: api.Handler(), ReadTimeout: short, WriteTimeout: short}
		calls := make(pipes)
		served := make(chan error)
		go func() { served <- server.Serve(calls) }()
		transport := &http.Transport{DialContext: calls.dial}
		client := v1.NewClient(transport, "http://bbbpool", "")
		report, err := client.Recordings.Verify(t.Context(), v1.VerifyOptions{}, ignore)
		if err != nil || report.Recordings != 3 {
			t.Errorf("got %+v, %v", report, err)
		}
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// pipes is a network within the process, whose deadlines go by the time of a bubble.
type pipes chan net.Conn

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p <- there
	return here, nil
}

func (p pipes) Accept() (net.Conn, error) {
	if c, open := <-p; open {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// A flood of progress becomes a few lines, problems are all told, and silence is broken by what was told last.
func TestLong_Pace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newRecordings()
		fake.work = func(_ context.Context, tell func(v1.Progress)) error {
			for i := range 1000 {
				tell(v1.Progress{Done: i})
				time.Sleep(time.Millisecond)
			}
			tell(v1.Progress{Done: 1000, Problem: "one"})
			tell(v1.Progress{Done: 1001, Problem: "two"})
			time.Sleep(100 * time.Second)
			return nil
		}
		api := &admin.API{Frame: frame.Frame{Now: time.Now}, Recordings: &admin.Recordings{Audit: fake}}
		client := v1.NewClient(v1.HandlerTransport(api.Handler()), "http://bbbpool", "")
		var told []v1.Progress
		_, err := client.Recordings.Verify(t.Context(), v1.VerifyOptions{}, func(p v1.Progress) { told = append(told, p) })
		if err != nil || len(told) != 10+2+6 {
			t.Fatalf("%d lines: %+v, %v", len(told), told, err)
		}
		want := []v1.Progress{{Done: 900}, {Done: 1000, Problem: "one"}, {Done: 1001, Problem: "two"}, {Done: 1001}}
		if diff := cmp.Diff(want, told[9:13]); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// Whoever says nothing at all for a minute is not waited for.
func TestLong_Silence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		client := v1.NewClient(v1.HandlerTransport(silent), "http://bbbpool", "")
		if _, err := client.Recordings.Verify(t.Context(), v1.VerifyOptions{}, ignore); err == nil ||
			!strings.Contains(err.Error(), "took too long") {
			t.Errorf("got %v", err)
		}
	})
}

// Words of the API are those of the pool.
func TestWords_SameAsPool(t *testing.T) {
	for wire, ours := range map[string]string{
		v1.DefaultTenant: store.DefaultTenant, v1.Keep: recordings.Keep,
		v1.Enabled: string(store.Enabled), v1.Cordoned: string(store.Cordoned), v1.Draining: string(store.Draining),
		v1.Disabled:   string(store.Disabled),
		v1.Processing: string(store.Processing), v1.Processed: string(store.Processed), v1.Published: string(store.Published),
		v1.Unpublished: string(store.Unpublished), v1.Deleted: string(store.Deleted),
		v1.Pass: string(trial.Pass), v1.Warning: string(trial.Warning), v1.Fail: string(trial.Fail), v1.Skipped: string(trial.Skipped),
	} {
		if wire != ours {
			t.Errorf("%s over the wire is %s in the pool", wire, ours)
		}
	}
}
