package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

const (
	passes    = 8         // looks at the whole store that it may take to put it right
	batch     = 1000      // rows that are put back at once
	ahead     = 1_000_000 // by how much the sequence is raised above all that any instance may have seen
	againOnes = time.Hour // how long what needs no lease is put back by who has written it
)

// Report is what was put back after a loss.
type Report struct {
	At      time.Time
	Why     string         // in what way the store has lost something
	Back    map[string]int // records that were put back, by kind
	Removed map[string]int // records that had been deleted, and were there again
	Took    time.Duration
}

// Records is how many records were put right.
func (r Report) Records() (n int) {
	for _, counts := range []map[string]int{r.Back, r.Removed} {
		for _, count := range counts {
			n += count
		}
	}
	return n
}

// plan is what is to be done to put the store right, and what the copy learns of it.
type plan struct {
	put  []store.Row
	drop []store.Row // as they stand
	take map[name][]byte
}

// heal makes the store what the copy says, while nobody writes: after a loss, why, the newest copy of each record wins; with
// "" what waits does. It ends with a look at the whole store that has found nothing to be put right.
func (m *Mirror) heal(ctx context.Context, why string) error {
	m.gate.Lock()
	defer m.gate.Unlock()
	begun := m.config.Now()
	report := Report{Why: why, Back: map[string]int{}, Removed: map[string]int{}}
	seen := map[name]bool{}
	for range passes {
		k, err := m.mark(ctx)
		if err != nil {
			return err
		}
		p, err := m.plan(ctx, why != "")
		if err != nil {
			return err
		}
		if len(p.put)+len(p.drop) == 0 {
			return m.healed1(ctx, p, k, begun, report)
		}
		count(report.Back, p.put, seen)
		count(report.Removed, p.drop, seen)
		if err := m.carryOut(ctx, p); err != nil {
			return err
		}
	}
	return fmt.Errorf("put back what the store has lost: it goes on losing it: %w", store.ErrAway)
}

// count adds rows to a report, each record once.
func count(by map[string]int, list []store.Row, seen map[name]bool) {
	for _, r := range list {
		if n := (name{r.Kind, string(r.Key)}); !seen[n] {
			seen[n] = true
			by[r.Kind]++
		}
	}
}

// healed1 ends the healing of a store that has been found whole: unless it has lost something since.
func (m *Mirror) healed1(ctx context.Context, p plan, k mark, begun time.Time, report Report) error {
	now := m.config.Now()
	m.mu.Lock()
	to := max(m.known, k.sequence, uint64(max(0, now.UnixMicro()))) + ahead
	m.mu.Unlock()
	if err := m.config.Marks.Raise(ctx, k.sequence, to); err != nil {
		return fmt.Errorf("put back what the store has lost: %w", err)
	}
	if err := m.settle(ctx, k); err != nil {
		return fmt.Errorf("put back what the store has lost: %w", err)
	}
	m.learn(p, now)
	m.mu.Lock()
	m.known, m.synced, m.lost, m.doubt = to, true, false, false
	m.mu.Unlock()
	m.vouchFor(ctx, k)
	m.keep() // what has waited must not be written again, over what follows
	m.back()
	m.next = time.Time{}
	report.At, report.Took = now, now.Sub(begun)
	m.announce(report)
	if kinds := p.edited(); len(kinds) > 0 {
		m.tell(kinds, len(p.take), true)
	}
	return nil
}

// edited are the kinds of which the copy learns something, but for what the leader alone does not write.
func (p *plan) edited() (kinds []string) {
	for n := range p.take {
		if guarded(n.kind) && !slices.Contains(kinds, n.kind) {
			kinds = append(kinds, n.kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// announce tells once of what was put back.
func (m *Mirror) announce(report Report) {
	n := report.Records()
	if report.Why == "" {
		m.config.Log.Info().Int("records", n).Msg("what waited for the store of the state is written")
		return
	}
	m.meter.losses.Add(1)
	m.meter.healed.Add(uint64(n))
	if report.Why == restarted && n == 0 {
		return
	}
	m.mu.Lock()
	m.healed = report
	m.mu.Unlock()
	m.config.Log.Warn().Str("why", report.Why).Interface("back", report.Back).Interface("removed", report.Removed).
		Dur("took", report.Took).Msg("the store of the state had lost records; they are put back")
	if hear := m.hooks.Load().Healed; hear != nil {
		m.after = append(m.after, func() { hear(report) })
	}
}

// learn makes the copy what the store is now.
func (m *Mirror) learn(p plan, now time.Time) {
	for _, n := range m.copy.names() {
		if r, _ := m.copy.get(n); r.waits {
			r.waits = false
			m.copy.put(n, r)
		}
	}
	for n, value := range p.take {
		m.copy.put(n, record{value: value, at: now})
	}
}

// plan compares the store with what is known of it.
func (m *Mirror) plan(ctx context.Context, lost bool) (p plan, err error) {
	have, err := m.dump(ctx, true)
	if err != nil {
		return p, err
	}
	now := m.config.Now()
	var known map[place]time.Time
	if lost {
		known = m.remember(now)
	}
	p.take = map[name][]byte{}
	done := map[name]bool{}
	for _, kind := range store.Kinds {
		for key, value := range have[kind.Name] {
			n := name{kind.Name, key}
			done[n] = true
			p.decide(n, value, m.copy, lost, now)
		}
	}
	for _, n := range m.copy.names() {
		if !done[n] {
			p.decide(n, nil, m.copy, lost, now)
		}
	}
	if lost {
		m.withoutEnded(&p, known)
	}
	return p, nil
}

// decide says what becomes of one record, of which the store has value, or nothing.
func (p *plan) decide(n name, value []byte, c *records, lost bool, now time.Time) {
	r, stands := c.get(n)
	switch {
	case !r.waits && (!lost || r.at.IsZero() || value != nil && !expired(n.kind, value, now) && newer(n.kind, n.key, value, r)):
		if value != nil && !bytes.Equal(value, r.value) || value == nil && stands {
			p.take[n] = value // it is as the store says
		}
	case stands && bytes.Equal(value, r.value), !stands && value == nil, !r.waits && expired(n.kind, r.value, now):
	case stands:
		p.put = append(p.put, store.Row{Kind: n.kind, Key: []byte(n.key), Value: r.value})
	default:
		p.drop = append(p.drop, store.Row{Kind: n.kind, Key: []byte(n.key), Value: value})
	}
}

// newer tells whether what the store has of a record is newer than the copy of it: made after the deletion that is
// remembered, or after what stands in the copy.
func newer(kind, key string, value []byte, r record) bool {
	born := bornAt(kind, key, value)
	if r.value == nil {
		return born.After(r.at)
	}
	switch was := bornAt(kind, key, r.value); kind {
	case rows.Claims.Kind:
		return born.After(was) || born.Equal(was) && anew(key, value, r.value)
	case rows.Endings.Kind, rows.Uses.Kind:
		return born.After(was)
	}
	return false
}

// anew tells whether a claim is the other one, and its server has begun the meeting anew since.
func anew(key string, value, other []byte) bool {
	c, err := rows.Claims.Decode([]byte(key), value)
	o, err2 := rows.Claims.Decode([]byte(key), other)
	return errors.Join(err, err2) == nil && c.Server == o.Server && c.CreateTime > o.CreateTime
}

// bornAt is when a record was made, as far as it says.
func bornAt(kind, key string, value []byte) time.Time {
	k := []byte(key)
	switch kind {
	case rows.Servers.Kind:
		s, _ := rows.Servers.Decode(k, value)
		return s.Created
	case rows.Tenants.Kind:
		t, _ := rows.Tenants.Decode(k, value)
		return t.Created
	case rows.Claims.Kind:
		c, _ := rows.Claims.Decode(k, value)
		return c.Placed
	case rows.Endings.Kind:
		e, _ := rows.Endings.Decode(k, value)
		return e.Asked
	case rows.Uses.Kind:
		u, _ := rows.Uses.Decode(k, value)
		return u.At
	}
	return time.Time{}
}

// place is a meeting on a server.
type place struct {
	store.MeetingKey

	server string
}

// remember takes into the copy what other parts know of claims and endings, where that is newer. It returns where the claims are
// that they know, and when these were placed.
func (m *Mirror) remember(now time.Time) map[place]time.Time {
	known := m.hooks.Load().Known
	if known == nil {
		return nil
	}
	standing := map[place]time.Time{}
	for _, row := range known() {
		n := name{row.Kind, string(row.Key)}
		if n.kind != rows.Claims.Kind && n.kind != rows.Endings.Kind {
			continue
		}
		if c, err := rows.Claims.Decode(row.Key, row.Value); n.kind == rows.Claims.Kind && err == nil {
			standing[place{c.MeetingKey, c.Server}] = c.Placed
		}
		r, _ := m.copy.get(n)
		if !bytes.Equal(r.value, row.Value) && (r.at.IsZero() || !r.waits && newer(n.kind, n.key, row.Value, r)) {
			m.copy.put(n, record{value: bytes.Clone(row.Value), at: now})
		}
	}
	return standing
}

// withoutEnded leaves out claims of meetings that somebody has ended since on that server: they would be there again. One that
// other parts still have in memory was not closed yet, and has left no session: they do that.
func (m *Mirror) withoutEnded(p *plan, known map[place]time.Time) {
	ended := map[place]time.Time{}
	for _, row := range m.copy.list(rows.Endings.Kind) {
		if e, err := rows.Endings.Decode(row.Key, row.Value); err == nil && e.Asked.After(ended[place{e.MeetingKey, e.Server}]) {
			ended[place{e.MeetingKey, e.Server}] = e.Asked
		}
	}
	p.put = slices.DeleteFunc(p.put, func(row store.Row) bool {
		if row.Kind != rows.Claims.Kind {
			return false
		}
		c, err := rows.Claims.Decode(row.Key, row.Value)
		at, is := ended[place{c.MeetingKey, c.Server}]
		standing := known[place{c.MeetingKey, c.Server}]
		if err == nil && (!is || at.Before(c.Placed) || standing.Equal(c.Placed)) {
			return false
		}
		p.take[name{row.Kind, string(row.Key)}] = nil
		return true
	})
}

// carryOut puts rows back, in the order of the kinds, and takes away what was deleted.
func (m *Mirror) carryOut(ctx context.Context, p plan) error {
	for list := p.put; len(list) > 0; list = list[min(batch, len(list)):] {
		if err := m.config.Store.Load(ctx, list[:min(batch, len(list))]); err != nil {
			return err
		}
	}
	for _, row := range p.drop {
		if err := m.drop(ctx, row); store.Ignore(err, store.ErrNotFound, store.ErrConflict) != nil {
			return err
		}
	}
	return nil
}

// drop deletes a record as it stands.
func (m *Mirror) drop(ctx context.Context, row store.Row) error {
	to := m.config.Store
	switch row.Kind {
	case rows.Servers.Kind:
		return to.DeleteServer(ctx, string(row.Key))
	case rows.Tenants.Kind:
		return to.DeleteTenant(ctx, string(row.Key))
	case rows.Waiting.Kind:
		return to.DeleteWaiting(ctx, string(row.Key))
	case rows.Claims.Kind:
		c, err := rows.Claims.Decode(row.Key, row.Value)
		return errors.Join(err, to.DeleteClaim(ctx, c))
	case rows.Endings.Kind:
		e, err := rows.Endings.Decode(row.Key, row.Value)
		return errors.Join(err, to.DeleteEnding(ctx, e))
	case rows.Uses.Kind:
		u, err := rows.Uses.Decode(row.Key, row.Value)
		return errors.Join(err, to.NoteUses(ctx, map[store.Credential]time.Time{u.Credential: {}}))
	}
	return nil
}

// again writes once more what needs no lease and was written here: nobody else may know of it. What fails is not tried
// again, for the leader has most of it.
func (m *Mirror) again(ctx context.Context) {
	now := m.config.Now()
	for _, n := range m.copy.names() {
		r, stands := m.copy.get(n)
		if !r.own || !stands || guarded(n.kind) || now.Sub(r.at) > againOnes || expired(n.kind, r.value, now) {
			continue
		}
		if err := m.rewrite(ctx, n, r, now); store.Ignore(err, store.ErrExists) != nil {
			m.config.Log.Warn().Err(err).Str("kind", n.kind).Msg("a record that the store of the state has lost is not put back")
		}
	}
}

// spent writes tokens once more that the store has not got any more: none is forgotten before it has expired.
func (m *Mirror) spent(ctx context.Context, names []name) {
	now := m.config.Now()
	for _, n := range names {
		if r, stands := m.copy.get(n); stands {
			_ = m.rewrite(ctx, n, r, now) // the next look finds it missing again
		}
	}
}

// rewrite writes a record by the role that it is of.
func (m *Mirror) rewrite(ctx context.Context, n name, r record, now time.Time) error {
	key := []byte(n.key)
	switch n.kind {
	case rows.Tokens.Kind:
		t, err := rows.Tokens.Decode(key, r.value)
		return errors.Join(err, m.config.Store.SpendToken(ctx, t.ID, now, t.Expires))
	case rows.Waiting.Kind:
		w, err := rows.Waiting.Decode(key, r.value)
		return errors.Join(err, m.config.Store.AddWaiting(ctx, w))
	case rows.Uses.Kind:
		u, err := rows.Uses.Decode(key, r.value)
		return errors.Join(err, m.config.Store.NoteUses(ctx, map[store.Credential]time.Time{u.Credential: u.At}))
	}
	return nil
}
