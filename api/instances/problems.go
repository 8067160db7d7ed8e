package instances

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// patience is how long nobody may lead before this instance says that it is not ready, beyond the time that a takeover takes:
// a balancer that finds all instances unready has nowhere to send anybody, and those that wait are answered.
const patience = 2 * time.Second

// Problems tells that this instance cannot reach one that decides, or has not taken over yet what that one knows. It answers from
// memory.
func (i *Instance) Problems(context.Context) []problems.Problem {
	name, why := "no-leader", i.Missing()
	if why == "" && !i.Begun() {
		name, why = "beginning", tooEarly
	}
	others := append(i.unequal(), i.unreachable()...)
	if why == "" {
		return others
	}
	return append(others, problems.Problem{
		Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Process}, Name: name, Unready: true, Text: why,
	})
}

// unequal tells of an instance that has another lease time: one that waits for less takes the lead from a leader that lives.
func (i *Instance) unequal() []problems.Problem {
	list, _ := i.members.known()
	for _, one := range list {
		if one.Lease != 0 && one.Lease != i.parts.Config.Lease {
			return []problems.Problem{{
				Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Setting, ID: "lease-time"}, Name: "unequal",
				Text: fmt.Sprintf("--lease-time is %s here and %s at instance %.100q: the one with less takes the lead from a leader "+
					"that lives", i.parts.Config.Lease, one.Lease, one.ID),
				Remedy: "give all instances the same (BBBPOOL_LEASE_TIME)",
			}}
		}
	}
	return nil
}

// Missing is why no leader can be reached; empty where one can, or could a moment ago.
func (i *Instance) Missing() string {
	now := time.Now()
	i.mu.Lock()
	if i.Fresh() {
		i.since = now
	}
	known := i.since
	i.mu.Unlock()
	if !known.IsZero() && now.Sub(known) < i.parts.Config.Lease+patience {
		return ""
	}
	l, _ := i.keeper.Leader()
	switch away := i.keeper.Away(); {
	case away != nil && !errors.Is(away, store.ErrAway):
		return fmt.Sprintf("no instance leads at the moment, and this one cannot: %v", away)
	case away != nil:
		return fmt.Sprintf("no leader can be found, for the shared store (REDIS_URL) does not answer: %v", away)
	case l.Holder == "" || l.Holder == i.id:
		return "no instance leads at the moment: new meetings wait until one does"
	}
	if fault := i.feed.Fault(); fault != nil {
		return fmt.Sprintf("the leader %s cannot be reached at %s: %v", l.Holder, l.Address, fault)
	}
	return fmt.Sprintf("the news of the leader %s comes late", l.Holder)
}
