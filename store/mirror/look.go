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
	// share is how much of the time reading the whole store may take: one part of so many.
	share = 50
	// rest is how many intervals pass, at most, before the whole store is read again that nobody has moved.
	rest = 20
	// looks is how many looks are made one after the other at a store that goes on losing something.
	looks = 8
	// swept is how often what nobody has to know any more is forgotten.
	swept = time.Minute
)

// In what way a store has lost something.
const (
	emptied   = "it was emptied"
	goneBack  = "it has gone back to what it was before"
	restarted = "it was started again"
)

// guarded are the kinds that the leader alone writes.
func guarded(kind string) bool {
	switch kind {
	case rows.Servers.Kind, rows.Tenants.Kind, rows.Claims.Kind, rows.Endings.Kind:
		return true
	}
	return false
}

// Refresh compares the copy with the store now, and puts right what is to be put right. A term of leading begins with it. The
// error is [store.ErrAway] where the store does not answer, and [store.ErrFenced] where something has to be put back and
// this instance may not: the copy stands then as it is.
func (m *Mirror) Refresh(ctx context.Context) (err error) {
	for range looks {
		if err = m.look(ctx, true); !errors.Is(err, errAgain) {
			break
		}
	}
	return err
}

// mark is what the store says of itself.
type mark struct {
	sequence uint64
	life     string
	losses   uint64
	home     uint64
}

// mark asks the store for it.
func (m *Mirror) mark(ctx context.Context) (k mark, err error) {
	if k.sequence, err = m.config.Marks.Sequence(ctx); err == nil {
		k.life, err = m.config.Marks.Incarnation(ctx)
	}
	if err == nil {
		k.home, err = m.config.Marks.Home(ctx)
	}
	k.losses = m.config.Marks.Losses()
	return k, err
}

// look compares the copy with the store, and then tells of it.
func (m *Mirror) look(ctx context.Context, now bool) error {
	m.looking.Lock()
	err := m.look1(ctx, now)
	after := m.after
	m.after = nil
	m.looking.Unlock()
	for _, call := range after {
		call()
	}
	return err
}

// look1 is one look, of which there is one at a time.
func (m *Mirror) look1(ctx context.Context, now bool) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	k, err := m.mark(ctx)
	if err != nil {
		return m.noted(ctx, err)
	}
	m.superseded(k)
	if m.owes() {
		return fmt.Errorf("compare with a store that has not got the lease: %w", store.ErrFenced)
	}
	term, leads := m.leads()
	why, moved := m.judge(k, term, leads)
	now = now || leads && !m.knows(term)
	switch {
	case why != "":
		err = m.lose(ctx, why, leads)
	case !m.reopened():
		err = m.late(ctx, leads)
	default:
		err = m.read(ctx, k, now, moved, leads)
	}
	if err == nil {
		m.saw(k, term, leads, now || why != "")
	}
	return m.noted(ctx, err)
}

// judge tells why the store has lost something, "" where it has not, and whether it was written to since it was last seen.
func (m *Mirror) judge(k mark, term uint64, leads bool) (why string, moved bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	again := m.life != "" && k.life != m.life && m.led && m.term == term
	m.doubt = leads && (m.doubt || again)
	switch {
	case !m.synced:
		return "", true
	case k.sequence == 0 && m.known > 0:
		return emptied, true
	case k.sequence < m.known, leads && k.losses != m.losses:
		return goneBack, true
	case m.doubt:
		return restarted, true // it may have lost its last writes and have gone on since
	}
	return "", k.sequence > m.known
}

// saw notes in which life of the store it was seen, and as what.
func (m *Mirror) saw(k mark, term uint64, leads, whole bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.life, m.term, m.led, m.losses = k.life, term, leads, k.losses
	if leads && whole {
		m.whole = &term
	}
}

// knows tells whether the whole store was read in this term of leading.
func (m *Mirror) knows(term uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.whole != nil && *m.whole == term
}

// current makes sure that a leader has read the whole store in its term, for until then its copy is a follower's. A store
// that does not answer now, or may not be put right yet, leaves it with that.
func (m *Mirror) current(ctx context.Context) error {
	term, leads := m.leads()
	if !leads || m.knows(term) || m.outage().is {
		return nil
	}
	return store.Ignore(m.Refresh(ctx), store.ErrAway, store.ErrFenced)
}

// lose deals with a loss.
func (m *Mirror) lose(ctx context.Context, why string, leads bool) error {
	m.mu.Lock()
	first := !m.lost
	m.lost = true
	m.mu.Unlock()
	if leads {
		return m.heal(ctx, why)
	}
	m.reopened()
	if first {
		m.again(ctx)
	}
	return fmt.Errorf("put back what the store has lost: %w", store.ErrFenced)
}

// late gives the store what waits for it.
func (m *Mirror) late(ctx context.Context, leads bool) error {
	if led := m.hooks.Load().Led; !leads && led != nil && led() {
		return m.yield(ctx)
	}
	if !leads {
		return fmt.Errorf("write what waits: %w", store.ErrFenced)
	}
	return m.heal(ctx, "")
}

// read compares the copy with the store: with all of it, or with the little that has to be known soon, where that was read a
// moment ago.
func (m *Mirror) read(ctx context.Context, k mark, now, moved, leads bool) error {
	begun := m.config.Now()
	whole := now || !begun.Before(m.next)
	if !now && !moved && !leads {
		return nil
	}
	since := m.copy.now()
	have, err := m.dump(ctx, whole)
	if err != nil {
		return err
	}
	switch why, err := m.meanwhile(ctx, k); {
	case err != nil:
		return err
	case why != "":
		return errAgain // what was read may be what was left
	}
	done := m.config.Now()
	found := m.copy.take(have, since, done)
	if whole {
		m.next = done.Add(min(share*done.Sub(begun), rest*m.config.Interval))
		m.sweep(done)
	}
	m.taken(ctx, k, found, whole, moved, leads)
	m.spent(ctx, found.missing)
	return nil
}

// taken notes what was read, and says what was a surprise.
func (m *Mirror) taken(ctx context.Context, k mark, found surprise, whole, moved, leads bool) {
	m.mu.Lock()
	first := !m.synced
	if whole {
		m.known, m.synced, m.lost = max(m.known, k.sequence), true, false
	}
	m.mu.Unlock()
	edited := slices.DeleteFunc(found.kinds, func(kind string) bool { return !guarded(kind) })
	if first {
		edited = nil
	}
	if leads && (moved || len(edited) > 0) {
		m.raise(ctx, k.sequence)
	}
	if len(edited) > 0 {
		m.tell(edited, found.changed, leads)
	}
}

// errAgain is that the store has lost something while it was read.
var errAgain = errors.New("the store has lost records while it was read")

// meanwhile tells why the store has lost something since a mark, "" where it has not.
func (m *Mirror) meanwhile(ctx context.Context, before mark) (why string, err error) {
	k, err := m.mark(ctx)
	if err != nil {
		return "", err
	}
	if k.sequence < before.sequence {
		return goneBack, nil
	}
	term, leads := m.leads()
	why, _ = m.judge(k, term, leads)
	return why, nil
}

// tell says that records are others than this mirror has written.
func (m *Mirror) tell(edited []string, changed int, leads bool) {
	if leads {
		m.meter.edits.Add(uint64(changed))
		m.config.Log.Info().Strs("kinds", edited).Int("records", changed).Msg("records were changed by others, and are taken over")
	}
	if hear := m.hooks.Load().Edited; hear != nil {
		m.after = append(m.after, func() { hear(edited) })
	}
}

// sweep forgets now and then.
func (m *Mirror) sweep(now time.Time) {
	if now.Sub(m.copy.swept) > swept {
		m.copy.swept = now
		m.copy.sweep(now)
	}
}

// dump reads the store: all of it, or its servers and tenants.
func (m *Mirror) dump(ctx context.Context, whole bool) (heap, error) {
	have := heap{}
	if !whole {
		return have, m.few(ctx, have)
	}
	for _, kind := range store.Kinds {
		if kind.State {
			have[kind.Name] = map[string][]byte{}
		}
	}
	return have, m.config.Store.Dump(ctx, func(r store.Row) error {
		if have[r.Kind] != nil {
			have[r.Kind][string(r.Key)] = bytes.Clone(r.Value)
		}
		return nil
	})
}

// few reads servers and tenants: they are few, and somebody may have edited them.
func (m *Mirror) few(ctx context.Context, have heap) error {
	servers, err := m.config.Store.Servers(ctx)
	tenants, err2 := m.config.Store.Tenants(ctx)
	return errors.Join(err, err2, rowsInto(have, rows.Servers, servers), rowsInto(have, rows.Tenants, tenants))
}

func rowsInto[T any](have heap, codec rows.Codec[T], list []T) error {
	have[codec.Kind] = map[string][]byte{}
	for _, record := range list {
		row, err := codec.Row(record)
		if err != nil {
			return err
		}
		have[codec.Kind][string(row.Key)] = row.Value
	}
	return nil
}

// raise makes the sequence what the clock says, so that followers look, and a store that has lost it cannot catch up. Where
// that fails the next look does it.
func (m *Mirror) raise(ctx context.Context, from uint64) {
	to := max(from+1, uint64(max(0, m.config.Now().UnixMicro())))
	if m.config.Marks.Raise(ctx, from, to) == nil {
		m.mu.Lock()
		m.known = max(m.known, to)
		m.mu.Unlock()
	}
}

// noted takes notice of an error of the store: from one that is away on nobody asks it but the next look.
func (m *Mirror) noted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil && errors.Is(err, store.ErrAway) {
		m.gone(err)
	}
	return err
}

// gone says that the store is away, and returns since when.
func (m *Mirror) gone(why error) outage {
	alone := m.isAlone()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.away.is {
		m.away = outage{is: true, alone: alone, since: m.config.Now()}
	}
	m.away.why = why
	return m.away
}

// reopened says that the store is there, unless something waits for it: who has begun to write may know it as away.
func (m *Mirror) reopened() bool {
	if !m.outage().is {
		return true
	}
	m.gate.Lock()
	defer m.gate.Unlock()
	if m.copy.count().waits > 0 {
		return false
	}
	m.back()
	return true
}

// back says that the store answers, and has everything.
func (m *Mirror) back() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away.is {
		m.meter.awaySeconds.Add(m.config.Now().Sub(m.away.since).Seconds())
	}
	m.away = outage{}
}
