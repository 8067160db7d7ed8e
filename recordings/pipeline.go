package recordings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/store"
)

const (
	// pulse is how often it is looked for what is owed.
	pulse = 5 * time.Second
	// maxAsk is how many recordings a server is asked about at once, and serversAtOnce how many servers are asked.
	maxAsk        = 50
	serversAtOnce = 8
	// begins is how long BigBlueButton may take until it shows a recording that it has to make.
	begins = 10 * time.Minute
	// patience is when nothing is expected any more: BigBlueButton keeps its raw material for two weeks.
	patience = 14 * day
)

// Remember notes the end of a meeting in the history, and what its server owes from then on. It can be repeated.
func (s *Service) Remember(ctx context.Context, c store.Claim, past store.Session) error {
	err := s.Index.AddSession(ctx, past)
	if errors.Is(err, store.ErrExists) {
		return s.inherit(ctx, c, past)
	}
	if err != nil {
		return err
	}
	return s.owe(ctx, c, past)
}

// inherit is for a meeting that the history knows from another server. If that has left the pool, it has got another
// name: what it owed is owed under this one. Else a server uses the internal ID of another's meeting.
func (s *Service) inherit(ctx context.Context, c store.Claim, past store.Session) error {
	known, err := s.Index.Session(ctx, past.ID)
	if err != nil {
		return store.Ignore(err, store.ErrNotFound)
	}
	if known.Tenant != past.Tenant || known.Meeting != past.Meeting || past.Meeting == "" || s.Pool == nil {
		err = nil
	} else {
		_, err = s.Pool.Server(ctx, known.Server)
	}
	if !errors.Is(err, store.ErrNotFound) {
		s.Log.Warn().Str("server", c.Server).Str("internalMeetingID", c.InternalID).Str("meetingID", c.MeetingID).
			Msg("a server has used the internal ID of another meeting: its end is not noted")
		return err
	}
	_, err = s.Index.UpdateRecording(ctx, c.Tenant, c.InternalID, func(r *store.Recording) error {
		if r.Owed == nil || r.Owed.Server != known.Server {
			return errSettled
		}
		owed := *r.Owed
		owed.Server, r.Server, r.Owed = c.Server, c.Server, &owed
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return s.owe(ctx, c, past)
	}
	if errors.Is(err, errSettled) {
		return nil
	}
	return err
}

// owe notes that a recording is to be expected of a recorded meeting. Front ends see it where somebody is known to have
// been in it. Who was there while nobody looked is not known, so a meeting that seems to have been empty is owed as well,
// until its server says that there is none, and shown once the server says that there is one.
func (s *Service) owe(ctx context.Context, c store.Claim, past store.Session) error {
	if !c.Recorded || c.InternalID == "" {
		return nil
	}
	now := s.Now()
	owed := &store.Owed{Server: c.Server, Ended: past.End, Step: store.OwedEnded, Since: now}
	state := store.Awaited
	if past.Peak > 0 || past.Joins > 0 {
		state = store.Processing
	}
	err := s.Index.CreateRecording(ctx, store.Recording{
		RecordID: c.InternalID, Tenant: c.Tenant, MeetingID: c.MeetingID, Name: cmp.Or(c.Name, c.MeetingID), State: state,
		Start: past.Start, End: past.End, Participants: past.Peak, Server: c.Server, Changed: now, Owed: owed,
	})
	if errors.Is(err, store.ErrExists) {
		return s.oweBeside(ctx, c, owed)
	}
	if err == nil {
		s.Log.Info().Str("recordID", c.InternalID).Str("meetingID", c.MeetingID).Str("internalMeetingID", c.InternalID).
			Str("tenant", c.Tenant).Str("server", c.Server).Msg("recording owed")
	}
	return err
}

// oweBeside is for a recording that is here already: it was faster than the news of the end, or this is told twice. What
// another server has sent does not pay the debt.
func (s *Service) oweBeside(ctx context.Context, c store.Claim, owed *store.Owed) error {
	known, err := s.Index.Recording(ctx, c.InternalID)
	if err != nil || known.Server == "" || known.Server == c.Server || known.State == store.Deleted {
		return store.Ignore(err, store.ErrNotFound)
	}
	_, err = s.Index.UpdateRecording(ctx, known.Tenant, c.InternalID, func(r *store.Recording) error {
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

// pursue asks servers for what they owe until ctx ends.
func (s *Service) pursue(ctx context.Context) {
	for pause(ctx, pulse) {
		if err := s.pursueOnce(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error().Err(err).Msg("look for what servers owe")
		}
	}
}

func (s *Service) pursueOnce(ctx context.Context) error {
	owed, err := s.Index.OwedRecordings(ctx)
	if err != nil {
		return err
	}
	s.stats.setOwed(s.owing(ctx, owed))
	var group errgroup.Group
	group.SetLimit(serversAtOnce)
	for server, list := range s.due(owed) {
		group.Go(func() error {
			var errs []error
			for batch := range slices.Chunk(list, maxAsk) {
				errs = append(errs, s.ask(ctx, server, batch))
			}
			return errors.Join(errs...)
		})
	}
	return group.Wait()
}

// due are the recordings that it is time to ask for, by server.
func (s *Service) due(owed []store.Recording) map[string][]store.Recording {
	now := s.Now()
	known := make(map[string]time.Time, len(owed))
	due := map[string][]store.Recording{}
	for _, r := range owed {
		last, ok := s.asked[r.RecordID]
		if !ok || now.Sub(last) >= interval(age(now, r.Owed.Ended)) {
			last = now
			due[r.Owed.Server] = append(due[r.Owed.Server], r)
		}
		known[r.RecordID] = last
	}
	s.asked = known
	return due
}

// ask asks a server about recordings. One that does not answer has told nothing; one that has left the pool owes nothing
// more of a recording that is here, in whatever formats.
func (s *Service) ask(ctx context.Context, server string, list []store.Recording) error {
	ids := make([]string, 0, len(list))
	for _, r := range list {
		ids = append(ids, r.RecordID)
	}
	answers, unknown := s.Servers.Recordings(ctx, server, ids)
	gone := unknown != nil && s.left(ctx, server)
	told := map[string]*store.Recording{}
	for i := range answers {
		told[answers[i].RecordID] = &answers[i]
	}
	var errs []error
	for _, r := range list {
		if unknown == nil {
			errs = append(errs, s.learn(ctx, r, told[r.RecordID]))
		} else if age(s.Now(), r.Owed.Ended) > patience || gone && !r.Imported.IsZero() {
			errs = append(errs, s.giveUp(ctx, r))
		}
	}
	return errors.Join(errs...)
}

// left tells whether a server has left the pool.
func (s *Service) left(ctx context.Context, server string) bool {
	if s.Pool == nil {
		return false
	}
	_, err := s.Pool.Server(ctx, server)
	return errors.Is(err, store.ErrNotFound)
}

// learn notes what a server has told of a recording; nil is that it does not know it.
func (s *Service) learn(ctx context.Context, r store.Recording, told *store.Recording) error {
	next := heard(r, told, s.Now())
	if next == nil && !r.Imported.IsZero() || next != nil && s.expired(next) {
		return s.giveUp(ctx, r)
	}
	if next != nil && next.Step == r.Owed.Step && slices.Equal(next.Formats, r.Owed.Formats) && !phantom(r) {
		return nil // a look at a server writes nothing
	}
	updated, err := s.Index.UpdateRecording(ctx, r.Tenant, r.RecordID, func(now *store.Recording) error {
		if now.Owed == nil {
			return errSettled
		}
		now.Owed = heard(*now, told, s.Now())
		if now.Imported.IsZero() {
			describe(now, told)
		}
		return nil
	})
	if errors.Is(err, errSettled) || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil && updated.Owed != nil {
		s.Log.Info().Str("recordID", r.RecordID).Str("meetingID", r.MeetingID).Str("internalMeetingID", r.RecordID).
			Str("tenant", r.Tenant).Str("server", r.Owed.Server).Str("step", string(updated.Owed.Step)).
			Str("sinceEnd", age(s.Now(), r.Owed.Ended).Round(time.Second).String()).Msg("recording on its way")
	}
	return err
}

// phantom tells whether front ends see a recording that its server has said not to have: what is written down of it is
// older than Awaited is.
func phantom(r store.Recording) bool {
	return r.Imported.IsZero() && r.Owed.Step == store.OwedMissing && r.State != store.Awaited
}

// heard is what a server owes of a recording after it has told; nil for nothing.
func heard(r store.Recording, told *store.Recording, now time.Time) *store.Owed {
	owed := *r.Owed
	owed.Formats = nil
	step := store.OwedMissing
	if told == nil && r.Imported.IsZero() && age(now, owed.Ended) < begins && owed.Step == store.OwedEnded {
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
			have := types(r)
			for _, f := range types(*told) {
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

// describe fills in of a recording that has not arrived what its server tells. What the server does not know is not shown
// any more, or not yet.
func describe(r, told *store.Recording) {
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
	disown(told)
	r.Meta = edited(told.Meta, r.Edits.Meta)
}

// expired tells whether nothing will come any more: nobody pressed the button, or the raw material is gone.
func (s *Service) expired(o *store.Owed) bool {
	return o.Step == store.OwedMissing && age(s.Now(), o.Since) > time.Duration(s.Config.Overdue) ||
		age(s.Now(), o.Ended) > patience
}

// giveUp strikes off what is owed. Of a recording that never came nothing is left.
func (s *Service) giveUp(ctx context.Context, r store.Recording) error {
	defer s.locks.Hold(r.RecordID)()
	now, err := s.Index.UpdateRecording(ctx, r.Tenant, r.RecordID, func(r *store.Recording) error {
		r.Owed = nil
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || !now.Imported.IsZero() {
		return err
	}
	s.Log.Warn().Str("recordID", r.RecordID).Str("meetingID", r.MeetingID).Str("server", r.Owed.Server).
		Str("step", string(r.Owed.Step)).Str("sinceEnd", age(s.Now(), r.Owed.Ended).Round(time.Second).String()).
		Msg("no recording of this meeting is expected any more")
	return s.Index.DeleteRecording(ctx, r.RecordID)
}

// Owed returns what servers owe, the oldest first.
func (s *Service) Owed(ctx context.Context) ([]Owing, error) {
	owed, err := s.Index.OwedRecordings(ctx)
	if err != nil {
		return nil, fmt.Errorf("list what is owed: %w", err)
	}
	return s.owing(ctx, owed), nil
}

func (s *Service) owing(ctx context.Context, owed []store.Recording) []Owing {
	jobs, err := s.Index.Jobs(ctx, store.JobFilter{States: unsettled})
	arrived := map[string]store.Job{} // none, if they cannot be read: then it counts as on its way
	if err == nil {
		for _, j := range jobs {
			arrived[leading.FindString(j.ID)] = j
		}
	}
	now := s.Now()
	list := make([]Owing, 0, len(owed))
	for _, r := range owed {
		if j, ok := arrived[r.RecordID]; ok {
			seen := *r.Owed // what is stored stays as the server has told it
			seen.Step, seen.Since = store.OwedArrived, j.Created
			r.Owed = &seen
		}
		o := Owing{Recording: r, Age: age(now, r.Owed.Ended), Step: age(now, r.Owed.Since)}
		o.Overdue = o.Age > time.Duration(s.Config.Overdue) && r.Owed.Step != store.OwedMissing
		list = append(list, o)
	}
	slices.SortStableFunc(list, func(a, b Owing) int { return a.Owed.Ended.Compare(b.Owed.Ended) })
	return list
}

// OwedBy returns how many recordings a server owes, for those that want to take it away.
func (s *Service) OwedBy(server string) int {
	n := 0
	for _, o := range s.stats.owed() {
		if o.Owed.Server == server && o.Owed.Step != store.OwedMissing {
			n++
		}
	}
	return n
}
