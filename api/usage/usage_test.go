package usage_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/api/usage"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/storetest"
)

// pool is accounts over a store, with a ledger that says what it is told to.
type pool struct {
	*usage.Accounts

	index store.Index

	mu      sync.Mutex
	now     time.Time // zero for the real one
	tallies map[string]usage.Tally
}

func (p *pool) has(tallies map[string]usage.Tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tallies = tallies
}

func (p *pool) at(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = now
}

// newPool has the clock of the caller: its own where zone is nil.
func newPool(t *testing.T, index store.Index, zone *time.Location) *pool {
	t.Helper()
	p := &pool{index: index}
	p.Accounts = &usage.Accounts{
		Config: usage.Config{Keep: quantity.Age(100 * 24 * time.Hour)}, Store: index, Log: zerolog.Nop(),
		Tallies: func() map[string]usage.Tally {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.tallies
		},
		Now: func() time.Time {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.now.IsZero() {
				return time.Now().In(zone)
			}
			return p.now
		},
	}
	return p
}

func open(t *testing.T, dir string) store.Index {
	t.Helper()
	db, err := bolt.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Index()
}

func (p *pool) days(t *testing.T) []store.Usage {
	t.Helper()
	list, err := p.Usage(t.Context(), store.UsageFilter{}, usage.ByDay, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// same compares but for what sums of fractions lose.
func same(t *testing.T, what string, got, want []store.Usage) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-6), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// run runs accounts for a while, in a bubble.
func run(t *testing.T, p *pool, during func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	synctest.Wait()
	during()
	synctest.Wait()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// People-minutes are people times time, peaks the most that a sample has seen, and what is not on the disk after a minute is
// there when the program ends.
func TestAccounts_Run(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { // it is the first of January 2000
		index := open(t, dir)
		p := newPool(t, index, time.UTC)
		run(t, p, func() {
			p.has(map[string]usage.Tally{"a": {Meetings: 2, People: 30}, "b": {Meetings: 1}})
			time.Sleep(10*time.Minute + 5*time.Second) // between two samples
			p.has(map[string]usage.Tally{"a": {Meetings: 1, People: 45}})
			p.Joined("a")
			p.Joined("c")
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			want := []store.Usage{
				{Day: "2000-01-01", Tenant: "a", PeopleMins: 390, PeakMeetings: 2, PeakPeople: 45, Joins: 1},
				{Day: "2000-01-01", Tenant: "b", PeakMeetings: 1},
				{Day: "2000-01-01", Tenant: "c", Joins: 1},
			}
			stored, err := index.Usage(t.Context(), store.UsageFilter{})
			if err != nil {
				t.Fatal(err)
			}
			same(t, "stored", stored, want)
			same(t, "shown", p.days(t), want)
		})
		stored, err := index.Usage(t.Context(), store.UsageFilter{})
		if err != nil {
			t.Fatal(err)
		}
		if got := stored[0].PeopleMins; math.Abs(got-390-45.0/12) > 1e-6 {
			t.Errorf("the last seconds are not there: %v", got)
		}
		_ = index.Close()
	})
}

// A program that is started again goes on where the last one has ended, and a crash costs a minute at most.
func TestAccounts_Restart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		index := open(t, dir)
		tallies := map[string]usage.Tally{"a": {Meetings: 1, People: 60}}
		for range 3 {
			p := newPool(t, index, time.UTC)
			p.has(tallies)
			run(t, p, func() { time.Sleep(90 * time.Second) })
		}
		crashing := newPool(t, index, time.UTC)
		crashing.has(tallies)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = crashing.Run(ctx) }()
		time.Sleep(119 * time.Second)
		synctest.Wait()
		stored, err := index.Usage(t.Context(), store.UsageFilter{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "stored", stored, []store.Usage{
			{Day: "2000-01-01", Tenant: "a", PeopleMins: 3*90 + 60, PeakMeetings: 1, PeakPeople: 60},
		})
		cancel()
		synctest.Wait()
		_ = index.Close()
	})
}

// A day begins and ends when the clock on the wall says so, and has as many minutes as it has: also where clocks are changed.
func TestAccounts_Midnight(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for name, c := range map[string]struct {
		begin time.Time
		days  []store.Usage
	}{
		"a day like others": {time.Date(2026, 1, 4, 23, 0, 0, 0, berlin), []store.Usage{
			{Day: "2026-01-04", PeopleMins: 60}, {Day: "2026-01-05", PeopleMins: 1440}, {Day: "2026-01-06", PeopleMins: 60},
		}},
		"clocks go forward": {time.Date(2026, 3, 28, 23, 0, 0, 0, berlin), []store.Usage{
			{Day: "2026-03-28", PeopleMins: 60}, {Day: "2026-03-29", PeopleMins: 1380}, {Day: "2026-03-30", PeopleMins: 120},
		}},
		"clocks go back": {time.Date(2026, 10, 24, 23, 0, 0, 0, berlin), []store.Usage{
			{Day: "2026-10-24", PeopleMins: 60}, {Day: "2026-10-25", PeopleMins: 1500}, {Day: "2026-10-26"},
		}},
	} {
		p := newPool(t, open(t, t.TempDir()), berlin)
		p.has(map[string]usage.Tally{"a": {Meetings: 1, People: 1}})
		p.at(c.begin.Add(-7 * time.Second)) // no sample falls on midnight
		for passed := time.Duration(0); passed <= 26*time.Hour+7*time.Second; passed += 10 * time.Second {
			p.at(c.begin.Add(passed))
			p.Sample()
		}
		list := p.days(t)
		for i := range list {
			list[i].PeakMeetings, list[i].PeakPeople, list[i].Tenant = 0, 0, ""
		}
		same(t, name, list, c.days)
	}
}

// A clock that jumps, or a machine that sleeps, counts no hours in which nobody has looked.
func TestAccounts_Jumps(t *testing.T) {
	noon := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	p := newPool(t, open(t, t.TempDir()), nil)
	p.has(map[string]usage.Tally{"a": {People: 60}})
	for _, at := range []time.Duration{0, 10 * time.Second, 8 * time.Hour, 2 * time.Hour, 2*time.Hour + 10*time.Second} {
		p.at(noon.Add(at))
		p.Sample()
	}
	if got := p.days(t)[0].PeopleMins; math.Abs(got-(10+20+0+10)) > 1e-6 {
		t.Errorf("people-minutes: %v", got)
	}
	p.at(noon.Add(12*time.Hour + 5*time.Second)) // a jump over midnight: at most what has passed since, and 20 s in all
	p.Sample()
	same(t, "days", p.days(t), []store.Usage{
		{Day: "2026-01-05", Tenant: "a", PeopleMins: 40 + 15, PeakPeople: 60}, {Day: "2026-01-06", Tenant: "a", PeopleMins: 5, PeakPeople: 60},
	})
}

// Whenever it is looked, and however people come and go, the days have together what has passed: nothing is lost at midnight,
// and nothing counts twice.
func TestAccounts_SumOfDays(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	index := open(t, t.TempDir())
	for round := range 20 {
		random := rand.New(rand.NewPCG(uint64(round), 7))
		p := newPool(t, index, berlin)
		tenant, want := fmt.Sprint("t", round), 0.0
		at := time.Date(2026, 3, 27, 22, 0, 0, 0, berlin)
		p.at(at)
		p.Sample()
		for range 2_000 {
			passed, people := time.Duration(random.Int64N(int64(3*time.Minute))), random.IntN(500)
			want += float64(people) * min(passed, 20*time.Second).Minutes()
			at = at.Add(passed)
			p.at(at)
			p.has(map[string]usage.Tally{tenant: {Meetings: 1, People: people}})
			p.Sample()
			if random.IntN(50) == 0 {
				if err := p.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		list, err := p.Usage(t.Context(), store.UsageFilter{Tenant: tenant}, usage.ByDay, 1000)
		if err != nil || len(list) < 3 {
			t.Fatal(list, err)
		}
		if got := sumOf(list).PeopleMins; math.Abs(got-want) > 1e-3 {
			t.Errorf("round %d: the days have %v, passed have %v", round, got, want)
		}
	}
}

// sumOf is what days have together.
func sumOf(days []store.Usage) (sum store.Usage) {
	for _, u := range days {
		sum.Add(u)
	}
	return sum
}

// failing is a store that cannot be written for a while.
type failing struct {
	store.Index

	err error
}

func (f *failing) AddUsage(ctx context.Context, list ...store.Usage) error {
	if f.err != nil {
		return f.err
	}
	return f.Index.AddUsage(ctx, list...)
}

// What cannot be written is kept, told after a while, and written once that is possible again.
func TestAccounts_Unwritable(t *testing.T) {
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	below := &failing{open(t, t.TempDir()), errors.New("disk is full")}
	p := newPool(t, below, nil)
	p.at(at)
	p.Joined("a")
	p.Sample()
	if err := p.Flush(t.Context()); err == nil || len(p.Problems(t.Context())) > 0 {
		t.Fatal(err, p.Problems(t.Context()))
	}
	p.at(at.Add(3 * time.Minute))
	if list := p.Problems(t.Context()); len(list) != 1 || !strings.Contains(list[0].Text, "disk is full") || !list[0].Since.Equal(at) {
		t.Errorf("problems: %+v", list)
	}
	below.err = nil
	if err := p.Flush(t.Context()); err != nil || len(p.Problems(t.Context())) > 0 {
		t.Fatal(err, p.Problems(t.Context()))
	}
	stored, err := below.Usage(t.Context(), store.UsageFilter{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "stored", stored, []store.Usage{{Day: "2026-01-05", Tenant: "a", Joins: 1}})
}

// away is a history that does not answer.
type away struct{}

func (away) Session(context.Context, string) (store.Session, error) {
	return store.Session{}, store.ErrAway
}

// A meeting that ends while the history is away counts: its session waits with what it counts.
func TestAccounts_HistoryAway(t *testing.T) {
	p := newPool(t, open(t, t.TempDir()), nil)
	var kept []store.Usage
	counted := p.Counted(away{}, func(_ context.Context, _ store.Claim, _ store.Session, along ...store.Along) error {
		for _, a := range along {
			kept = append(kept, a.Used...)
		}
		return nil
	})
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	p.at(at)
	if err := counted(t.Context(), store.Claim{}, store.Session{ID: "s1", Tenant: "a", Reason: "ended", Start: at, End: at}); err != nil {
		t.Fatal(err)
	}
	same(t, "kept", kept, []store.Usage{{Day: "2026-01-05", Tenant: "a", Meetings: 1}})
}

// A meeting counts once, for the day on which it began, whatever is told of it and how often.
func TestAccounts_Counted(t *testing.T) {
	at := time.Date(2026, 1, 5, 23, 0, 0, 0, time.UTC)
	index := open(t, t.TempDir())
	p := newPool(t, index, nil)
	p.at(at.Add(3 * time.Hour))
	refuse := errors.New("refused")
	counted := p.Counted(index, func(ctx context.Context, _ store.Claim, s store.Session, along ...store.Along) error {
		if s.Reason == "refused" {
			return refuse
		}
		err := store.Ignore(index.AddSession(ctx, s, along...), store.ErrExists) // as it is with a server that lies
		if s.Reason == "half" {
			return refuse // what else was to be noted of it could not be
		}
		return err
	})
	for _, c := range []struct {
		id, tenant, server, reason string
		breakout                   bool
		want                       int
	}{
		{"s1", "a", "bbb1", "ended", false, 1},
		{"s1", "a", "bbb1", "ended", false, 1}, // once more, as after a crash
		{"s2", "a", "bbb1", "refused", false, 1},
		{"s2", "a", "bbb1", "gone", false, 2},
		{"s2", "a", "bbb1", "ended", false, 2}, // it was seen again
		{"s3", "a", "bbb1", "moved", false, 2}, // counts where it goes on
		{"s4", "a", "bbb2", "ended", false, 3},
		{"s5", "a", "bbb1", "moved", false, 3},
		{"s5", "a", "bbb1", "ended", false, 4}, // it came back
		{"s7", "a", "bbb1", "half", false, 5},
		{"s7", "a", "bbb1", "ended", false, 5},
		{"s8", "a", "bbb1", "moved", false, 5},
		{"s8", "a", "bbb1", "half", false, 6},
		{"s8", "a", "bbb1", "half", false, 6},
		{"s6", "a", "bbb1", "ended", true, 6},
		{"s1", "b", "bbb1", "ended", false, 6}, // another's
		{"s5", "a", "bbb9", "ended", false, 6},
		{"s1", "b", "bbb1", "half", false, 6},
	} {
		s := store.Session{ID: c.id, Tenant: c.tenant, Server: c.server, Reason: c.reason, Start: at, End: at.Add(2 * time.Hour)}
		if err := counted(t.Context(), store.Claim{Breakout: c.breakout}, s); err != nil && !errors.Is(err, refuse) {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("after %+v", c), p.days(t), []store.Usage{{Day: "2026-01-05", Tenant: "a", Meetings: c.want}})
	}
}

// A recording counts when its first archive comes, its bytes as far as there are more of them, and what comes again not at
// all.
func TestAccounts_Recordings(t *testing.T) {
	p := newPool(t, open(t, t.TempDir()), nil)
	p.at(time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC))
	index := p.Index(p.index)
	refuse := errors.New("refused")
	commit := func(formats ...store.Format) func(r *store.Recording) error {
		return func(r *store.Recording) error {
			r.Tenant, r.State, r.Imported, r.Formats = "a", store.Published, p.Now(), formats
			if formats == nil {
				return refuse
			}
			return nil
		}
	}
	slides, film := store.Format{Type: "presentation", Bytes: 10}, store.Format{Type: "video", Bytes: 100}
	for _, c := range []struct {
		formats    []store.Format
		recordings int
		bytes      int64
	}{
		{nil, 0, 0},
		{[]store.Format{slides}, 1, 10},
		{[]store.Format{slides}, 1, 10},
		{[]store.Format{slides, film}, 1, 110},
		{[]store.Format{slides}, 1, 110},
	} {
		_, err := index.Commit(t.Context(), store.Job{ID: "j"}, []string{"r"}, commit(c.formats...))
		if err != nil && !errors.Is(err, refuse) {
			t.Fatal(err)
		}
		var want []store.Usage
		if c.recordings > 0 {
			want = []store.Usage{{Day: "2026-01-05", Tenant: "a", Recordings: c.recordings, Bytes: c.bytes}}
		}
		same(t, "usage", p.days(t), want)
	}
	gone := func(r *store.Recording) error { r.State, r.Formats = store.Deleted, nil; return nil }
	if _, err := index.UpdateRecording(t.Context(), "a", "r", gone); err != nil {
		t.Fatal(err)
	}
	if _, err := index.Commit(t.Context(), store.Job{ID: "j"}, []string{"r"}, commit(film)); err != nil {
		t.Fatal(err)
	}
	same(t, "brought back", p.days(t), []store.Usage{{Day: "2026-01-05", Tenant: "a", Recordings: 1, Bytes: 110}})
}

// An index that counts keeps the contract as the one below does.
func TestAccounts_Index(t *testing.T) {
	storetest.RunIndex(t, func(t *testing.T) store.Index {
		p := newPool(t, open(t, t.TempDir()), time.UTC)
		p.Store = nothing{} // else the suite finds days that it has not added
		return p.Index(p.index)
	})
}

// nothing takes usage and keeps none.
type nothing struct{ store.Usages }

func (nothing) AddUsage(context.Context, ...store.Usage) error { return nil }

// Days that are too old go, however many there are.
func TestAccounts_Clean(t *testing.T) {
	p := newPool(t, open(t, t.TempDir()), nil)
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	p.at(now)
	var list []store.Usage
	for i := range 1200 {
		list = append(list, store.Usage{Day: now.AddDate(0, 0, -95-i/120).Format(time.DateOnly), Tenant: fmt.Sprint("t", i), Joins: 1})
	}
	if err := p.index.AddUsage(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	p.Clean(t.Context())
	left := p.days(t)
	if oldest := now.AddDate(0, 0, -100).Format(time.DateOnly); len(left) != 6*120 || left[0].Day != oldest {
		t.Errorf("%d left from %s on, want those from %s on", len(left), left[0].Day, oldest)
	}
}
