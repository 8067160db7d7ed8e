package waiting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// What an entry asks for. A version that does not know one leaves it for another that does.
const (
	callSession   = "session"
	callUsage     = "usage"
	callAudit     = "audit"
	callEvents    = "events"
	callRecording = "recording"
	callCallbacks = "callbacks"
	callAnalysis  = "analysis"
)

// entry is what is to be done, as rows: they are read by every version that reads the records.
type entry struct {
	Row    *pair     `json:"row,omitempty"`
	Used   []pair    `json:"used,omitempty"`
	Tell   []pair    `json:"tell,omitempty"`
	Unsure time.Time `json:"unsure,omitzero"` // when it may have been done; zero where it was not
	Mark   string    `json:"mark,omitempty"`  // what the usage is added under; the entry's ID if ""
}

type pair struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}

func pairOf[T any](codec rows.Codec[T], record T) (pair, error) {
	row, err := codec.Row(record)
	return pair{row.Key, row.Value}, err
}

func pairsOf[T any](codec rows.Codec[T], list []T) (pairs []pair, err error) {
	for _, record := range list {
		p, err := pairOf(codec, record)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// recordsOf are the records that pairs stand for.
func recordsOf[T any](codec rows.Codec[T], pairs []pair) (list []T, err error) {
	for _, p := range pairs {
		record, err := codec.Decode(p.Key, p.Value)
		if err != nil {
			return nil, err
		}
		list = append(list, record)
	}
	return list, nil
}

// record is the record of an entry.
func record[T any](codec rows.Codec[T], e entry) (record T, err error) {
	if e.Row == nil {
		return record, errors.New("it has no record")
	}
	return codec.Decode(e.Row.Key, e.Row.Value)
}

// behind tells whether something waits, so that what follows must wait, too.
func (x *Index) behind() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.entries > 0
}

// none is an error while such a session waits, here or of another instance, or so much that it may. That is not for the circuit
// to hear: the index is there.
func (x *Index) none(ctx context.Context, is func(store.Session) bool) error {
	list, err := x.config.Journal.Waiting(ctx, page)
	if err != nil {
		return err
	}
	found := len(list) == page
	for _, w := range list {
		var e entry
		if found || w.Call != callSession || json.Unmarshal(w.Data, &e) != nil {
			continue
		}
		s, err := record(rows.Sessions, e)
		found = err == nil && is(s)
	}
	if found {
		return fmt.Errorf("%w: what is asked for waits for it", store.ErrAway)
	}
	return nil
}

// stateTimeout is how long the state may take for an entry whose writer has waited for the index in vain.
const stateTimeout = 3 * time.Second

// later puts a write into the journal, and returns the entry, none where it did not fit. Whoever writes is told so all the
// same: a meeting whose end cannot be noted must not keep its room from being created.
func (x *Index) later(ctx context.Context, call string, e entry) (w store.Wait, err error) {
	data, err := json.Marshal(e)
	if err != nil {
		return w, err
	}
	if !x.reserve(call, len(data)) {
		x.meter.lost.Add(1)
		return w, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stateTimeout)
	defer cancel()
	w = store.Wait{ID: x.newID(), Call: call, Data: data}
	if err := x.config.Journal.AddWaiting(ctx, w); err != nil {
		x.release(1, len(data))
		return w, fmt.Errorf("keep what is to be written to the index: %w", err)
	}
	return w, nil
}

// reserve takes room in the journal, if there is any. What servers call back has half of it: one that tells much must not have
// the ends of meetings lost.
func (x *Index) reserve(call string, size int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	entries, bytes := x.config.MaxEntries, x.config.MaxBytes
	called := call == callCallbacks || call == callAnalysis
	if called {
		entries, bytes = entries/2, bytes/2
	}
	fits := x.entries < entries && x.bytes+size <= bytes
	switch {
	case fits:
		x.entries++
		x.bytes += size
	case called: // of the rest of it nothing is said
		return false
	case !x.full:
		x.config.Log.Error().Int("entries", x.entries).Int("bytes", x.bytes).
			Msg("as much waits for the index as may: what is to be noted from now on is lost")
	}
	x.full = !fits
	return fits
}

// release gives room back.
func (x *Index) release(entries, size int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries, x.bytes = max(0, x.entries-entries), max(0, x.bytes-size)
}

// newID names an entry so that all are in the order in which they were made, as far as the clocks of instances agree.
func (x *Index) newID() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last = max(x.last+1, x.config.Now().UnixNano())
	return fmt.Sprintf("%016x-%s", x.last, nonce())
}

// nonce is what nobody else has.
func nonce() string { return store.NewSecret().Reveal()[:16] }

// AddSession keeps a session for later while the index is away.
func (x *Index) AddSession(ctx context.Context, s store.Session, along ...store.Along) error {
	err := x.direct(ctx, func() error { return x.config.Index.AddSession(ctx, s, along...) })
	if !errors.Is(err, store.ErrAway) {
		return err
	}
	row, wrong := pairOf(rows.Sessions, s)
	e := entry{Row: &row}
	for _, a := range along {
		used, wrongUse := pairsOf(rows.Usage, a.Used)
		tell, wrongTell := pairsOf(rows.Callbacks, a.Callbacks)
		e.Used, e.Tell, wrong = append(e.Used, used...), append(e.Tell, tell...), errors.Join(wrong, wrongUse, wrongTell)
	}
	if wrong != nil {
		return wrong
	}
	if !errors.Is(err, errNotAsked) {
		e.Unsure = x.config.Now()
	}
	_, err = x.later(ctx, callSession, e)
	return err
}

// errNotAsked is that nothing was asked of the index.
var errNotAsked = errors.New("it was not asked")

// direct asks the index, unless it is away or something waits for it.
func (x *Index) direct(ctx context.Context, do func() error) error {
	if err := x.usable(ctx); err != nil {
		return err
	}
	err := x.circuit.pass()
	if err == nil && x.behind() {
		err = fmt.Errorf("%w: something waits for it", store.ErrAway)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", err, errNotAsked)
	}
	err = do()
	x.circuit.heard(ctx, err)
	return err
}

// AddUsage keeps usage for later while the index is away.
func (x *Index) AddUsage(ctx context.Context, list ...store.Usage) error {
	mark := x.newID()
	err := x.direct(ctx, func() error { return x.addOnce(ctx, mark, list) })
	if err == nil {
		_, err := x.config.Index.EraseSessions(ctx, "", markPrefix+mark, 1)
		x.circuit.heard(ctx, err)
		return nil // it is added, and a mark that is left hurts nobody
	}
	if !errors.Is(err, store.ErrAway) {
		return err
	}
	pairs, wrong := pairsOf(rows.Usage, list)
	if wrong != nil {
		return wrong
	}
	_, err = x.later(ctx, callUsage, entry{Used: pairs, Mark: mark})
	return err
}

// AddAudit keeps an entry of the audit log for later while the index is away.
func (x *Index) AddAudit(ctx context.Context, a store.Audit) error {
	err := x.direct(ctx, func() error { return x.config.Index.AddAudit(ctx, a) })
	if !errors.Is(err, store.ErrAway) {
		return err
	}
	row, wrong := pairOf(rows.Audits, a)
	if wrong != nil {
		return wrong
	}
	_, err = x.later(ctx, callAudit, entry{Row: &row})
	return err
}

// KeepEvents keeps the events of a server for later while the index is away: the last that there were, and none before.
func (x *Index) KeepEvents(ctx context.Context, server string, list []store.Event) error {
	err := x.direct(ctx, func() error { return x.config.Index.KeepEvents(ctx, server, list) })
	if !errors.Is(err, store.ErrAway) {
		return err
	}
	row, wrong := pairOf(rows.Events, rows.Journal{Server: server, List: list})
	if wrong != nil {
		return wrong
	}
	w, err := x.later(ctx, callEvents, entry{Row: &row})
	if err != nil || w.ID == "" {
		return err
	}
	x.mu.Lock()
	before, there := x.events[server]
	x.events[server] = w
	x.mu.Unlock()
	if there && x.config.Journal.DeleteWaiting(ctx, before.ID) == nil {
		x.release(1, len(before.Data))
	}
	return nil
}

// CreateRecording keeps for later what a server owes, while the index is away.
func (x *Index) CreateRecording(ctx context.Context, r store.Recording) error {
	create := func() error { return x.config.Index.CreateRecording(ctx, r) }
	if r.Owed == nil {
		return tell(ctx, x, create)
	}
	err := x.direct(ctx, create)
	if !errors.Is(err, store.ErrAway) {
		return err
	}
	row, wrong := pairOf(rows.Recordings, r)
	if wrong != nil {
		return wrong
	}
	_, err = x.later(ctx, callRecording, entry{Row: &row})
	return err
}
