package recordings

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// ErrNoLimit is that neither an age nor a size was given.
var ErrNoLimit = errors.New("say how old or how much: an age, a size, or both")

// page is how many recordings are read at a time when all are looked at.
const page = 500

// all calls visit with every recording of the pool.
func (s *Service) all(ctx context.Context, visit func(store.Recording) error) error {
	for after := ""; ; {
		list, err := s.Index.ScanRecordings(ctx, after, page)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			if err := visit(r); err != nil {
				return err
			}
		}
		after = list[len(list)-1].RecordID
	}
}

// Prune deletes what is too old or too much, the oldest first. What its metadata protect stays.
func (s *Service) Prune(ctx context.Context, o PruneOptions, tell func(Progress)) (PruneReport, error) {
	return s.prune(ctx, o, func(c candidate) time.Time { return c.End }, tell)
}

// prune counts the age of a recording from the time that since says.
func (s *Service) prune(
	ctx context.Context, o PruneOptions, since func(candidate) time.Time, tell func(Progress),
) (PruneReport, error) {
	report := PruneReport{Deleted: []Pruned{}}
	if o.OlderThan <= 0 && o.KeepUnder <= 0 {
		return report, ErrNoLimit
	}
	ctx, done, err := s.work(ctx)
	if err != nil {
		return report, err
	}
	defer done()
	candidates, err := s.prunable(ctx, o.Tenant, &report)
	if err != nil {
		return report, err
	}
	for _, p := range candidates {
		old := o.OlderThan > 0 && !since(p).IsZero() && age(s.Now(), since(p)) > time.Duration(o.OlderThan)
		much := o.KeepUnder > 0 && report.Remaining > o.KeepUnder
		if !old && !much {
			continue
		}
		if p.kept {
			report.Protected++
			continue
		}
		if !o.DryRun {
			gone, err := s.pruneOne(ctx, p)
			if err != nil {
				return report, err
			}
			if !gone {
				continue // kept, or deleted, meanwhile
			}
			if err := s.Behind(p.RecordID); err != nil {
				report.Behind = append(report.Behind, Finding{Kind: kindLeftover, RecordID: p.RecordID, Text: err.Error()})
			}
			s.Log.Info().Str("recordID", p.RecordID).Str("meetingID", p.MeetingID).Str("tenant", p.Tenant).
				Time("end", p.End).Int64("bytes", p.Bytes).Msg("recording deleted by retention")
		}
		report.Deleted = append(report.Deleted, p.Pruned)
		report.Bytes += p.Bytes
		report.Remaining -= p.Bytes
		tell(Progress{Done: len(report.Deleted), Current: p.RecordID})
	}
	return report, nil
}

// pruneOne deletes a recording unless somebody has kept it meanwhile, and tells whether it did.
func (s *Service) pruneOne(ctx context.Context, p candidate) (bool, error) {
	err := s.change(ctx, p.Tenant, p.RecordID, "", func(r *store.Recording) error {
		if kept(r) {
			return store.ErrConflict
		}
		return s.delete(r)
	})
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
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

// prunable returns what is here of a tenant, or of all, oldest first, and counts its bytes as remaining.
func (s *Service) prunable(ctx context.Context, tenant string, report *PruneReport) (list []candidate, err error) {
	err = s.all(ctx, func(r store.Recording) error {
		if !here(&r) || tenant != "" && r.Tenant != tenant {
			return nil
		}
		report.Remaining += size(r)
		list = append(list, candidate{
			Pruned: Pruned{
				RecordID: r.RecordID, Tenant: r.Tenant, MeetingID: r.MeetingID, Name: r.Name, End: ended(&r), Bytes: size(r),
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

// retain applies the retention that the operator has set, and empties the trash.
func (s *Service) retain(ctx context.Context) error {
	var errs []error
	if c := s.Config; c.MaxAge > 0 || c.MaxSize > 0 {
		_, err := s.prune(ctx, PruneOptions{
			OlderThan: c.MaxAge, KeepUnder: int64(c.MaxSize),
		}, stayed, func(Progress) {})
		errs = append(errs, err)
	}
	errs = append(errs, s.all(ctx, func(r store.Recording) error {
		if r.State != store.Deleted || len(r.Formats) == 0 || age(s.Now(), r.Changed) <= time.Duration(s.Config.KeepDeleted) {
			return nil
		}
		err := s.change(ctx, r.Tenant, r.RecordID, "taken out of the trash for good", func(r *store.Recording) error {
			if r.State != store.Deleted {
				return store.ErrConflict
			}
			strip(r)
			return nil
		})
		if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) { // restored, or given to another tenant
			return nil
		}
		return err
	}))
	return errors.Join(errs...)
}
