package recordings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// Kinds of findings.
const (
	kindMissing   = "missing"    // the index has a format that the disk has not
	kindOrphan    = "orphan"     // the disk has a format that the index has not
	kindMisplaced = "misplaced"  // a format is where its state does not belong
	kindLeftover  = "leftover"   // of something that was broken off, or deleted
	kindStuck     = "stuck"      // an import that nothing happens to any more
	kindUnread    = "unreadable" // it cannot be looked at
	kindSkipped   = "skipped"    // nothing of it was wanted
)

// maxFindings is how many findings are listed.
const maxFindings = 10_000

// ErrVolume is that index and disk cannot be compared, because the disk is not there as it should be.
var ErrVolume = errors.New("the volume is not as it should be")

// Verify compares index and disk both ways, and mends what it is asked to mend. The volume must be the right one: an
// empty mount point is not a pool without recordings.
func (s *Service) Verify(ctx context.Context, o VerifyOptions, tell func(Progress)) (VerifyReport, error) {
	ctx, done, err := s.work(ctx)
	if err != nil {
		return VerifyReport{}, err
	}
	defer done()
	if o.Mark {
		if err := s.mark(ctx); err != nil {
			return VerifyReport{}, err
		}
	}
	v := &verification{Service: s, ctx: ctx, options: o, tell: tell, report: VerifyReport{Findings: []Finding{}}}
	err = v.run()
	return v.report, err
}

// verification is one run of Verify.
type verification struct {
	*Service
	ctx      context.Context //nolint:containedctx // one run, one context
	options  VerifyOptions
	careful  bool          // nothing is forgotten
	adoption ImportOptions // how what is found is taken in
	tell     func(Progress)

	mu     sync.Mutex
	report VerifyReport
}

func (v *verification) run() error {
	if err := v.prepare(v.ctx); err != nil {
		return err
	}
	for _, step := range []func() error{v.stagings, v.disk, v.index, v.stuck} {
		if err := step(); err != nil {
			return err
		}
	}
	slices.SortFunc(v.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.RecordID, b.RecordID), cmp.Compare(a.Format, b.Format))
	})
	differ := 0
	for _, f := range v.report.Findings {
		if f.Kind != kindStuck && !f.Repaired && v.Behind(f.RecordID) == nil { // else it is told by name
			differ++
		}
	}
	v.stats.findings.Store(int64(differ))
	return nil
}

// notMended comes before why a finding could not be mended.
const notMended = "; not mended: "

// add notes a finding. It is mended if that is wanted.
func (v *verification) add(f Finding, wanted bool, mend func() error) error {
	if wanted && mend != nil {
		if err := mend(); errors.Is(err, ErrVolume) {
			return err
		} else if err != nil {
			f.Text += notMended + err.Error()
		} else {
			f.Repaired = true
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if f.Repaired {
		v.report.Repaired++
	}
	if len(v.report.Findings) < maxFindings {
		v.report.Findings = append(v.report.Findings, f)
	}
	return v.ctx.Err()
}

// stagings finds what broken imports have left.
func (v *verification) stagings() error {
	names, err := v.Library.Stagings()
	if err != nil || len(names) == 0 {
		return err
	}
	wanted, err := v.openStagings(v.ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if wanted[name] {
			continue
		}
		f := Finding{Kind: kindLeftover, Path: name, Text: "unpacked by an import that was broken off; --repair removes it"}
		if err := v.add(f, v.options.Repair, func() error { return v.Library.Discard(name) }); err != nil {
			return err
		}
	}
	return nil
}

// openStagings are the names under which jobs that are not over may have unpacked something.
func (s *Service) openStagings(ctx context.Context) (map[string]bool, error) {
	jobs, err := s.Index.Jobs(ctx, store.JobFilter{States: open})
	names := map[string]bool{}
	for _, j := range jobs {
		names[stagingName(j.ID)] = true
	}
	return names, err
}

// disk compares what is on the disk with the index, several formats at a time, so that what is adopted shares commits.
func (v *verification) disk() error {
	group, ctx := errgroup.WithContext(v.ctx)
	group.SetLimit(atOnce)
	err := v.Library.Walk(ctx, func(f library.Found) error {
		if f.Link {
			return v.add(Finding{Kind: kindUnread, Path: f.Dir, Text: "is a link, and links are not followed here: " +
				"move what it leads to into its place, or mount it there"}, false, nil)
		}
		if f.Err != nil {
			return v.add(Finding{Kind: kindUnread, Format: f.Format, Path: f.Dir, Text: f.Err.Error()}, false, nil)
		}
		if f.Alien {
			return nil // somebody else's, and never served
		}
		v.report.Formats++
		v.progress(f.RecordID)
		group.Go(func() error {
			defer v.locks.Hold(f.RecordID)()
			r, err := v.Index.Recording(ctx, f.RecordID)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			return v.compare(f, r)
		})
		return nil
	})
	return errors.Join(group.Wait(), err)
}

func (v *verification) progress(current string) {
	if n := v.report.Formats + v.report.Recordings; n%100 == 0 {
		v.tell(Progress{Done: n, Current: current})
	}
}

// compare looks at one format on the disk; r is empty for a recording that the index has not.
func (v *verification) compare(f library.Found, r store.Recording) error {
	known := slices.Contains(types(r), f.Format)
	deleted := r.State == store.Deleted && !known
	revived := deleted && f.State != store.Deleted && v.adoption.Force
	finding := Finding{RecordID: f.RecordID, Format: f.Format, Path: f.Dir}
	switch {
	case deleted && len(r.Formats) == 0 && !revived:
		finding.Kind, finding.Text = kindLeftover, "was deleted; --repair removes it, import --force brings it back"
		return v.add(finding, v.options.Repair, func() error { return v.follow(v.ctx, r) })
	case !known && f.State == store.Deleted, deleted && !revived:
		return nil // somebody else's trash, or thrown away with formats that were known
	case !known:
		finding.Kind, finding.Text = kindOrphan, "is not in the index; --adopt takes it in"
		return v.add(finding, v.options.Adopt, func() error { return v.adopt(v.ctx, f, v.adoption) })
	case r.State != f.State:
		finding.Kind = kindMisplaced
		finding.Text = fmt.Sprintf("is %s and lies with what is %s; --repair moves it", r.State, f.State)
		return v.add(finding, v.options.Repair, func() error { return v.follow(v.ctx, r) })
	}
	return nil
}

// index compares what is in the index with the disk.
func (v *verification) index() error {
	placing, err := v.beingPlaced(v.ctx)
	if err != nil {
		return err
	}
	return v.all(v.ctx, func(r store.Recording) error {
		v.report.Recordings++
		v.progress(r.RecordID)
		v.laggards.meet(r)
		if !here(&r) || placing[r.RecordID] {
			return nil
		}
		places, err := v.Library.Formats(r.RecordID)
		if err != nil {
			return v.add(Finding{Kind: kindUnread, RecordID: r.RecordID, Text: err.Error()}, false, nil)
		}
		for _, f := range r.Formats {
			if inPlace(places, f.Type) {
				continue
			}
			finding := Finding{
				Kind: kindMissing, RecordID: r.RecordID, Format: f.Type,
				Text: "is in the index, and its files are gone; import it again, or --repair forgets it",
			}
			if err := v.add(finding, v.options.Repair && !v.careful, func() error { return v.lose(r, f.Type) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// beingPlaced are the recordings that the index has and whose files are just being put in place.
func (s *Service) beingPlaced(ctx context.Context) (map[string]bool, error) {
	jobs, err := s.Index.Jobs(ctx, store.JobFilter{States: []store.JobState{store.JobPlacing}})
	ids := map[string]bool{}
	for _, j := range jobs {
		for _, id := range j.Recordings {
			ids[id] = true
		}
	}
	return ids, err
}

// inPlace tells whether a format is where recordings are kept that are not deleted.
func inPlace(places map[store.RecordingState][]string, format string) bool {
	return slices.Contains(places[store.Published], format) || slices.Contains(places[store.Unpublished], format)
}

// lose forgets a format whose files are gone, and a recording with none left, unless one is just being put in place.
func (v *verification) lose(r store.Recording, format string) error {
	defer v.locks.Hold(r.RecordID)()
	placing, err := v.beingPlaced(v.ctx)
	if err != nil || placing[r.RecordID] {
		return err
	}
	places, err := v.Library.Formats(r.RecordID)
	if err != nil {
		return err
	}
	if err := v.usable(v.ctx); err != nil { // what is not found on a disk that is not there is not lost
		return err
	}
	if inPlace(places, format) {
		return nil
	}
	now, err := v.Index.UpdateRecording(v.ctx, r.Tenant, r.RecordID, func(r *store.Recording) error {
		r.Formats = slices.DeleteFunc(slices.Clone(r.Formats), func(f store.Format) bool { return f.Type == format })
		return nil
	})
	if err != nil || len(now.Formats) > 0 {
		return err
	}
	return v.Index.DeleteRecording(v.ctx, r.RecordID)
}

// stuck finds imports that wait for somebody.
func (v *verification) stuck() error {
	jobs, err := v.Index.Jobs(v.ctx, store.JobFilter{States: []store.JobState{store.JobFailed}})
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, j := range jobs {
		known[j.Path] = true
		f := Finding{Kind: kindStuck, Path: j.Path, Text: "could not be imported: " + j.Reason + "; bbbpool recording retry " + j.ID}
		if err := v.add(f, false, nil); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(filepath.Join(v.Config.Spool, quarantine))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		path := filepath.Join(v.Config.Spool, quarantine, e.Name())
		if known[path] || !isArchive(e.Name()) {
			continue
		}
		f := Finding{
			Kind: kindStuck, Path: path,
			Text: "is in quarantine, and nobody knows why: move it into the spool to try it again",
		}
		if err := v.add(f, false, nil); err != nil {
			return err
		}
	}
	return err
}
