package imports

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/imports/sources"
	"github.com/bbbpool/bbbpool/store"
)

// unpack brings the files of a job into an empty directory, as they are to be served, and returns what they are.
func (a *attempt) unpack(ctx context.Context, dir string) ([]store.Recording, error) {
	config := a.importer.Config
	more, done := a.importer.grants.Begin(a.importer.Disk)
	defer done()
	trees, err := a.unpackInto(ctx, dir, archive.Limits{Bytes: config.MaxBytes, Files: config.MaxFiles, More: more})
	if err != nil {
		return nil, err
	}
	for _, t := range trees {
		if !config.Precompress {
			break
		}
		if err := archive.Compress(ctx, t.Dir); err != nil {
			return nil, err
		}
	}
	found := archive.Merge(trees)
	for n, r := range found { // Merge leaves out what people have chosen
		found[n].Edits.State = slices.ContainsFunc(trees, func(t archive.Tree) bool {
			return t.RecordID == r.RecordID && t.Recording.Edits.State
		})
	}
	return found, nil
}

// unpackInto unpacks the archive of the job, or copies the directories that an operator has named.
func (a *attempt) unpackInto(ctx context.Context, dir string, limits archive.Limits) ([]archive.Tree, error) {
	if info, err := os.Stat(a.job.Path); err == nil && info.IsDir() {
		if len(a.job.Recordings) != 1 {
			return nil, fmt.Errorf("%s: a directory holds one recording", a.job.Path)
		}
		return sources.Source{Path: a.job.Path, RecordID: a.job.Recordings[0]}.Copy(ctx, dir, limits)
	}
	file, err := edition.OfJob(a.job).Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	return archive.Unpack(ctx, file, dir, limits)
}
