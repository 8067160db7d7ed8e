// Package audit compares index and disk both ways, and mends what a crash, a full disk or somebody's rm has left apart.
//
// Nothing is mended but what the caller asks for, and nothing at all unless the volume is the right one: an empty mount point
// is not a pool without recordings. What lies in the library and is not in the index can be adopted; what the index has and
// the disk has lost can be forgotten.
package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// Index is what of the recordings in the store is compared and mended.
type Index interface {
	// Recording returns one, or store.ErrNotFound.
	Recording(ctx context.Context, recordID string) (store.Recording, error)
	// ScanRecordings returns so many in the order of their IDs, those after the given one.
	ScanRecordings(ctx context.Context, after string, limit int) ([]store.Recording, error)
	// CreateRecording adds one, or returns store.ErrExists.
	CreateRecording(ctx context.Context, r store.Recording) error
	// UpdateRecording changes a tenant's recording, or returns store.ErrNotFound.
	UpdateRecording(ctx context.Context, tenant, recordID string, change func(*store.Recording) error) (store.Recording, error)
	// DeleteRecording deletes one.
	DeleteRecording(ctx context.Context, recordID string) error
}

// Library is walked, and its leftovers are discarded.
type Library interface {
	// Walk visits every format of every recording.
	Walk(ctx context.Context, visit func(library.Found) error) error
	// Discard removes a staging.
	Discard(name string) error
	// IsProtected tells whether a format is marked as one of a protected recording, and Protect marks all of a recording so,
	// or as open to all. RelyOnMarks says that all are marked as they are to be.
	IsProtected(f library.Found) (bool, error)
	Protect(r *library.Held, protected bool) error
	RelyOnMarks() error
}

// Auditor compares index and disk. Its exported fields must be set before it is used.
type Auditor struct {
	Protect bool // what is adopted and was never here is protected
	Index   Index
	Library Library
	Owners  record.Owners
	Files   *record.Files
	Imports *imports.Importer
	Log     zerolog.Logger
	Now     func() time.Time
	Meta    func(meta map[string]string, back *store.Back) map[string]string // as of an importer

	differ atomic.Int64 // places where index and disk differed at the last comparison
}

// Options say what to do about what is found.
type Options struct {
	Repair bool // mend what is misplaced or left over; forget formats whose files are gone
	Adopt  bool // take into the index what only the disk has
	Mark   bool // take the volume that is mounted now for the right one
}

// Report compares the index with the disk.
type Report struct {
	Recordings int // in the index, deleted ones included
	Formats    int // on the disk
	Findings   []record.Finding
	Repaired   int
}

// Verify compares index and disk both ways, and mends what it is asked to mend. Who asks has marked the volume before, where
// that is wanted. It reads all of the index and of the library.
func (a *Auditor) Verify(ctx context.Context, o Options, tell func(record.Progress)) (Report, error) {
	c := a.comparison(ctx, o, tell)
	err := c.run()
	return c.report, err
}

// maxLogged is how many findings are logged one by one.
const maxLogged = 20

// Tidy compares index and disk, mends what can be mended without losing anything, and logs what it has found. It reads all
// of the index and of the library.
func (a *Auditor) Tidy(ctx context.Context) error {
	c := a.comparison(ctx, Options{Repair: true}, func(record.Progress) {})
	c.careful = true
	err := c.run()
	if a.Files.Disk.Hung() {
		return err
	}
	for n, f := range c.report.Findings {
		if n == maxLogged {
			a.Log.Warn().Int("findings", len(c.report.Findings)).Msg("index and disk differ: see bbbpool recording verify")
			break
		}
		a.Log.Warn().Str("kind", f.Kind).Str("recordID", f.RecordID).Str("format", f.Format).Str("path", f.Path).
			Bool("repaired", f.Repaired).Msg(f.Text)
	}
	return err
}

// Problems says that index and disk differed at the last comparison.
func (a *Auditor) Problems(context.Context) []problems.Problem {
	n := a.differ.Load()
	if n == 0 {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume}, Name: "inconsistent",
		Logged: true,
		Text:   fmt.Sprintf("index and disk differ in %d places:", n), Remedy: "bbbpool recording verify lists them",
	}}
}

func (a *Auditor) comparison(ctx context.Context, o Options, tell func(record.Progress)) *comparison {
	return &comparison{auditor: a, ctx: ctx, options: o, tell: tell, report: Report{Findings: []record.Finding{}}}
}

// comparison is one run through index and disk.
type comparison struct {
	auditor  *Auditor
	ctx      context.Context //nolint:containedctx // one run, one context
	options  Options
	careful  bool            // nothing is forgotten
	adoption imports.Options // how what is found is taken in
	tell     func(record.Progress)

	unmarked atomic.Bool // something is not marked as it is to be

	mu     sync.Mutex
	report Report
}

func (c *comparison) run() error {
	if err := c.auditor.Files.Prepare(c.ctx); err != nil {
		return err
	}
	for _, step := range []func() error{c.stagings, c.disk, c.relied, c.index, c.imports} {
		if err := step(); err != nil {
			return err
		}
	}
	slices.SortFunc(c.report.Findings, func(a, b record.Finding) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.RecordID, b.RecordID), cmp.Compare(a.Format, b.Format))
	})
	differ := 0
	for _, f := range c.report.Findings {
		if f.Kind != record.Stuck && !f.Repaired && c.auditor.Files.Behind(f.RecordID) == nil { // else it is told by name
			differ++
		}
	}
	c.auditor.differ.Store(int64(differ))
	return nil
}

// notMended comes before why a finding could not be mended.
const notMended = "; not mended: "

// add notes a finding. It is mended if that is wanted.
func (c *comparison) add(f record.Finding, wanted bool, mend func() error) error {
	if wanted && mend != nil {
		if err := mend(); errors.Is(err, volume.ErrUnusable) {
			return err
		} else if err != nil {
			f.Text += notMended + err.Error()
		} else {
			f.Repaired = true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.Repaired {
		c.report.Repaired++
	}
	if len(c.report.Findings) < record.MaxFindings {
		c.report.Findings = append(c.report.Findings, f)
	}
	return c.ctx.Err()
}

// stagings finds what broken imports have left.
func (c *comparison) stagings() error {
	names, err := c.auditor.Imports.Leftovers(c.ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		f := record.Finding{
			Kind: record.Leftover, Path: name, Text: "unpacked by an import that was broken off; --repair removes it",
		}
		if err := c.add(f, c.options.Repair, func() error { return c.auditor.Library.Discard(name) }); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how many formats are looked at at the same time, so that what is adopted shares commits.
const atOnce = 16

// disk compares what is on the disk with the index.
func (c *comparison) disk() error {
	group, ctx := errgroup.WithContext(c.ctx)
	group.SetLimit(atOnce)
	err := c.auditor.Library.Walk(ctx, func(f library.Found) error {
		if f.Link {
			return c.add(record.Finding{Kind: record.Unreadable, Path: f.Dir, Text: "is a link, and links are not followed here: " +
				"move what it leads to into its place, or mount it there"}, false, nil)
		}
		if f.Err != nil {
			return c.add(record.Finding{Kind: record.Unreadable, Format: f.Format, Path: f.Dir, Text: f.Err.Error()}, false, nil)
		}
		if f.Alien {
			return nil // somebody else's, and never served
		}
		c.report.Formats++
		c.progress(f.RecordID)
		group.Go(func() error {
			held := c.auditor.Files.Hold(f.RecordID)
			defer held.Release()
			r, err := c.auditor.Index.Recording(ctx, f.RecordID)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			return c.compare(held, f, r)
		})
		return nil
	})
	return errors.Join(group.Wait(), err)
}

func (c *comparison) progress(current string) {
	if n := c.report.Formats + c.report.Recordings; n%100 == 0 {
		c.tell(record.Progress{Done: n, Current: current})
	}
}

// compare looks at one format on the disk; r is empty for a recording that the index has not.
func (c *comparison) compare(held *library.Held, f library.Found, r store.Recording) error {
	known := slices.Contains(record.FormatNames(r), f.Format)
	deleted := r.State == store.Deleted && !known
	revived := deleted && f.State != store.Deleted && c.adoption.Force
	finding := record.Finding{RecordID: f.RecordID, Format: f.Format, Path: f.Dir}
	switch {
	case deleted && len(r.Formats) == 0 && !revived:
		finding.Kind, finding.Text = record.Leftover, "was deleted; --repair removes it, import --force brings it back"
		return c.add(finding, c.options.Repair, func() error { return c.auditor.Files.Follow(c.ctx, held, r) })
	case !known && f.State == store.Deleted, deleted && !revived:
		return nil // somebody else's trash, or thrown away with formats that were known
	case !known:
		finding.Kind, finding.Text = record.Orphan, "is not in the index; --adopt takes it in"
		return c.add(finding, c.options.Adopt, func() error { return c.auditor.adopt(c.ctx, held, f, c.adoption) })
	case r.State != f.State:
		finding.Kind = record.Misplaced
		finding.Text = fmt.Sprintf("is %s and lies with what is %s; --repair moves it", r.State, f.State)
		return c.add(finding, c.options.Repair, func() error { return c.auditor.Files.Follow(c.ctx, held, r) })
	}
	return c.mark(held, f, r)
}

// mark brings the mark of a format in line with what the index says of its recording, if anything is to be mended. What cannot be
// marked keeps all marks from being relied on.
func (c *comparison) mark(held *library.Held, f library.Found, r store.Recording) error {
	if !c.options.Repair {
		return nil
	}
	marked, err := c.auditor.Library.IsProtected(f)
	if err == nil && marked != r.Protected {
		err = c.auditor.Library.Protect(held, r.Protected)
	}
	if err != nil {
		c.unmarked.Store(true)
		c.auditor.Log.Warn().Err(err).Str("recordID", r.RecordID).Msg("mark a recording as the index has it: tried again later")
	}
	return nil
}

// relied notes that the marks tell what is protected, once all are as they are to be.
func (c *comparison) relied() error {
	if !c.options.Repair || c.unmarked.Load() {
		return nil
	}
	if err := c.auditor.Library.RelyOnMarks(); err != nil {
		c.auditor.Log.Warn().Err(err).Msg("note that recordings are marked: tried again later")
	}
	return nil
}

// index compares what is in the index with the disk.
func (c *comparison) index() error {
	placing, err := c.auditor.Imports.Placing(c.ctx)
	if err != nil {
		return err
	}
	return record.All(c.ctx, c.auditor.Index, func(r store.Recording) error {
		c.report.Recordings++
		c.progress(r.RecordID)
		c.auditor.Files.Meet(r)
		if !record.Here(&r) || placing[r.RecordID] {
			return nil
		}
		missing, err := c.auditor.Files.Missing(r)
		if err != nil {
			return c.add(record.Finding{Kind: record.Unreadable, RecordID: r.RecordID, Text: err.Error()}, false, nil)
		}
		for _, f := range missing {
			finding := record.Finding{
				Kind: record.Missing, RecordID: r.RecordID, Format: f.Type,
				Text: "is in the index, and its files are gone; import it again, or --repair forgets it",
			}
			if err := c.add(finding, c.options.Repair && !c.careful, func() error { return c.lose(r, f.Type) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// lose forgets a format whose files are gone, and a recording with none left, unless one is just being put in place.
func (c *comparison) lose(r store.Recording, format string) error {
	held := c.auditor.Files.Hold(r.RecordID)
	defer held.Release()
	placing, err := c.auditor.Imports.Placing(c.ctx)
	if err != nil || placing[r.RecordID] {
		return err
	}
	places, err := c.auditor.Files.Library.Formats(r.RecordID)
	if err != nil {
		return err
	}
	if err := c.auditor.Files.Usable(c.ctx); err != nil { // what is not found on a disk that is not there is not lost
		return err
	}
	if record.InPlace(places, format) {
		return nil
	}
	now, err := c.auditor.Index.UpdateRecording(c.ctx, r.Tenant, r.RecordID, func(r *store.Recording) error {
		r.Formats = slices.DeleteFunc(slices.Clone(r.Formats), func(f store.Format) bool { return f.Type == format })
		return nil
	})
	if err != nil || len(now.Formats) > 0 {
		return err
	}
	return c.auditor.Index.DeleteRecording(c.ctx, r.RecordID)
}

// imports finds those that wait for somebody.
func (c *comparison) imports() error {
	failed, err := c.auditor.Imports.Jobs(c.ctx, store.JobFilter{States: []store.JobState{store.JobFailed}})
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, j := range failed {
		known[j.Path] = true
		f := record.Finding{
			Kind: record.Stuck, Path: j.Path, Text: "could not be imported: " + j.Reason + "; bbbpool recording retry " + j.ID,
		}
		if err := c.add(f, false, nil); err != nil {
			return err
		}
	}
	paths, err := c.auditor.Imports.Quarantined()
	for _, path := range paths {
		if known[path] {
			continue
		}
		f := record.Finding{
			Kind: record.Stuck, Path: path,
			Text: "is in quarantine, and nobody knows why: move it into the spool to try it again",
		}
		if err := c.add(f, false, nil); err != nil {
			return err
		}
	}
	return err
}
