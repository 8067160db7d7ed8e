package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// checkAtOnce is how many servers are asked at the same time.
const checkAtOnce = 32

// check asks every server who it is, as if it were to be added now.
func (a *API) check(r *http.Request) (any, error) {
	if err := read(r, &struct{}{}); err != nil {
		return nil, err
	}
	ctx := r.Context()
	servers, err := a.Servers.Servers(ctx)
	if err != nil {
		return nil, err
	}
	outcome := Check{OK: true, Servers: make([]Checked, len(servers))}
	if outcome.Recordings, err = a.recordingSums(ctx); err != nil {
		return nil, err
	}
	reasons, disks := a.disks()
	outcome.Problems = append(reasons, disks...)
	if outcome.Notes, err = a.notes(ctx, outcome.Recordings); err != nil {
		return nil, err
	}
	var asking errgroup.Group
	asking.SetLimit(checkAtOnce)
	for i, s := range servers {
		asking.Go(func() error {
			outcome.Servers[i] = a.checkServer(ctx, s)
			return nil
		})
	}
	_ = asking.Wait() // what goes wrong is in the outcome
	if a.Advice != nil {
		outcome.Advice = a.Advice()
	}
	outcome.OK = len(outcome.Problems) == 0 && !slices.ContainsFunc(outcome.Servers, Checked.Unfit)
	return outcome, nil
}

// notes is what wants looking at although the pool works.
func (a *API) notes(ctx context.Context, sums *RecordingSums) ([]string, error) {
	if sums == nil {
		return nil, nil
	}
	archives, err := a.badArchives(ctx)
	return append(archives, sums.problems()...), err
}

// Unfit tells whether something is wrong with a server that the pool uses: a disabled one may be switched off.
func (c Checked) Unfit() bool { return !c.OK && c.State != string(store.Disabled) }

func (a *API) checkServer(ctx context.Context, s store.Server) Checked {
	began := a.now()
	d, err := a.diagnose(ctx, s, addDeadline)
	c := Checked{ID: s.ID, URL: s.URL, State: string(s.State), LatencyMS: milliseconds(a.now().Sub(began))}
	if err == nil {
		c.Diagnosis = newDiagnosis(d)
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
