// Package recordingcalls answers the calls of BigBlueButton's API that are about recordings.
//
// They are answered from the pool's own index, and no server is asked: so the package knows nothing of servers and
// meetings, and nothing of HTTP either. A call comes in as a [Question] that was verified before, and what goes back is an
// [Answer], which the gateway sends and logs.
//
// A list of recordings may be longer than memory allows. It comes in pieces, and breaks off in the middle rather than ends
// where something is missing.
package recordingcalls

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/semaphore"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// Calls answers the calls. Its exported fields must be set before the first question.
type Calls struct {
	Recordings Recordings
	Tracks     TextTracks
	None       bool // the pool shows no recordings, and finds none to change
	Filtered   bool // nobody may ask for the recordings of all meetings
	// Link returns path and query of the URL under which viewers get a format.
	Link func(store.Recording, store.Format) string
	// FileLink returns path and query of the URL under which somebody gets one file of a format.
	FileLink func(r store.Recording, format, name string) string

	lists *semaphore.Weighted // long lists that are being fetched from
}

// Open makes the calls ready for the first question.
func (s *Calls) Open() { s.lists = semaphore.NewWeighted(longLists) }

// Question is a call about recordings, verified and read.
type Question struct {
	Tenant    string // whose recordings are meant, and no others
	Request   *bbb.Request
	MediaType string // of the body, as the front end has announced it
	Origin    string // scheme and host under which the front end knows us
	Again     bool   // somebody may have got it before, and have done it without being able to say so
}

// Answer is what a front end gets: one of XML, Pieces and JSON.
type Answer struct {
	XML    []byte
	Pieces Pieces
	JSON   any
	Key    string // messageKey of a JSON answer that says FAILED, else ""

	Changed []string // the IDs that the call was to change; they come with an error, too
	Err     error    // what went wrong on our side although the call was answered
}

// Pieces returns the next piece of an answer that is too long for memory, and whether there are more.
type Pieces func() (piece []byte, more bool, err error)

// Call answers one call. What it returns is an error for the front end (*bbb.Error), or one of ours.
type Call func(context.Context, Question) (Answer, error)

// ByName returns the calls by their names.
func (s *Calls) ByName() map[string]Call {
	return map[string]Call{
		"getRecordings":          s.getRecordings,
		"publishRecordings":      s.publishRecordings,
		"updateRecordings":       s.updateRecordings,
		"deleteRecordings":       s.deleteRecordings,
		"getRecordingTextTracks": s.getRecordingTextTracks,
		"putRecordingTextTrack":  s.putRecordingTextTrack,
	}
}

// Recordings is what the calls need of the recordings. The changes return how many recordings they have found: one
// that is deleted, or not here yet, is not found.
type Recordings interface {
	// Recordings returns one page of the selected recordings, newest start first and equal starts by ID, and how many
	// were selected over all pages.
	Recordings(ctx context.Context, f store.RecordingFilter) (page []store.Recording, total int, err error)
	// Publish publishes or unpublishes the recordings with these IDs.
	Publish(ctx context.Context, tenant string, recordIDs []string, publish bool) (found int, err error)
	// Update sets metadata, where an empty value removes the key, and whether recordings are protected, unless that is
	// nil. The IDs are prefixes.
	Update(
		ctx context.Context, tenant string, recordIDs []string, meta map[string]string, protect *bool,
	) (found int, err error)
	// Delete deletes the recordings with these IDs.
	Delete(ctx context.Context, tenant string, recordIDs []string) (found int, err error)
}

// list splits a comma list. One that is absent, or came empty, is nil; an empty element stays, and selects nothing.
func (q Question) list(name string) []string {
	s := q.Request.Params.Get(name)
	if s == "" && !q.emptied(name) {
		return nil
	}
	elements := strings.Split(s, ",")
	for i, e := range elements {
		elements[i] = strings.TrimSpace(e)
	}
	return elements
}

// emptied tells a parameter of which reading has left nothing, as of a blank, from one that came empty: the one asks for
// something that cannot be, the other for nothing in particular. Fields of multipart forms have lost the difference.
func (q Question) emptied(name string) bool {
	for _, p := range q.Request.Params {
		if p.Name != name || p.Value != "" {
			continue
		}
		_, came, _ := strings.Cut(bbb.Params{p}.Encode(), "=")
		unsound := p == bbb.Param{Name: name} // it keeps the text that it came as, unless that was no text
		return came != "" || unsound && !strings.HasPrefix(q.MediaType, "multipart/")
	}
	return false
}

// recordIDs reads the list that publish, update and delete work on.
func recordIDs(q Question) ([]string, error) {
	ids := q.list("recordID")
	if len(ids) == 0 {
		return nil, bbb.ErrMissingRecordID
	}
	return ids, nil
}

// metaKey is the metadata key that a parameter is about.
func metaKey(p bbb.Param) (key string, ok bool) {
	key, ok = strings.CutPrefix(p.Name, "meta_")
	return strings.ToLower(key), ok
}

// changed answers a change of recordings. Only if not one of them was found, that is an error.
func changed(ids []string, found int, err error, answer *bbb.Builder) (Answer, error) {
	a := Answer{Changed: ids}
	switch {
	case err != nil:
		return a, err
	case found == 0:
		return a, bbb.ErrRecordingNotFound
	}
	a.XML = answer.Bytes()
	return a, nil
}

// publishRecordings publishes recordings, or takes them back.
func (s *Calls) publishRecordings(ctx context.Context, q Question) (Answer, error) {
	ids, err := recordIDs(q)
	if err != nil {
		return Answer{}, err
	}
	publish := q.Request.Params.Get("publish")
	switch {
	case publish == "":
		return Answer{Changed: ids}, bbb.ErrMissingPublish
	case s.None:
		return Answer{Changed: ids}, bbb.ErrRecordingNotFound
	}
	found, err := s.Recordings.Publish(ctx, q.Tenant, ids, strings.EqualFold(publish, "true"))
	return changed(ids, found, err, bbb.Success().Text("published", publish))
}

// deleteRecordings deletes recordings.
func (s *Calls) deleteRecordings(ctx context.Context, q Question) (Answer, error) {
	ids, err := recordIDs(q)
	switch {
	case err != nil:
		return Answer{}, err
	case s.None:
		return Answer{Changed: ids}, bbb.ErrRecordingNotFound
	}
	found, err := s.Recordings.Delete(ctx, q.Tenant, ids)
	if q.Again && found == 0 && err == nil {
		found, err = s.deleted(ctx, q.Tenant, ids)
	}
	return changed(ids, found, err, bbb.Success().Bool("deleted", true))
}

// deleted tells, as 1 or 0, whether any of them is deleted already, as they are where the one that has deleted them did not live
// to say so.
func (s *Calls) deleted(ctx context.Context, tenant string, ids []string) (int, error) {
	for _, id := range ids {
		page, _, err := s.Recordings.Recordings(ctx, store.RecordingFilter{
			Tenant: tenant, RecordIDs: []string{id}, States: []store.RecordingState{store.Deleted}, Limit: 10,
		})
		if err != nil {
			return 0, err
		}
		if slices.ContainsFunc(page, func(r store.Recording) bool { return r.RecordID == id }) {
			return 1, nil
		}
	}
	return 0, nil
}

// maxUpdate is how many bytes of metadata one call may set: it all goes into one row for each recording.
const maxUpdate = 64 << 10

// updateRecordings changes metadata. As in Scalelite, protect=true or false says whether recordings are protected.
func (s *Calls) updateRecordings(ctx context.Context, q Question) (Answer, error) {
	ids, err := recordIDs(q)
	switch {
	case err != nil:
		return Answer{}, err
	case s.None:
		return Answer{Changed: ids}, bbb.ErrRecordingNotFound
	}
	meta, err := metaOf(q.Request.Params)
	if err != nil {
		return Answer{Changed: ids}, err
	}
	found, err := s.Recordings.Update(ctx, q.Tenant, ids, meta, protectOf(q.Request.Params))
	if errors.Is(err, store.ErrTooLarge) {
		err = &bbb.Error{Key: "sizeError", Message: "Too much metadata for one recording"}
	}
	return changed(ids, found, err, bbb.Success().Bool("updated", true))
}

// metaOf reads what an update sets. What could not be shown afterwards, and what is our own, is left out.
func metaOf(params bbb.Params) (map[string]string, error) {
	meta, size := map[string]string{}, 0
	for _, p := range params {
		key, ok := metaKey(p)
		if !ok || !bbb.ValidName(key) || bbb.ReservedMeta(key) {
			continue
		}
		meta[key] = p.Value
		size += len(key) + len(p.Value)
	}
	if size > maxUpdate {
		return nil, &bbb.Error{
			Key: "sizeError", Message: fmt.Sprintf("Too much metadata: the limit is %d bytes", maxUpdate),
		}
	}
	return meta, nil
}

// protectOf reads the parameter protect; nil leaves recordings as they are.
func protectOf(params bbb.Params) *bool {
	switch strings.ToLower(params.Get("protect")) {
	case "true":
		return new(true)
	case "false":
		return new(false)
	}
	return nil
}
