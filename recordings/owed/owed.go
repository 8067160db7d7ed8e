// Package owed keeps what servers owe of recordings: from the end of a recorded meeting until all formats that its server
// has made of it are here, or nothing is expected any more.
//
// A server is asked about what it owes, often at first and then ever more rarely, and what it tells is written to the index
// only where it changes something. The package fetches nothing: archives come by themselves, and what they bring is taken
// off what is owed where they are committed (package imports).
package owed

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// Index is what of the recordings in the store is worked with.
type Index interface {
	// OwedRecordings returns the recordings of which something is owed.
	OwedRecordings(ctx context.Context) ([]store.Recording, error)
	// Recording returns one, or store.ErrNotFound.
	Recording(ctx context.Context, recordID string) (store.Recording, error)
	// CreateRecording adds one, or returns store.ErrExists.
	CreateRecording(ctx context.Context, r store.Recording) error
	// UpdateRecording changes a tenant's recording, or returns store.ErrNotFound.
	UpdateRecording(ctx context.Context, tenant, recordID string, change func(*store.Recording) error) (store.Recording, error)
	// DeleteRecording deletes one.
	DeleteRecording(ctx context.Context, recordID string) error
}

// History is where past meetings are kept.
type History interface {
	// AddSession adds one, or returns store.ErrExists where its internal ID is there already.
	AddSession(ctx context.Context, s store.Session, along ...store.Along) error
	// Session returns one, or store.ErrNotFound.
	Session(ctx context.Context, id string) (store.Session, error)
}

// Jobs knows the imports.
type Jobs interface {
	// Jobs returns those selected.
	Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, error)
}

// Servers knows which servers there are.
type Servers interface {
	// Server returns one, or store.ErrNotFound.
	Server(ctx context.Context, id string) (store.Server, error)
}

// Pool is how servers are asked about their recordings.
type Pool interface {
	// Recordings returns what a server knows of these recordings, in every state.
	Recordings(ctx context.Context, server string, recordIDs []string) ([]store.Recording, error)
}

// Debts are what servers owe. The exported fields must be set before it is used.
type Debts struct {
	Overdue time.Duration // how long after its meeting a recording may be on its way
	Index   Index
	History History
	Jobs    Jobs
	Servers Servers
	Files   *record.Files
	Log     zerolog.Logger
	Now     func() time.Time
	// Meta is the metadata of a recording without what is the pool's own, and with what its server did not get; nil for as it is.
	Meta func(meta map[string]string, back *store.Back) map[string]string

	makers makers
	asked  map[string]time.Time // when a server was asked about a recording; for Pursue alone, which runs once at a time

	mu   sync.Mutex
	last []Owing   // as Pursue has seen them last
	rows int       // of the store that it has read for that
	seen time.Time // when that was
}

const (
	// pulse is how often it is looked for what is owed.
	pulse = 5 * time.Second
	// maxAsk is how many recordings a server is asked about at once, and serversAtOnce how many servers are asked.
	maxAsk        = 50
	serversAtOnce = 8
	// firstShown is how long BigBlueButton may take until it shows a recording that it has to make.
	firstShown = 10 * time.Minute
	// rawKept is when nothing is expected any more: BigBlueButton keeps its raw material for two weeks.
	rawKept = 14 * 24 * time.Hour
)

// errUnchanged leaves a recording as it is.
var errUnchanged = errors.New("nothing is to be changed")

// Remember notes the end of a meeting in the history, with what is written along with it, and what its server owes from then on.
// It can be repeated.
func (d *Debts) Remember(ctx context.Context, c store.Claim, past store.Session, along ...store.Along) error {
	err := d.History.AddSession(ctx, past, along...)
	if errors.Is(err, store.ErrExists) {
		return d.inherit(ctx, c, past)
	}
	if err == nil && past.ID != c.InternalID {
		err = d.goOn(ctx, c, past)
	}
	if err != nil {
		return err
	}
	return d.owe(ctx, c, past)
}

// goOn is for a meeting that went on after its end was told: what is owed of it is owed from now on, by the server that has it
// now, if the one before has left the pool.
func (d *Debts) goOn(ctx context.Context, c store.Claim, past store.Session) error {
	known, err := d.Index.Recording(ctx, c.InternalID)
	if err != nil || known.Owed == nil || known.Tenant != c.Tenant {
		return store.Ignore(err, store.ErrNotFound)
	}
	if known.Owed.Server != c.Server && !d.hasLeft(ctx, known.Owed.Server) {
		return nil
	}
	_, err = d.Index.UpdateRecording(ctx, c.Tenant, c.InternalID, func(r *store.Recording) error {
		if r.Owed == nil || r.Owed.Server != known.Owed.Server {
			return errUnchanged
		}
		owed := *r.Owed
		owed.Server, owed.Ended = c.Server, past.End
		if owed.Step == store.OwedMissing {
			owed.Step, owed.Since = store.OwedEnded, d.Now()
		}
		r.Server, r.Owed, r.End = c.Server, &owed, past.End
		r.Participants = max(r.Participants, past.Peak)
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return store.Ignore(err, store.ErrNotFound)
}

// inherit is for a meeting that the history knows from another server. If that has left the pool, it has got another
// name: what it owed is owed under this one. Else a server uses the internal ID of another's meeting.
func (d *Debts) inherit(ctx context.Context, c store.Claim, past store.Session) error {
	known, err := d.History.Session(ctx, past.ID)
	if err != nil {
		return store.Ignore(err, store.ErrNotFound)
	}
	if known.Tenant != past.Tenant || known.Meeting != past.Meeting || past.Meeting == "" {
		err = nil
	} else {
		_, err = d.Servers.Server(ctx, known.Server)
	}
	if !errors.Is(err, store.ErrNotFound) {
		d.Log.Warn().Str("server", c.Server).Str("internalMeetingID", c.InternalID).Str("meetingID", c.MeetingID).
			Msg("a server has used the internal ID of another meeting: its end is not noted")
		return err
	}
	_, err = d.Index.UpdateRecording(ctx, c.Tenant, c.InternalID, func(r *store.Recording) error {
		if r.Owed == nil || r.Owed.Server != known.Server {
			return errUnchanged
		}
		owed := *r.Owed
		owed.Server, r.Server, r.Owed = c.Server, c.Server, &owed
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return d.owe(ctx, c, past)
	}
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// owe notes that a recording is to be expected of a recorded meeting. Front ends see it where somebody is known to have
// been in it. Who was there while nobody looked is not known, so a meeting that seems to have been empty is owed as well,
// until its server says that there is none, and shown once the server says that there is one.
func (d *Debts) owe(ctx context.Context, c store.Claim, past store.Session) error {
	if !c.Recorded || c.InternalID == "" || c.Marks == unmarked {
		return nil
	}
	if d.makers.makesNothing(c) {
		d.Log.Info().Str("recordID", c.InternalID).Str("meetingID", c.MeetingID).Str("tenant", c.Tenant).Str("server", c.Server).
			Msg("no recording is owed: its create has switched off all formats")
		return nil
	}
	now := d.Now()
	owed := &store.Owed{Server: c.Server, Ended: past.End, Step: store.OwedEnded, Since: now}
	state := store.Awaited
	if past.Peak > 0 || past.Joins > 0 {
		state = store.Processing
	}
	err := d.Index.CreateRecording(ctx, store.Recording{
		RecordID: c.InternalID, Tenant: c.Tenant, MeetingID: c.MeetingID, Name: cmp.Or(c.Name, c.MeetingID), State: state,
		Start: past.Start, End: past.End, Participants: past.Peak, Server: c.Server, Changed: now, Owed: owed,
	})
	if errors.Is(err, store.ErrExists) {
		return d.oweBeside(ctx, c, owed)
	}
	if err == nil {
		d.Log.Info().Str("recordID", c.InternalID).Str("meetingID", c.MeetingID).Str("internalMeetingID", c.InternalID).
			Str("tenant", c.Tenant).Str("server", c.Server).Msg("recording owed")
	}
	return err
}

// oweBeside is for a recording that is here already: it was faster than the news of the end, or this is told twice. What
// another server has sent does not pay the debt.
func (d *Debts) oweBeside(ctx context.Context, c store.Claim, owed *store.Owed) error {
	known, err := d.Index.Recording(ctx, c.InternalID)
	if err != nil || known.Server == "" || known.Server == c.Server || known.State == store.Deleted {
		return store.Ignore(err, store.ErrNotFound)
	}
	_, err = d.Index.UpdateRecording(ctx, known.Tenant, c.InternalID, func(r *store.Recording) error {
		if r.Owed == nil {
			r.Owed = owed
		}
		return nil
	})
	return store.Ignore(err, store.ErrNotFound)
}

// interval is how often a server is asked about a recording of a meeting that ended so long ago.
func interval(age time.Duration) time.Duration {
	switch {
	case age < 10*time.Minute:
		return pulse
	case age < time.Hour:
		return 30 * time.Second
	case age < 6*time.Hour:
		return 5 * time.Minute
	}
	return 30 * time.Minute
}

// Run has the pool ask servers for what they owe until ctx ends.
func (d *Debts) Run(ctx context.Context, pool Pool) {
	timer := time.NewTimer(pulse)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := d.Pursue(ctx, pool); err != nil && ctx.Err() == nil {
			d.Log.Error().Err(err).Msg("look for what servers owe")
		}
		timer.Reset(pulse)
	}
}

// Pursue has the pool ask servers once for what it is time to ask them for. It waits for their answers.
func (d *Debts) Pursue(ctx context.Context, pool Pool) error {
	owed, err := d.Index.OwedRecordings(ctx)
	if err != nil {
		return err
	}
	d.setLast(d.owing(ctx, owed))
	var group errgroup.Group
	group.SetLimit(serversAtOnce)
	for server, list := range d.due(owed) {
		group.Go(func() error {
			var errs []error
			for batch := range slices.Chunk(list, maxAsk) {
				errs = append(errs, d.ask(ctx, pool, server, batch))
			}
			return errors.Join(errs...)
		})
	}
	return group.Wait()
}

// due are the recordings that it is time to ask for, by server.
func (d *Debts) due(owed []store.Recording) map[string][]store.Recording {
	now := d.Now()
	known := make(map[string]time.Time, len(owed))
	due := map[string][]store.Recording{}
	for _, r := range owed {
		last, ok := d.asked[r.RecordID]
		if !ok || now.Sub(last) >= interval(record.Age(now, r.Owed.Ended)) {
			last = now
			due[r.Owed.Server] = append(due[r.Owed.Server], r)
		}
		known[r.RecordID] = last
	}
	d.asked = known
	return due
}

// ask asks a server about recordings. One that does not answer has told nothing; one that has left the pool owes nothing
// more of a recording that is here, in whatever formats.
func (d *Debts) ask(ctx context.Context, pool Pool, server string, list []store.Recording) error {
	ids := make([]string, 0, len(list))
	for _, r := range list {
		ids = append(ids, r.RecordID)
	}
	answers, unknown := pool.Recordings(ctx, server, ids)
	gone := unknown != nil && d.hasLeft(ctx, server)
	told := map[string]*store.Recording{}
	for i := range answers {
		told[answers[i].RecordID] = &answers[i]
	}
	var errs []error
	for _, r := range list {
		if known := told[r.RecordID]; unknown == nil && known != nil {
			d.makers.learn(server, *known)
		}
		if unknown == nil {
			errs = append(errs, d.takeAnswer(ctx, r, told[r.RecordID]))
		} else if record.Age(d.Now(), r.Owed.Ended) > rawKept || gone && !r.Imported.IsZero() {
			errs = append(errs, d.giveUp(ctx, r))
		}
	}
	return errors.Join(errs...)
}

// hasLeft tells whether a server has left the pool.
func (d *Debts) hasLeft(ctx context.Context, server string) bool {
	_, err := d.Servers.Server(ctx, server)
	return errors.Is(err, store.ErrNotFound)
}

// takeAnswer notes what a server has told of a recording; nil is that it does not know it.
func (d *Debts) takeAnswer(ctx context.Context, r store.Recording, told *store.Recording) error {
	next := owedAfter(r, told, d.Now())
	if next == nil && !r.Imported.IsZero() || next != nil && d.expired(next) {
		return d.giveUp(ctx, r)
	}
	if next != nil && next.Step == r.Owed.Step && slices.Equal(next.Formats, r.Owed.Formats) && !shownInVain(r) {
		return nil // a look at a server writes nothing
	}
	described, err := d.described(ctx, r, told)
	if err != nil {
		return err
	}
	updated, err := d.Index.UpdateRecording(ctx, r.Tenant, r.RecordID, func(now *store.Recording) error {
		if now.Owed == nil {
			return errUnchanged
		}
		now.Owed = owedAfter(*now, told, d.Now())
		if now.Imported.IsZero() {
			describeByServer(now, described)
		}
		return nil
	})
	if errors.Is(err, errUnchanged) || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil && updated.Owed != nil {
		d.Log.Info().Str("recordID", r.RecordID).Str("meetingID", r.MeetingID).Str("internalMeetingID", r.RecordID).
			Str("tenant", r.Tenant).Str("server", r.Owed.Server).Str("step", string(updated.Owed.Step)).
			Str("sinceEnd", record.Age(d.Now(), r.Owed.Ended).Round(time.Second).String()).Msg("recording on its way")
	}
	return err
}

// described is what a server tells of a recording that has not arrived, with the metadata that its front end has given it.
func (d *Debts) described(ctx context.Context, r store.Recording, told *store.Recording) (*store.Recording, error) {
	if told == nil || d.Meta == nil || !r.Imported.IsZero() {
		return told, nil
	}
	session, err := d.History.Session(ctx, r.RecordID)
	if err := store.Ignore(err, store.ErrNotFound); err != nil {
		return nil, err
	}
	described := *told
	described.Meta = d.Meta(told.Meta, session.Back)
	return &described, nil
}

// shownInVain tells whether front ends see a recording that its server has said not to have: what is written down of it is
// older than Awaited is.
func shownInVain(r store.Recording) bool {
	return r.Imported.IsZero() && r.Owed.Step == store.OwedMissing && r.State != store.Awaited
}

// owedAfter is what a server owes of a recording after it has told; nil for nothing.
func owedAfter(r store.Recording, told *store.Recording, now time.Time) *store.Owed {
	owed := *r.Owed
	owed.Formats = nil
	step := store.OwedMissing
	if told == nil && r.Imported.IsZero() && record.Age(now, owed.Ended) < firstShown && owed.Step == store.OwedEnded {
		step = store.OwedEnded
	}
	if told != nil {
		switch told.State {
		case store.Processing:
			step = store.OwedProcessing
		case store.Processed:
			step = store.OwedProcessed
		case store.Published, store.Unpublished:
			step = store.OwedPublished
			have := record.FormatNames(r)
			for _, f := range record.FormatNames(*told) {
				if !slices.Contains(have, f) {
					owed.Formats = append(owed.Formats, f)
				}
			}
		case store.Deleted, store.Awaited:
		}
	}
	imported := !r.Imported.IsZero()
	if imported && (step == store.OwedMissing || step == store.OwedPublished && len(owed.Formats) == 0) {
		return nil
	}
	if step != owed.Step {
		owed.Step, owed.Since = step, now
	}
	return &owed
}

// describeByServer fills in of a recording that has not arrived what its server tells. What the server does not know is not shown
// any more, or not yet.
func describeByServer(r, told *store.Recording) {
	if told == nil {
		if r.Owed.Step == store.OwedMissing {
			r.State = store.Awaited
		}
		return
	}
	if told.Name != "" {
		r.Name = told.Name
	}
	if told.Participants > 0 {
		r.Participants = told.Participants
	}
	switch told.State {
	case store.Processing, store.Processed:
		r.State = told.State
	case store.Published, store.Unpublished:
		r.State = store.Processed // on its server, and not here
	case store.Deleted, store.Awaited:
		r.State = store.Awaited
	}
	record.Disown(told)
	r.Meta = record.Edited(told.Meta, r.Edits.Meta)
}

// expired tells whether nothing will come any more: nobody pressed the button, or the raw material is gone.
func (d *Debts) expired(o *store.Owed) bool {
	return o.Step == store.OwedMissing && record.Age(d.Now(), o.Since) > d.Overdue ||
		record.Age(d.Now(), o.Ended) > rawKept
}

// giveUp strikes off what is owed. Of a recording that never came nothing is left.
func (d *Debts) giveUp(ctx context.Context, r store.Recording) error {
	defer d.Files.Hold(r.RecordID).Release()
	now, err := d.Index.UpdateRecording(ctx, r.Tenant, r.RecordID, func(r *store.Recording) error {
		r.Owed = nil
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || !now.Imported.IsZero() {
		return err
	}
	d.Log.Warn().Str("recordID", r.RecordID).Str("meetingID", r.MeetingID).Str("server", r.Owed.Server).
		Str("step", string(r.Owed.Step)).Str("sinceEnd", record.Age(d.Now(), r.Owed.Ended).Round(time.Second).String()).
		Msg("no recording of this meeting is expected any more")
	return d.Index.DeleteRecording(ctx, r.RecordID)
}
