package accounts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func auditCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Audits/Order", Run: auditOrder},
		{Name: "Audits/Filter", Run: auditFilter},
		{Name: "Audits/Keys", Run: auditKeys},
		{Name: "Audits/Delete", Run: auditsDelete},
		{Name: "Audits/Blank", Run: auditBlank},
	}
}

// anAudit fills every field.
func anAudit(id string, at time.Time) store.Audit {
	return store.Audit{
		ID: id, At: at, Who: "token ci", Via: "api", From: "192.0.2.1", Action: "set", Kind: "server", Object: "bbb1",
		Tenant: "a", Before: `{"tag":"<ä>"}`, After: `{"tag":"gpu"}`,
	}
}

func auditsOf(t *testing.T, s store.Index, f store.AuditFilter) []store.Audit {
	t.Helper()
	list, err := s.Audits(t.Context(), f)
	kit.Must(t, err)
	return list
}

// someAudits adds entries with odd IDs in a few instants, in no order, and returns them newest first.
func someAudits(t *testing.T, s store.Index) (all []store.Audit) {
	t.Helper()
	for second := range 3 {
		for _, id := range kit.Texts() {
			all = append(all, anAudit(id, kit.Monday.Add(time.Duration(second)*time.Second)))
		}
	}
	all = append(all, anAudit("ancient", time.UnixMilli(-1500)), store.Audit{ID: "bare", At: kit.Monday.Add(time.Hour)})
	for _, first := range []int{1, 0} {
		for i := first; i < len(all); i += 2 {
			kit.Must(t, s.AddAudit(t.Context(), all[i]))
		}
	}
	slices.SortFunc(all, func(a, b store.Audit) int {
		if order := b.At.Compare(a.At); order != 0 {
			return order
		}
		return strings.Compare(b.ID, a.ID)
	})
	return all
}

// The newest comes first, every field comes back, and a walk from page to page comes by every entry once.
func auditOrder(t *testing.T, s store.Index) {
	kit.Equal(t, "a new store", auditsOf(t, s, store.AuditFilter{Limit: 10}), nil)
	all := someAudits(t, s)
	for _, limit := range []int{1, 7, len(all), len(all) + 1} {
		var walked []store.Audit
		for f := (store.AuditFilter{Limit: limit}); ; f.Before = walked[len(walked)-1] {
			list := auditsOf(t, s, f)
			if walked = append(walked, list...); len(list) < limit || len(walked) > len(all) {
				break
			}
		}
		kit.Equal(t, fmt.Sprintf("pages of %d", limit), walked, all)
	}
	for _, limit := range []int{0, -1} {
		kit.Equal(t, "none asked for", auditsOf(t, s, store.AuditFilter{Limit: limit}), nil)
	}
	behind := store.AuditFilter{Before: store.Audit{ID: "b", At: kit.Monday}, Limit: 1000} // of an entry that is gone
	kit.Equal(t, "behind", auditsOf(t, s, behind)[0].ID, "a\u0308")
}

// Each field selects, all of them together, and what is selected is one page.
func auditFilter(t *testing.T, s store.Index) {
	var all []store.Audit // newest first
	for i := range 8 {
		a := anAudit(fmt.Sprint("id", i), kit.Monday.Add(-time.Duration(i)*time.Minute))
		if i%2 == 1 {
			a.Who, a.Via, a.Action, a.Kind, a.Object, a.Tenant = "uid 0", "cli", "add", "tenant", "b", ""
		}
		all = append(all, a)
		kit.Must(t, s.AddAudit(t.Context(), a))
	}
	even, odd := []store.Audit{all[0], all[2], all[4], all[6]}, []store.Audit{all[1], all[3], all[5], all[7]}
	for _, c := range []struct {
		filter store.AuditFilter
		want   []store.Audit
	}{
		{store.AuditFilter{}, all},
		{store.AuditFilter{Who: "uid 0"}, odd},
		{store.AuditFilter{Who: "uid"}, nil},
		{store.AuditFilter{Via: "api"}, even},
		{store.AuditFilter{Action: "add"}, odd},
		{store.AuditFilter{Kind: "server"}, even},
		{store.AuditFilter{Object: "b"}, odd},
		{store.AuditFilter{Tenant: "a"}, even},
		{store.AuditFilter{Tenant: "a", Who: "uid 0"}, nil},
		{store.AuditFilter{Since: all[3].At}, all[:4]},
		{store.AuditFilter{Until: all[3].At}, all[4:]},
		{store.AuditFilter{Since: all[5].At, Until: all[2].At.In(time.FixedZone("", 3600))}, all[3:6]},
		{store.AuditFilter{Since: all[2].At, Until: all[5].At}, nil},
		{store.AuditFilter{Before: all[5]}, all[6:]},
		{store.AuditFilter{Before: all[1], Until: all[3].At}, all[4:]},
		{store.AuditFilter{Before: all[3], Until: all[1].At, Via: "cli"}, odd[2:]},
	} {
		for _, limit := range []int{1, 2, 100} {
			c.filter.Limit = limit
			kit.Equal(t, fmt.Sprintf("%+v", c.filter), auditsOf(t, s, c.filter), c.want[:min(limit, len(c.want))])
		}
	}
	for i, word := range kit.Texts() {
		odd := anAudit("odd", kit.Monday.Add(time.Duration(i+1)*time.Hour))
		odd.Object, odd.Who = word, word+"!"
		kit.Must(t, s.AddAudit(t.Context(), odd))
		f := store.AuditFilter{Object: word, Who: word + "!", Limit: 100}
		kit.Equal(t, "of "+word, auditsOf(t, s, f), []store.Audit{odd})
	}
}

// An entry is named by its time and ID, and added once.
func auditKeys(t *testing.T, s store.Index) {
	ctx, first, later := t.Context(), anAudit("x", kit.Monday), anAudit("x", kit.Monday.Add(time.Millisecond))
	kit.Must(t, s.AddAudit(ctx, first))
	again := first
	again.Who = "somebody else"
	kit.Want(t, "add again", s.AddAudit(ctx, again), store.ErrExists)
	kit.Want(t, "add at another time", s.AddAudit(ctx, later), nil)
	if err := s.AddAudit(ctx, anAudit("", kit.Monday)); err == nil {
		t.Error("an entry without an ID was added")
	}
	kit.Refused(t, "ID", s.AddAudit(ctx, anAudit(kit.TooLong, kit.Monday)))
	kit.Equal(t, "entries", auditsOf(t, s, store.AuditFilter{Limit: 10}), []store.Audit{later, first})
}

// What is from before an instant goes, oldest first, and no more than asked for.
func auditsDelete(t *testing.T, s store.Index) {
	all := someAudits(t, s)
	edge := slices.IndexFunc(all, func(a store.Audit) bool { return a.At.Before(kit.Monday.Add(time.Second)) })
	for _, limit := range []int{0, -1, 5, 1000, 1000} {
		n, err := s.DeleteAudits(t.Context(), kit.Monday.Add(time.Second), limit)
		kit.Must(t, err)
		kit.Equal(t, "deleted", n, max(0, min(limit, len(all)-edge)))
		all = all[:len(all)-n]
		kit.Equal(t, "left", auditsOf(t, s, store.AuditFilter{Limit: 1000}), all)
	}
}

// An entry stays when what it says of the record is taken out of it.
func auditBlank(t *testing.T, s store.Index) {
	entry, other, bare := anAudit("x", kit.Monday), anAudit("x", kit.Monday.Add(time.Second)), anAudit("y", kit.Monday)
	bare.Before = ""
	for _, a := range []store.Audit{entry, other, bare} {
		kit.Must(t, s.AddAudit(t.Context(), a))
	}
	for range 2 {
		kit.Must(t, s.BlankAudit(t.Context(), store.Audit{ID: "x", At: kit.Monday.In(time.FixedZone("", 3600))}))
		kit.Must(t, s.BlankAudit(t.Context(), bare))
	}
	entry.Before, entry.After, bare.After = store.Erased, store.Erased, store.Erased
	kit.Equal(t, "entries", auditsOf(t, s, store.AuditFilter{Limit: 10}), []store.Audit{other, bare, entry})
	for _, a := range []store.Audit{{}, {ID: "x"}, {ID: "z", At: kit.Monday}, {At: kit.Monday}} {
		kit.Want(t, "blank another", s.BlankAudit(t.Context(), a), store.ErrNotFound)
	}
}

// Of entries that race for one ID one is added; deletions that race delete each once.
func raceAudits(t *testing.T, s store.Index) {
	ctx, added, deleted := t.Context(), make([]int, kit.Racers), make([]int, kit.Racers)
	kit.Race(kit.Racers, func(i int) {
		err := s.AddAudit(ctx, anAudit("same", kit.Monday))
		if err == nil {
			added[i] = 1
		} else if !errors.Is(err, store.ErrExists) {
			t.Errorf("add: %v", err)
		}
		kit.Want(t, "add", s.AddAudit(ctx, anAudit(fmt.Sprint(i), kit.Monday)), nil)
	})
	kit.Race(kit.Racers, func(i int) {
		n, err := s.DeleteAudits(ctx, kit.Monday.Add(time.Second), 2)
		kit.Want(t, "delete", err, nil)
		deleted[i] = n
	})
	left := len(auditsOf(t, s, store.AuditFilter{Limit: 1000}))
	kit.Equal(t, "added", total(added), 1)
	kit.Equal(t, "deleted", total(deleted)+left, kit.Racers+1)
}

func total(list []int) (sum int) {
	for _, n := range list {
		sum += n
	}
	return sum
}
