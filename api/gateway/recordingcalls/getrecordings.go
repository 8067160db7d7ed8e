package recordingcalls

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// maxPage is how many recordings a page may have (BigBlueButton's API, getRecordings).
const maxPage = 100

// errFiltered is Scalelite's answer to those who ask for all recordings where that is not wanted.
var errFiltered = &bbb.Error{Key: "missingParameters", Message: "You must specify a meetingID or a recordID."}

// getRecordings lists recordings, newest first. Unlike BigBlueButton, which counts formats, a page counts recordings.
func (s *Calls) getRecordings(ctx context.Context, q Question) (Answer, error) {
	filter := filterOf(q)
	limit, err := strconv.Atoi(q.Request.Params.Get("limit"))
	paged := err == nil && limit >= 1 && limit <= maxPage
	if paged {
		offset, _ := strconv.Atoi(q.Request.Params.Get("offset")) // what is no number is the first page, as in BigBlueButton
		filter.Offset, filter.Limit = max(0, offset), limit
	}
	switch {
	case s.Filtered && filter.RecordIDs == nil && filter.MeetingIDs == nil:
		return Answer{}, errFiltered
	case s.None && paged:
		return Answer{XML: s.recordingsPage(q, nil, 0, filter)}, nil
	case s.None:
		return Answer{XML: endRecordings(beginRecordings(), 0).Bytes()}, nil
	case !paged:
		return Answer{Pieces: s.allRecordings(ctx, q, filter)}, nil
	}
	page, total, err := s.Recordings.Recordings(ctx, filter)
	if err != nil {
		return Answer{}, err
	}
	return Answer{XML: s.recordingsPage(q, page, total, filter)}, nil
}

// filterOf reads which recordings a call asks for.
func filterOf(q Question) store.RecordingFilter {
	f := store.RecordingFilter{
		Tenant: q.Tenant, RecordIDs: q.list("recordID"), MeetingIDs: q.list("meetingID"),
		States: states(q.Request.Params.Get("state")),
	}
	if f.RecordIDs == nil && f.MeetingIDs != nil {
		f.MeetingIDs = slices.DeleteFunc(f.MeetingIDs, func(id string) bool { return id == "" })
		if len(f.MeetingIDs) == 0 {
			f.RecordIDs = []string{""} // which selects nothing
		}
	}
	for _, p := range q.Request.Params {
		if key, ok := metaKey(p); ok {
			f.Meta = append(f.Meta, store.MetaMatch{Key: key, Value: p.Value})
		}
	}
	return f
}

// states are those that a call asks for; nil is any.
func states(s string) (all []store.RecordingState) {
	for state := range strings.SplitSeq(s, ",") {
		if state = strings.TrimSpace(state); state != "" {
			all = append(all, store.RecordingState(state))
		}
	}
	switch {
	case len(all) == 0:
		return []store.RecordingState{store.Published, store.Unpublished}
	case slices.Contains(all, "any"):
		return nil
	}
	return all
}

// beginRecordings begins a list.
func beginRecordings() *bbb.Builder { return bbb.Success().Open("recordings") }

// endRecordings ends a list with so many recordings in it.
func endRecordings(x *bbb.Builder, n int) *bbb.Builder {
	x.Close("recordings")
	if n == 0 {
		x.Message("noRecordings", "There are no recordings for the meeting(s).")
	}
	return x
}

// recordingsPage is the answer with one page of all that was selected.
func (s *Calls) recordingsPage(q Question, page []store.Recording, total int, f store.RecordingFilter) []byte {
	x := beginRecordings()
	for _, r := range page {
		s.writeRecording(x, r, q.Origin)
	}
	return endRecordings(x, len(page)).Open("pagination").Open("pageable").
		Int("offset", int64(f.Offset)).Int("limit", int64(f.Limit)).Bool("paged", true).Bool("unpaged", false).
		Close("pageable").Int("totalElements", int64(total)).Bool("empty", len(page) == 0).Close("pagination").Bytes()
}

const (
	firstPiece = 100     // recordings that are fetched at first, when nobody knows how large they are
	mostPiece  = 1000    // and later
	leastPiece = 10      // however large they are
	pieceSize  = 1 << 20 // bytes that a piece of a long list should have, and has half of at least
	longLists  = 4       // that are being fetched from at the same time, beyond their first pieces
)

// allRecordings returns the answer with everything that was selected, piece by piece: it may be larger than memory. A
// list that fits into one piece is sent whole. Whoever wants more than the first piece waits until few others do.
func (s *Calls) allRecordings(ctx context.Context, q Question, f store.RecordingFilter) Pieces {
	w := walk{recordings: s.Recordings, filter: f}
	x, n, written, from := beginRecordings(), firstPiece, 0, q.Origin
	return func() (piece []byte, more bool, err error) {
		if written > 0 {
			if err := s.lists.Acquire(ctx, 1); err != nil {
				return nil, false, err
			}
			defer s.lists.Release(1)
		}
		for before := written; len(x.Fragment()) < pieceSize/2; {
			page, more, err := w.next(ctx, n)
			if err != nil {
				return nil, false, err
			}
			for _, r := range page {
				s.writeRecording(x, r, from)
			}
			if written += len(page); !more {
				return endRecordings(x, written).Bytes(), false, nil
			}
			n = min(max(pieceSize*(written-before)/len(x.Fragment()), leastPiece), mostPiece)
		}
		piece, x = x.Fragment(), &bbb.Builder{}
		return piece, true, nil
	}
}

// walk goes through everything that a filter selects, and meets each recording once. Pages go by offset, and before
// that recordings come and go meanwhile: a page that begins with something that was met already has left nothing out.
type walk struct {
	recordings Recordings
	filter     store.RecordingFilter
	met        *store.Recording // the last one; nil at the start
	offset     int              // of the one after it, when it was met
}

// next returns recordings that were not met yet, at most n of them, and whether there are more.
func (w *walk) next(ctx context.Context, n int) (fresh []store.Recording, more bool, err error) {
	for back := 1; ; {
		w.filter.Offset, w.filter.Limit = max(0, w.offset-back), n
		page, total, err := w.recordings.Recordings(ctx, w.filter)
		if err != nil {
			return nil, false, err
		}
		old := 0
		for old < len(page) && !w.fresh(page[old]) {
			old++
		}
		end := w.filter.Offset + len(page)
		switch {
		case old == 0 && w.filter.Offset > 0: // what was met has moved to the front
			back *= 4
		case old == len(page) && len(page) > 0 && end < total: // it has moved to the back
			w.offset, back = end, 1
		default:
			if len(page) > 0 {
				last := page[len(page)-1] // a copy: the rest need not stay in memory
				w.met, w.offset = &last, end
			}
			return page[old:], end < total, nil
		}
	}
}

// fresh tells whether a recording comes after all that were met, in the order of the pages.
func (w *walk) fresh(r store.Recording) bool {
	return w.met == nil || r.Start.Before(w.met.Start) || r.Start.Equal(w.met.Start) && r.RecordID > w.met.RecordID
}
