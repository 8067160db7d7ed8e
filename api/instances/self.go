package instances

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
)

// This file has how an instance finds out that the address which it tells others does not lead to it: the name of another
// machine, a port that something else listens on, or one that nothing comes through. It would hear all others, and could come to
// lead, and none of them could ask it. So it looks whether it reaches itself by that address.

// selfPath is what an instance asks itself.
const selfPath = "/self"

const (
	selfEvery = 5 * time.Second
	selfAgain = time.Second // where it has failed
	// missesUntilHidden is how often it must fail in a row: a machine that is busy for a moment is there all the same.
	missesUntilHidden = 3
)

// reach is how an instance reaches itself. It is guarded by the lock of the instance.
type reach struct {
	misses int
	why    error
}

var errElse = errors.New("something else answers there")

func (i *Instance) serveSelf(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, i.id) }

// lookAtSelf looks whether this instance can be reached at its address, until ctx ends.
func (i *Instance) lookAtSelf(ctx context.Context) error {
	for {
		err := i.askSelf(ctx)
		next := selfEvery
		i.mu.Lock()
		if i.lost.why = err; err == nil {
			i.lost.misses = 0
		} else {
			i.lost.misses++
			next = selfAgain
		}
		i.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(next):
		}
	}
}

func (i *Instance) askSelf(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stateWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+i.keeper.Address+selfPath, nil)
	if err != nil {
		return err
	}
	resp, err := i.client.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxState))
	if err == nil && string(said) != i.id {
		err = errElse
	}
	return err
}

// yields is for how long this instance leaves a lease to others: one that is about to end until they have had every chance, and
// one that does not reach itself where they look for it for a little longer than they wait. They may reach it all the same, and
// wait for a leader no longer than a create does.
func (i *Instance) yields() time.Duration {
	lease := i.parts.Config.Lease
	if i.leaving.Load() && !i.members.alone() {
		return 2 * lease
	}
	if _, is := i.unreached(); is {
		return lease + lease/3
	}
	return 0
}

func (i *Instance) unreached() (why error, is bool) {
	i.mu.Lock()
	lost := i.lost
	i.mu.Unlock()
	return lost.why, lost.misses >= missesUntilHidden && !i.members.alone()
}

// unreachable says so.
func (i *Instance) unreachable() []problems.Problem {
	why, is := i.unreached()
	if !is {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Setting, ID: "instance-address"}, Name: "wrong",
		Text: fmt.Sprintf("other instances are told to reach this one at %s, and it does not reach itself there (%v): while it leads "+
			"they can decide nothing, so it leads only where no other does", i.keeper.Address, why),
		Remedy: "set --instance-address (BBBPOOL_INSTANCE_ADDRESS) to what leads to its --instance-listen",
	}}
}
