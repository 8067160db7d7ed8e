package v1

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Job is the import of an archive.
type Job struct {
	ID         string     `json:"id"`
	State      string     `json:"state"`
	Attempts   int        `json:"attempts"`
	Reason     string     `json:"reason"` // why it waits or has failed
	Next       *time.Time `json:"next"`   // of the next try
	Bytes      int64      `json:"bytes"`  // of the archive
	Source     string     `json:"source"` // spool, upload or command
	Server     string     `json:"server"` // that has sent it; "" where nobody knows
	Recordings []string   `json:"recordings"`
	Created    *time.Time `json:"created"`
	Changed    *time.Time `json:"changed"`
}

// ImportOptions say what to import, and how.
type ImportOptions struct {
	Path   string `json:"path"`             // an archive, or a directory of archives or of recordings
	Tenant string `json:"tenant,omitempty"` // for recordings that do not tell
	Force  bool   `json:"force,omitempty"`  // bring back what was deleted
	Notify bool   `json:"notify,omitempty"` // tell the front ends of their meetings
}

// ImportReport is the outcome of an import.
type ImportReport struct {
	Imported []string  `json:"imported"`          // record IDs that are new, or have something new
	Same     int       `json:"same"`              // recordings that were there already, just so
	Skipped  []Finding `json:"skipped,omitempty"` // what nothing was wanted of, and why
	Failed   []Finding `json:"failed"`
}

// jobsMost is how many imports are asked for at once: the most that the API gives.
const jobsMost = 10_000

// Imports are the calls about the import of archives.
type Imports struct{ client *Client }

// List returns all imports in these states, by ID; no state is any.
func (i Imports) List(ctx context.Context, states ...string) ([]Job, error) {
	all := []Job{}
	query := url.Values{"state": states, "limit": {strconv.Itoa(jobsMost)}}
	for {
		page, err := call[[]Job](ctx, i.client, http.MethodGet, "/jobs", query, nil)
		all = append(all, page...)
		if err != nil || len(page) < jobsMost {
			return all, err
		}
		query.Set("after", page[len(page)-1].ID)
	}
}

// Retry has an import tried now.
func (i Imports) Retry(ctx context.Context, id string) (Job, error) {
	return call[Job](ctx, i.client, http.MethodPost, "/job/retry", url.Values{"id": {id}}, struct{}{})
}

// Drop forgets an import that has failed, and its archive.
func (i Imports) Drop(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, i.client, http.MethodDelete, "/job", url.Values{"id": {id}}, nil)
	return err
}

// Import imports what is on the disk of the pool's machine.
func (i Imports) Import(ctx context.Context, o ImportOptions, tell func(Progress)) (ImportReport, error) {
	return follow[ImportReport](ctx, i.client, "/recordings-import", o, tell)
}
