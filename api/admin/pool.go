package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/bbb/releases"
	"github.com/bbbpool/bbbpool/api/callbacks/reach"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// Pool tells how all of it is: the pool at a glance, what it carries, and whether its servers are fit.
type Pool struct {
	Servers    PoolServers
	Ledger     PoolLedger
	Records    store.Servers
	Examiner   *roster.Examiner
	Tenants    *Tenants
	Recordings PoolRecordings // nil in a pool without recordings
	Problems   ProblemList
	Backups    BackupMaker // nil where nobody makes any
	// Stores asks the databases how they are set up: what is wrong, and what should be known. It may be nil.
	Stores func(ctx context.Context) (wrong, advice []string)
	// Callbacks is where servers are told to call; nil where that is nobody's concern.
	Callbacks *reach.Site
	Version   string
	Listen    string // the address that the pool serves; "" while it does not
	Now       func() time.Time

	Instances *Instances
}

// PoolServers is what is seen of servers.
type PoolServers interface {
	// Servers returns the status of every server, by ID.
	Servers() []poller.Status
}

// PoolLedger is what the ledger knows of all meetings together.
type PoolLedger interface {
	// Meetings returns all meetings, by tenant and ID.
	Meetings() []placement.Info
	// Count returns how many there are.
	Count() int
	// Consider tells where a create would go, without placing anything.
	Consider(key store.MeetingKey, w placement.Wish) placement.Considered
	// Capacity tells what the pool carries now.
	Capacity() placement.Capacity
}

// PoolRecordings is what is known of all recordings together.
type PoolRecordings interface {
	// Counts returns how many recordings there are by tenant and state.
	Counts(ctx context.Context) ([]store.RecordingCount, error)
	// Jobs returns the selected imports in the order of their IDs.
	Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, error)
	// Owed returns what servers have still to deliver, those of the meeting that ended first on top.
	Owed(ctx context.Context) ([]recordings.Owing, error)
}

func (p *Pool) routes() frame.Routes {
	return frame.Routes{
		"GET /status":              frame.Whole(p.status, access.Read),
		"GET /capacity":            frame.Whole(p.capacity, access.Read),
		"POST /placements/dry-run": frame.Whole(p.dryRun, access.Read).Asking(),
		"POST /check":              frame.Whole(p.check, access.Read).Asking(),
		"GET /problems":            frame.Whole(p.problems, access.Read),
		"GET /version":             frame.Open(p.version),
	}
}

func (p *Pool) version(*http.Request) (any, error) { return v1.Build(p.Version), nil }

func (p *Pool) status(r *http.Request) (any, error) {
	servers := p.Servers.Servers()
	st := v1.Status{Version: p.Version, Listen: p.Listen, Meetings: p.Ledger.Count()}
	var err error
	if st.Recordings, err = p.recordingSums(r.Context()); err != nil {
		return nil, err
	}
	st.Problems = texts(p.Problems.List(r.Context()), func(one problems.Problem) bool { return one.Severity != problems.Advised })
	if p.Backups != nil {
		st.Backup = p.Backups.Status()
	}
	expected := 0.0
	for _, s := range servers {
		countServer(&st.Servers, s)
		st.Users += roster.People(s)
		expected += s.Load.Expected
	}
	st.Expected = quantity.Tenths(expected)
	p.Instances.tell(r.Context(), &st)
	return st, nil
}

// countServer counts a server by its state and health.
func countServer(c *v1.Counts, s poller.Status) {
	c.Total++
	switch s.State {
	case store.Enabled:
		c.Enabled++
	case store.Cordoned:
		c.Cordoned++
	case store.Draining:
		c.Draining++
	case store.Disabled:
		c.Disabled++
		return // nobody asks it how it is
	}
	switch s.Health {
	case poller.Online:
		c.Online++
	case poller.Suspect:
		c.Suspect++
	case poller.Offline:
		c.Offline++
	case poller.Unknown:
		c.Unknown++
	}
}

// checkAtOnce is how many servers are asked at the same time.
const checkAtOnce = 32

// check asks every server who it is, as if it were to be added now.
func (p *Pool) check(r *http.Request) (any, error) {
	if err := frame.Read(r, &struct{}{}); err != nil {
		return nil, err
	}
	ctx := r.Context()
	servers, err := p.Records.Servers(ctx)
	if err != nil {
		return nil, err
	}
	outcome := v1.Check{OK: true, Servers: make([]v1.Checked, len(servers))}
	if outcome.Recordings, err = p.recordingSums(ctx); err != nil {
		return nil, err
	}
	list := p.Problems.List(ctx)
	outcome.Problems = texts(list, func(one problems.Problem) bool { return one.Unready || one.Severity == problems.Stuck })
	outcome.Notes = texts(list, func(one problems.Problem) bool { return one.Severity == problems.Late })
	outcome.Advice = texts(list, func(one problems.Problem) bool { return one.Severity == problems.Advised })
	if p.Stores != nil {
		wrong, advice := p.Stores(ctx)
		outcome.Problems, outcome.Advice = append(outcome.Problems, wrong...), append(outcome.Advice, advice...)
	}
	var asking errgroup.Group
	asking.SetLimit(checkAtOnce)
	var callbacks []string
	asking.Go(func() error {
		callbacks = p.checkCallbacks(ctx)
		return nil
	})
	for i, s := range servers {
		asking.Go(func() error {
			outcome.Servers[i] = p.checkServer(ctx, s)
			return nil
		})
	}
	_ = asking.Wait() // what goes wrong is in the outcome
	outcome.Advice = append(outcome.Advice, callbacks...)
	outcome.OK = len(outcome.Problems) == 0 && !slices.ContainsFunc(outcome.Servers, v1.Checked.Unfit)
	return outcome, nil
}

// checkCallbacks says whether servers can call us: no pool is wrong that none calls, it only learns of ends later.
func (p *Pool) checkCallbacks(ctx context.Context) (advice []string) {
	if !p.Callbacks.Told() {
		return nil // so it is meant, or each front end's own address is taken, which is not known here
	}
	outcome := reach.Merge(p.Callbacks.Look(ctx))
	if outcome.Come() {
		return nil
	}
	return []string{"callbacks: servers may not be able to call back: " + outcome.String()}
}

func (p *Pool) checkServer(ctx context.Context, s store.Server) v1.Checked {
	began := p.Now()
	d, err := p.Examiner.Diagnose(ctx, s, roster.AddDeadline)
	c := v1.Checked{ID: s.ID, URL: s.URL, State: string(s.State), LatencyMS: v1.Milliseconds(p.Now().Sub(began))}
	if err == nil {
		c.Diagnosis = roster.Diagnosis(d)
		if judged := releases.Judge(d.Version); judged.Standing != releases.Sound {
			c.Notes = append(c.Notes, judged.Text)
		}
		err = sameAlgorithm(s, d.Algorithm)
	}
	if c.OK = err == nil; !c.OK {
		c.Error = err.Error()
	}
	return c
}

// sameAlgorithm tells whether a server still takes the algorithm that it is called with. A diagnosis tries all of them
// in order: those before the one that worked were refused.
func sameAlgorithm(s store.Server, accepted bbb.Algorithm) error {
	ours := bbb.Algorithm(s.Checksum)
	if ours == "" {
		ours = bbb.SHA256
	}
	if slices.Index(bbb.Algorithms, ours) >= slices.Index(bbb.Algorithms, accepted) {
		return nil
	}
	return fmt.Errorf("checksum: the server accepts %s and not %s any more; run bbbpool server set %s --url %s",
		accepted, ours, s.ID, s.URL)
}

// recordingSums counts the recordings, and what is on its way. It is nil in a pool without, and while their database is away:
// that is one of the problems, and who asks how the pool is wants to hear of the others as well.
func (p *Pool) recordingSums(ctx context.Context) (*v1.RecordingSums, error) {
	if p.Recordings == nil {
		return nil, nil //nolint:nilnil // there is nothing to count
	}
	sums, err := p.countAll(ctx)
	if errors.Is(err, store.ErrAway) {
		return nil, nil //nolint:nilnil // what there is to count is not known
	}
	return sums, err
}

func (p *Pool) countAll(ctx context.Context) (*v1.RecordingSums, error) {
	sums := &v1.RecordingSums{}
	counts, err := p.Recordings.Counts(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		countRecordings(sums, c)
	}
	jobs, err := p.Recordings.Jobs(ctx, store.JobFilter{States: []store.JobState{
		store.JobWaiting, store.JobImporting, store.JobPlacing, store.JobFailed,
	}})
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		if j.State == store.JobFailed {
			sums.Failed++
		} else {
			sums.Importing++
		}
	}
	owed, err := p.Recordings.Owed(ctx)
	if err != nil {
		return nil, err
	}
	sums.Owed = len(owed)
	for _, o := range owed {
		if o.Overdue {
			sums.Overdue++
		}
	}
	return sums, nil
}

// countRecordings counts the recordings of a tenant in a state.
func countRecordings(s *v1.RecordingSums, c store.RecordingCount) {
	switch c.State {
	case store.Published:
		s.Published += c.Count
	case store.Unpublished:
		s.Unpublished += c.Count
	case store.Processing, store.Processed:
		s.Processing += c.Count
	case store.Awaited:
		return // perhaps there will be none
	case store.Deleted:
		s.Deleted += c.Count
		return // their bytes are on their way out
	}
	s.Bytes += c.Bytes
}
