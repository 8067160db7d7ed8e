package recordings

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// ErrNoLimit is that neither an age nor a size was given.
var ErrNoLimit = errors.New("say how old or how much: an age, a size, or both")

// Prune deletes what is too old or too much, the oldest first. What its metadata protect stays.
func (s *Service) Prune(ctx context.Context, o PruneOptions, tell func(Progress)) (PruneReport, error) {
	p := &pruning{service: s, options: o, since: func(c candidate) time.Time { return c.End }, tell: tell}
	err := p.run(ctx)
	return p.report, err
}

// pruning is one application of a retention rule.
type pruning struct {
	service *Service
	options PruneOptions
	since   func(candidate) time.Time // from when the age of a recording counts
	tell    func(Progress)
	report  PruneReport
}

// run deletes what the rule says. It reads all of the index first.
func (p *pruning) run(ctx context.Context) error {
	p.report.Deleted = []Pruned{}
	if p.options.OlderThan <= 0 && p.options.KeepUnder <= 0 {
		return ErrNoLimit
	}
	ctx, done, err := p.service.works.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	candidates, err := p.candidates(ctx)
	if err != nil {
		return err
	}
	for _, c := range candidates {
		if !p.tooMuch(c) {
			continue
		}
		if c.kept {
			p.report.Protected++
			continue
		}
		if gone, err := p.delete(ctx, c); err != nil {
			return err
		} else if !gone {
			continue // kept, or deleted, meanwhile
		}
		p.report.Deleted = append(p.report.Deleted, c.Pruned)
		p.report.Bytes += c.Bytes
		p.report.Remaining -= c.Bytes
		p.tell(Progress{Done: len(p.report.Deleted), Current: c.RecordID})
	}
	return nil
}

// tooMuch tells whether a recording is too old, or one too many.
func (p *pruning) tooMuch(c candidate) bool {
	since, limit := p.since(c), time.Duration(p.options.OlderThan)
	old := limit > 0 && !since.IsZero() && record.Age(p.service.Now(), since) > limit
	return old || p.options.KeepUnder > 0 && p.report.Remaining > p.options.KeepUnder
}

// delete deletes a recording unless somebody has kept it meanwhile, and tells whether it did. In a dry run it does nothing.
func (p *pruning) delete(ctx context.Context, c candidate) (bool, error) {
	if p.options.DryRun {
		return true, nil
	}
	s := p.service
	err := s.change(ctx, c.Tenant, c.RecordID, "", func(r *store.Recording) error {
		if kept(r) {
			return store.ErrConflict
		}
		return markDeleted(r, s.Config.KeepDeleted > 0, s.Now())
	})
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := s.Behind(c.RecordID); err != nil {
		p.report.Behind = append(p.report.Behind, Finding{Kind: record.Leftover, RecordID: c.RecordID, Text: err.Error()})
	}
	s.Log.Info().Str("recordID", c.RecordID).Str("meetingID", c.MeetingID).Str("tenant", c.Tenant).
		Time("end", c.End).Int64("bytes", c.Bytes).Msg("recording deleted by retention")
	return true, nil
}

// kept tells whether the metadata protect a recording from retention.
func kept(r *store.Recording) bool {
	keep, ok := r.Meta[Keep]
	return ok && keep != "false"
}

// ended is when a recording's meeting did, as far as anybody knows: not after it came here, whatever its server has
// written.
func ended(r *store.Recording) time.Time {
	for _, t := range []time.Time{r.End, r.Start, r.Imported} {
		if t.Unix() > 0 && (r.Imported.IsZero() || !t.After(r.Imported)) {
			return t
		}
	}
	return r.Imported
}

type candidate struct {
	Pruned
	imported time.Time
	kept     bool
}

// stayed is since when a recording is old, for a rule that nobody looks at: from the end of its meeting, which its server
// has written, and never from before it was here.
func stayed(c candidate) time.Time {
	if c.imported.After(c.End) {
		return c.imported
	}
	return c.End
}

// candidates returns what is here of a tenant, or of all, oldest first, and counts its bytes as remaining.
func (p *pruning) candidates(ctx context.Context) (list []candidate, err error) {
	err = record.All(ctx, p.service.Index, func(r store.Recording) error {
		if !record.Here(&r) || p.options.Tenant != "" && r.Tenant != p.options.Tenant {
			return nil
		}
		bytes := record.Bytes(r)
		p.report.Remaining += bytes
		list = append(list, candidate{
			Pruned: Pruned{
				RecordID: r.RecordID, Tenant: r.Tenant, MeetingID: r.MeetingID, Name: r.Name, End: ended(&r), Bytes: bytes,
			},
			imported: r.Imported, kept: kept(&r),
		})
		return nil
	})
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(a.End.Compare(b.End), cmp.Compare(a.RecordID, b.RecordID))
	})
	return list, err
}

// retain applies to all recordings the retention that the operator has set, and empties the trash.
func (s *Service) retain(ctx context.Context) error {
	var errs []error
	if c := s.Config; c.MaxAge > 0 || c.MaxSize > 0 {
		p := &pruning{
			service: s, options: PruneOptions{OlderThan: c.MaxAge, KeepUnder: int64(c.MaxSize)}, since: stayed,
			tell: func(Progress) {},
		}
		errs = append(errs, p.run(ctx))
	}
	errs = append(errs, record.All(ctx, s.Index, func(r store.Recording) error {
		if r.State != store.Deleted || len(r.Formats) == 0 || record.Age(s.Now(), r.Changed) <= time.Duration(s.Config.KeepDeleted) {
			return nil
		}
		err := s.change(ctx, r.Tenant, r.RecordID, "taken out of the trash for good", func(r *store.Recording) error {
			if r.State != store.Deleted {
				return store.ErrConflict
			}
			record.Strip(r)
			return nil
		})
		if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) { // restored, or given to another tenant
			return nil
		}
		return err
	}))
	return errors.Join(errs...)
}
