package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// Recordings returns one page of the selected recordings. Without a tenant those of all are meant, without states those
// that are not deleted; the state "any" means all.
func (c *Client) Recordings(ctx context.Context, f store.RecordingFilter) (RecordingPage, error) {
	query := url.Values{"recordID": f.RecordIDs, "meetingID": f.MeetingIDs}
	if f.Tenant != "" {
		query.Set("tenant", f.Tenant)
	}
	for _, state := range f.States {
		query.Add("state", string(state))
	}
	for _, m := range f.Meta {
		query.Add("meta."+m.Key, m.Value)
	}
	if f.Limit > 0 {
		query.Set("limit", strconv.Itoa(f.Limit))
	}
	if f.Offset > 0 {
		query.Set("offset", strconv.Itoa(f.Offset))
	}
	return call[RecordingPage](ctx, c, http.MethodGet, "/recordings", query, nil)
}

// Recording returns one recording, with all that is known of it.
func (c *Client) Recording(ctx context.Context, id string) (RecordingDetails, error) {
	return call[RecordingDetails](ctx, c, http.MethodGet, recording(id), nil, nil)
}

// PublishRecording lets a recording play, or takes it back.
func (c *Client) PublishRecording(ctx context.Context, id string, publish bool) (RecordingDetails, error) {
	path := recording(id) + "/unpublish"
	if publish {
		path = recording(id) + "/publish"
	}
	return call[RecordingDetails](ctx, c, http.MethodPost, path, nil, struct{}{})
}

// ProtectRecording lets a recording play for those alone whom the front end lets in, or for everybody.
func (c *Client) ProtectRecording(ctx context.Context, id string, protect bool) (RecordingDetails, error) {
	path := recording(id) + "/unprotect"
	if protect {
		path = recording(id) + "/protect"
	}
	return call[RecordingDetails](ctx, c, http.MethodPost, path, nil, struct{}{})
}

// ChangeRecording sets metadata; an empty value removes its key.
func (c *Client) ChangeRecording(ctx context.Context, id string, change RecordingChange) (RecordingDetails, error) {
	return call[RecordingDetails](ctx, c, http.MethodPatch, recording(id), nil, change)
}

// DeleteRecording deletes a recording in all its formats.
func (c *Client) DeleteRecording(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, recording(id), nil, nil)
	return err
}

// RestoreRecording brings a deleted recording back, while its files are kept.
func (c *Client) RestoreRecording(ctx context.Context, id string) (RecordingDetails, error) {
	return call[RecordingDetails](ctx, c, http.MethodPost, recording(id)+"/restore", nil, struct{}{})
}

// AssignRecording gives a recording to another tenant.
func (c *Client) AssignRecording(ctx context.Context, id, tenant string) (RecordingDetails, error) {
	return call[RecordingDetails](ctx, c, http.MethodPost, recording(id)+"/assign", nil, Assignment{tenant})
}

// Owed returns what servers have still to deliver, the most overdue first; "" is any tenant.
func (c *Client) Owed(ctx context.Context, tenant string) ([]RecordingOwed, error) {
	return call[[]RecordingOwed](ctx, c, http.MethodGet, "/owed", url.Values{"tenant": {tenant}}, nil)
}

// Jobs returns all imports in these states, by ID; no state is any.
func (c *Client) Jobs(ctx context.Context, states ...string) ([]Job, error) {
	all := []Job{}
	query := url.Values{"state": states, "limit": {strconv.Itoa(jobsMost)}}
	for {
		page, err := call[[]Job](ctx, c, http.MethodGet, "/jobs", query, nil)
		all = append(all, page...)
		if err != nil || len(page) < jobsMost {
			return all, err
		}
		query.Set("after", page[len(page)-1].ID)
	}
}

// RetryJob has an import tried now.
func (c *Client) RetryJob(ctx context.Context, id string) (Job, error) {
	return call[Job](ctx, c, http.MethodPost, "/job/retry", url.Values{"id": {id}}, struct{}{})
}

// DropJob forgets an import that has failed, and its archive.
func (c *Client) DropJob(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, "/job", url.Values{"id": {id}}, nil)
	return err
}

// Volumes returns how the disks are on which the recordings lie.
func (c *Client) Volumes(ctx context.Context) ([]Volume, error) {
	return call[[]Volume](ctx, c, http.MethodGet, "/volumes", nil, nil)
}

// Script returns the script that sends a server's recordings to the pool, which it reaches at base.
func (c *Client) Script(ctx context.Context, id, base string) (Script, error) {
	return call[Script](ctx, c, http.MethodGet, server(id)+"/script", url.Values{"url": {base}}, nil)
}

// Import imports what is on the disk of the pool's machine.
func (c *Client) Import(ctx context.Context, o recordings.ImportOptions, tell func(recordings.Progress)) (
	recordings.ImportReport, error,
) {
	return follow[recordings.ImportReport](ctx, c, "/recordings-import", o, tell)
}

// Verify compares the index with the disk.
func (c *Client) Verify(ctx context.Context, o recordings.VerifyOptions, tell func(recordings.Progress)) (
	recordings.VerifyReport, error,
) {
	return follow[recordings.VerifyReport](ctx, c, "/recordings-verify", o, tell)
}

// Prune deletes what is too old, or too much.
func (c *Client) Prune(ctx context.Context, o recordings.PruneOptions, tell func(recordings.Progress)) (
	recordings.PruneReport, error,
) {
	return follow[recordings.PruneReport](ctx, c, "/recordings-prune", o, tell)
}

// ProtectAll protects all recordings, or a tenant's.
func (c *Client) ProtectAll(ctx context.Context, p Protection, tell func(recordings.Progress)) (ProtectReport, error) {
	return follow[ProtectReport](ctx, c, "/recordings-protect", p, tell)
}

func recording(id string) string { return "/recordings/" + url.PathEscape(id) }

// silence is how long the API may say nothing while it works.
const silence = 4 * lineSilence

// follow has something done that takes long, and tells how far it is.
func follow[R any](
	ctx context.Context, c *Client, path string, in any, tell func(recordings.Progress),
) (report R, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer alarm.Stop()
	resp, err := c.send(ctx, http.MethodPost, path, nil, in)
	if err != nil {
		return report, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return report, c.decode(resp, &report)
	}
	body := &io.LimitedReader{R: resp.Body}
	for decoder := json.NewDecoder(body); ; alarm.Reset(silence) {
		body.N = maxReply
		line := Line{Report: &report}
		err := decoder.Decode(&line)
		switch {
		case ctx.Err() != nil: // whatever else went wrong, that is why
			return report, c.unanswered(ctx, ctx.Err())
		case err != nil:
			return report, c.brokenOff(err)
		case line.Message != "":
			return report, &Error{Status: http.StatusOK, Code: line.Code, Message: line.Message}
		case line.Progress == nil:
			return report, nil
		}
		tell(*line.Progress)
	}
}

// brokenOff is what an answer without an end means.
func (c *Client) brokenOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("bbbpool at %s has stopped before it was done: run this again", c.at)
	}
	return fmt.Errorf("read the answer of %s: %w", c.at, err)
}
