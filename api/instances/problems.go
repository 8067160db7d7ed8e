package instances

import (
	"context"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
)

// patience is how long nobody may lead before this instance says that it is not ready, beyond the time that a takeover takes:
// a balancer that finds all instances unready has nowhere to send anybody, and those that wait are answered.
const patience = 2 * time.Second

// Problems tells that this instance cannot reach one that decides, or has not taken over yet what that one knows. It answers from
// memory.
func (i *Instance) Problems(context.Context) []problems.Problem {
	name, why := "no-leader", i.Missing()
	if why == "" && !i.Begun() {
		name, why = "beginning", "this instance has just begun, and does not know yet what the others know"
	}
	if why == "" {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Process}, Name: name, Unready: true, Text: why,
	}}
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
