package admin

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// What becomes of servers that are not in the list, as Scalelite's servers:sync has it.
const (
	syncKeep   = "keep"   // nothing
	syncCordon = "cordon" // those that nothing is left on are removed, the others cordoned
	syncForce  = "force"  // their meetings are ended, and they are removed
)

// maxSync is how many servers a list may have.
const maxSync = 5000

// What has become of a server.
const (
	syncCreated  = "created"
	syncUpdated  = "updated"
	syncEnabled  = "enabled"
	syncCordoned = "cordoned"
	syncRemoved  = "removed"
	syncFailed   = "failed"
)

// sync brings the pool in line with a list. The list is what the operator wants: a server that it enables is enabled also
// if it fails its test, with a warning, for its health keeps meetings away from a dead one. A list that has a fault
// anywhere changes nothing; a server that cannot be changed does not stop the rest.
func (a *API) sync(r *http.Request) (any, error) {
	var wanted Sync
	if err := read(r, &wanted); err != nil {
		return nil, err
	}
	wanted.Mode = cmp.Or(wanted.Mode, syncCordon)
	listed, err := wanted.records(a.now())
	if err != nil {
		return nil, err
	}
	p, err := a.plan(r.Context(), wanted, listed)
	if err != nil {
		return nil, err
	}
	a.logger(r).Info().Str("mode", wanted.Mode).Bool("dry_run", wanted.DryRun).Int("servers", len(listed)).
		Int("changes", p.steps()).Msg("servers compared with a list")
	return long(func(ctx context.Context, tell func(recordings.Progress)) (any, error) {
		if !wanted.DryRun {
			s := &syncing{api: a, request: r, tell: tell, total: p.steps()}
			if err := s.perform(ctx, p); err != nil {
				return nil, err
			}
		}
		return p.report(wanted.DryRun), nil
	}), nil
}

// records makes the records that are wanted, by ID, or tells everything that is wrong with them.
func (w Sync) records(now time.Time) ([]store.Server, error) {
	if !slices.Contains([]string{syncKeep, syncCordon, syncForce}, w.Mode) {
		return nil, invalid("mode: want keep, cordon or force")
	}
	if w.Servers == nil {
		return nil, invalid("servers: missing; an empty list stands for a pool without servers")
	}
	if len(w.Servers) > maxSync {
		return nil, invalid("servers: %d, more than %d", len(w.Servers), maxSync)
	}
	var list []store.Server
	var faults []string
	ids, urls := map[string]bool{}, map[string]string{}
	for i, want := range w.Servers {
		name := cmp.Or(want.ID, fmt.Sprintf("server %d", i+1))
		record, err := want.record(now)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%.64q: %v", name, err))
			continue
		}
		if ids[record.ID] {
			faults = append(faults, fmt.Sprintf("%q: id: it is in the list twice", name))
		}
		if other, ok := urls[record.URL]; ok {
			faults = append(faults, fmt.Sprintf("%q: url: server %s has the same", name, other))
		}
		ids[record.ID], urls[record.URL] = true, record.ID
		list = append(list, record)
	}
	const few = 20
	if len(faults) > few {
		faults = append(faults[:few], fmt.Sprintf("and %d more faults", len(faults)-few))
	}
	slices.SortFunc(list, func(x, y store.Server) int { return strings.Compare(x.ID, y.ID) })
	return list, told(faults)
}

// record makes the record of a server that is new.
func (s SyncServer) record(now time.Time) (store.Server, error) {
	n := NewServer{
		ID: s.ID, URL: cmp.Or(s.URL, "https://"+s.ID), Secret: s.Secret, Tag: s.Tag, Enable: s.Enabled,
	}
	if s.Weight != 0 {
		n.Weight = &s.Weight
	}
	if !idForm.MatchString(s.ID) { // which may be left out elsewhere
		n.ID = "?"
	}
	return n.record(now)
}

// step is what a sync has to do about one server.
type step struct {
	change SyncChange
	before store.Server // empty for one that is new
	after  store.Server // empty for one that has to go
	force  bool         // with its meetings

	refused error // what the server is that it cannot be taken for one
}

// plan is what a sync has to do, one group of steps after the other.
type plan struct {
	groups [syncGroups][]*step
	strand bool // no server takes new meetings afterwards, and before some did
}

// The groups of steps. Servers of the list come first, so that the pool is never without those that are to carry it.
const (
	syncListed  = iota // of the list, with addresses that are free
	syncAbsent         // not of the list
	syncSwapped        // known ones at addresses that were another's, which that may give up in the same go
	syncFreed          // new ones at such addresses
	syncGroups
)

func (p plan) all() []*step { return slices.Concat(p.groups[:]...) }

func (p plan) steps() int { return len(p.all()) }

// strands tells whether the plan leaves nobody to take new meetings.
func (p plan) strands(stored []store.Server) bool {
	takers := map[string]bool{}
	for _, s := range stored {
		if s.State == store.Enabled {
			takers[s.ID] = true
		}
	}
	some := len(takers) > 0
	for _, step := range p.all() {
		delete(takers, step.change.ID)
		if step.after.State == store.Enabled {
			takers[step.change.ID] = true
		}
	}
	return some && len(takers) == 0
}

// warning is what somebody should know of the plan as a whole.
func (p plan) warning(dry bool) string {
	switch {
	case !p.strand:
		return ""
	case dry:
		return "no server would take new meetings"
	}
	return "no server takes new meetings any more"
}

// report is what has become of the servers, by ID.
func (p plan) report(dry bool) Synced {
	s := Synced{DryRun: dry, Changes: []SyncChange{}, Warning: p.warning(dry)}
	for _, step := range p.all() {
		s.Changes = append(s.Changes, step.change)
	}
	slices.SortFunc(s.Changes, func(x, y SyncChange) int { return strings.Compare(x.ID, y.ID) })
	return s
}

// plan finds what has to be done.
func (a *API) plan(ctx context.Context, wanted Sync, listed []store.Server) (p plan, err error) {
	stored, err := a.Servers.Servers(ctx)
	if err != nil {
		return p, err
	}
	owed, err := a.owed(ctx)
	if err != nil {
		return p, err
	}
	before, absent, holder := map[string]store.Server{}, map[string]store.Server{}, map[string]string{}
	for _, s := range stored {
		before[s.ID], absent[s.ID], holder[s.URL] = s, s, s.ID
	}
	for _, s := range listed {
		delete(absent, s.ID)
		group, old := syncListed, before[s.ID]
		switch {
		case holder[s.URL] == "" || s.URL == old.URL:
		case old.ID == "":
			group = syncFreed
		default:
			group = syncSwapped
		}
		p.add(group, coming(old, s))
	}
	if wanted.Mode != syncKeep {
		for _, s := range absent {
			p.add(syncAbsent, a.leaving(s, owed[s.ID], wanted.Mode == syncForce))
		}
	}
	p.strand = p.strands(stored)
	return p, nil
}

func (p *plan) add(group int, s *step) {
	if s != nil {
		p.groups[group] = append(p.groups[group], s)
	}
}

// leaving is what becomes of a server that is not in the list; nil where that is nothing.
func (a *API) leaving(s store.Server, owed []string, force bool) *step {
	status, _ := a.Pool.Server(s.ID)
	there := newLeft(status, owed)
	step := &step{change: SyncChange{ID: s.ID, Action: syncRemoved, Fields: []string{}}, before: s, force: force}
	if force {
		step.change.Meetings, step.change.People = there.meetings, there.people
	}
	switch {
	case force && len(owed) > 0:
		step.change.Warning = "not waited for any more: " + some(owed)
	case force || there.nothing():
	case s.State == store.Enabled:
		step.change.Action, step.after = syncCordoned, s
		step.after.State = store.Cordoned
		step.change.Warning = "it " + there.has() + ": a later sync removes it"
	default:
		return nil
	}
	return step
}

// coming is what has to be done for a server to be as listed; nil where it is.
func coming(before, listed store.Server) *step {
	s := &step{change: SyncChange{ID: listed.ID, Action: syncCreated, Fields: []string{}}, before: before, after: listed}
	if before.ID == "" {
		s.note("url", "", listed.URL)
		s.note("state", "", string(listed.State))
		return s
	}
	s.after = before
	s.after.URL, s.after.Secret, s.after.Tag = listed.URL, listed.Secret, listed.Tag
	if elsewhere(before.URL, listed.URL) {
		s.after.Admitted = time.Time{} // as where one server is changed
	}
	if !about(before.Weight, listed.Weight) {
		s.after.Weight = listed.Weight
	}
	s.note("url", before.URL, listed.URL)
	if before.Secret != listed.Secret {
		s.change.Fields = append(s.change.Fields, "secret: *** -> ***")
	}
	s.note("weight", fmt.Sprintf("%g", before.Weight), fmt.Sprintf("%g", s.after.Weight))
	s.note("tag", before.Tag, listed.Tag)
	s.change.Action = syncUpdated
	other := len(s.change.Fields) > 0
	switch {
	case listed.State == store.Enabled:
		s.after.State = store.Enabled
	case before.State == store.Enabled:
		s.after.State = store.Cordoned
	}
	s.note("state", string(before.State), string(s.after.State))
	switch {
	case len(s.change.Fields) == 0:
		return nil
	case !other && s.after.State == store.Enabled:
		s.change.Action = syncEnabled
	case !other:
		s.change.Action = syncCordoned
	}
	return s
}

// about tells whether two weights are one: lists have inverses of weights, of which that of 3 has no end.
func about(x, y float64) bool { return math.Abs(x-y) <= 1e-9*math.Abs(x) }

// note notes a difference.
func (s *step) note(field, before, after string) {
	switch {
	case before == after:
	case before == "":
		s.change.Fields = append(s.change.Fields, field+": "+after)
	case after == "":
		s.change.Fields = append(s.change.Fields, field+": "+before+" -> none")
	default:
		s.change.Fields = append(s.change.Fields, field+": "+before+" -> "+after)
	}
}
