package roster

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/quantity"
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

// Sync is what brings the pool in line with a list. The list is what the operator wants: a server that it enables is enabled
// also if it fails its test, with a warning, for its health keeps meetings away from a dead one. A list that has a mistake
// anywhere changes nothing; a server that cannot be changed does not stop the rest.
type Sync struct {
	Mode   string
	Listed int // servers

	dry  bool
	plan plan
}

// Compare finds what has to be done for the pool to be as a list says.
func (r *Roster) Compare(ctx context.Context, wanted v1.Sync) (*Sync, error) {
	wanted.Mode = cmp.Or(wanted.Mode, syncCordon)
	listed, err := listedRecords(wanted, r.Now())
	if err != nil {
		return nil, err
	}
	p, err := r.plan(ctx, wanted.Mode, listed)
	if err != nil {
		return nil, err
	}
	return &Sync{Mode: wanted.Mode, Listed: len(listed), dry: wanted.DryRun, plan: p}, nil
}

// Changes is how many servers have to be changed.
func (s *Sync) Changes() int { return s.plan.steps() }

// listedRecords makes the records that are wanted, by ID, or tells everything that is wrong with them.
func listedRecords(w v1.Sync, now time.Time) ([]store.Server, error) {
	if !slices.Contains([]string{syncKeep, syncCordon, syncForce}, w.Mode) {
		return nil, v1.Invalid("mode: want keep, cordon or force")
	}
	if w.Servers == nil {
		return nil, v1.Invalid("servers: missing; an empty list stands for a pool without servers")
	}
	if len(w.Servers) > maxSync {
		return nil, v1.Invalid("servers: %d, more than %d", len(w.Servers), maxSync)
	}
	var list []store.Server
	var mistakes []string
	ids, urls := map[string]bool{}, map[string]string{}
	for i, want := range w.Servers {
		name := cmp.Or(want.ID, fmt.Sprintf("server %d", i+1))
		record, err := listedRecord(want, now)
		if err != nil {
			mistakes = append(mistakes, fmt.Sprintf("%.64q: %v", name, err))
			continue
		}
		if ids[record.ID] {
			mistakes = append(mistakes, fmt.Sprintf("%q: id: it is in the list twice", name))
		}
		if other, ok := urls[record.URL]; ok {
			mistakes = append(mistakes, fmt.Sprintf("%q: url: server %s has the same", name, other))
		}
		ids[record.ID], urls[record.URL] = true, record.ID
		list = append(list, record)
	}
	const few = 20
	if len(mistakes) > few {
		mistakes = append(mistakes[:few], fmt.Sprintf("and %d more faults", len(mistakes)-few))
	}
	slices.SortFunc(list, func(x, y store.Server) int { return strings.Compare(x.ID, y.ID) })
	return list, v1.InvalidAll(mistakes)
}

// listedRecord makes the record of a server as if it were new.
func listedRecord(s v1.SyncServer, now time.Time) (store.Server, error) {
	n := v1.NewServer{
		ID: s.ID, URL: cmp.Or(s.URL, "https://"+s.ID), Secret: s.Secret, Tag: s.Tag, Enable: s.Enabled,
	}
	if s.Weight != 0 {
		n.Weight = &s.Weight
	}
	if !idForm.MatchString(s.ID) { // which may be left out elsewhere
		n.ID = "?"
	}
	if !v1.IsText(s.Former.Reveal(), maxSecret) {
		return store.Server{}, v1.Invalid("former: no text")
	}
	record, err := newRecord(n, now)
	if s.Former != s.Secret {
		record.Former = store.Secret(s.Former.Reveal())
	}
	return record, err
}

// step is what a sync has to do about one server.
type step struct {
	change v1.SyncChange
	before store.Server // empty for one that is new
	after  store.Server // empty for one that has to go
	force  bool         // with its meetings

	refused error // what the server is that it cannot be taken for one
	taken   bool  // or tried
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
func (p plan) report(dry bool) v1.Synced {
	s := v1.Synced{DryRun: dry, Changes: []v1.SyncChange{}, Warning: p.warning(dry)}
	for _, step := range p.all() {
		s.Changes = append(s.Changes, step.change)
	}
	return sorted(s)
}

// cutShort is what was done of a plan when whoever has asked for it was gone.
func (p plan) cutShort() v1.Synced {
	s := v1.Synced{Changes: []v1.SyncChange{}}
	for _, step := range p.all() {
		if step.taken {
			s.Changes = append(s.Changes, step.change)
		}
	}
	return sorted(s)
}

func sorted(s v1.Synced) v1.Synced {
	slices.SortFunc(s.Changes, func(x, y v1.SyncChange) int { return strings.Compare(x.ID, y.ID) })
	return s
}

// plan finds what has to be done.
func (r *Roster) plan(ctx context.Context, mode string, listed []store.Server) (p plan, err error) {
	stored, err := r.Records.Store.Servers(ctx)
	if err != nil {
		return p, err
	}
	owed, err := r.Debts.ByServer(ctx)
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
		step := coming(old, s)
		if step != nil {
			r.rekeyListed(old, &step.after)
		}
		p.add(group, step)
	}
	if mode != syncKeep {
		for _, s := range absent {
			status, _ := r.Pool.Server(s.ID)
			p.add(syncAbsent, leaving(s, newLeftovers(status, owed[s.ID]), mode == syncForce))
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
func leaving(s store.Server, there leftovers, force bool) *step {
	step := &step{change: v1.SyncChange{ID: s.ID, Action: syncRemoved, Fields: []string{}}, before: s, force: force}
	if force {
		step.change.Meetings, step.change.People = there.meetings, there.people
	}
	switch {
	case force && len(there.owed) > 0:
		step.change.Warning = "not waited for any more: " + quantity.Some(there.owed)
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
	s := &step{change: v1.SyncChange{ID: listed.ID, Action: syncCreated}, before: before, after: listed}
	changed := differences{}
	if before.ID == "" {
		changed.note("url", "", listed.URL)
		changed.note("state", "", string(listed.State))
		s.change.Fields = changed
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
	changed.note("url", before.URL, listed.URL)
	changed.noteSecret(before.Secret, listed.Secret)
	changed.note("weight", fmt.Sprintf("%g", before.Weight), fmt.Sprintf("%g", s.after.Weight))
	changed.note("tag", before.Tag, listed.Tag)
	s.change.Action = syncUpdated
	other := len(changed) > 0
	switch {
	case listed.State == store.Enabled:
		s.after.State = store.Enabled
	case before.State == store.Enabled:
		s.after.State = store.Cordoned
	}
	changed.note("state", string(before.State), string(s.after.State))
	s.change.Fields = changed
	switch {
	case len(changed) == 0:
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
