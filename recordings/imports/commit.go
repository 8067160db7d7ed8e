package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

var (
	errDropped = errors.New("all that is in it was deleted here: bbbpool recording import --force brings it back")
	errSame    = errors.New("all that is in it is here already")
	errDeleted = errors.New("deleted here before")
)

// arrival is a recording as it has come, and where from.
type arrival struct {
	store.Recording
	session store.Session // of the meeting that says who is told
	force   bool          // although it was deleted
}

// commit stores recordings and job in one transaction, without those that were deleted here: a late archive must not
// bring them back.
func (a *attempt) commit(ctx context.Context, found []store.Recording) error {
	for {
		arrivals, err := a.arrivals(ctx, found)
		if err != nil {
			a.job.Recordings = recordIDs(found)
			return err
		}
		placing := a.job
		placing.State, placing.Staging, placing.Reason, placing.Changed = store.JobPlacing, a.Staging, "", a.importer.Now()
		placing.Recordings = slices.Sorted(maps.Keys(arrivals))
		err = a.commitAll(ctx, placing, arrivals)
		switch {
		case err == nil:
			a.job = placing
			return nil
		case !errors.Is(err, errDeleted): // else deleted in this very moment: look again
			return err
		}
	}
}

// commitAll holds all of the recordings, in the order of their IDs, and commits.
func (a *attempt) commitAll(ctx context.Context, placing store.Job, arrivals map[string]arrival) error {
	for _, id := range placing.Recordings {
		defer a.importer.Files.Hold(id).Release()
	}
	within, done, err := a.importer.authorised(ctx)
	if err != nil {
		return err
	}
	defer done()
	before := map[string]store.Recording{}
	_, err = a.importer.Index.Commit(within, placing, placing.Recordings, func(r *store.Recording) error {
		if err := a.still(within); err != nil {
			return err
		}
		before[r.RecordID] = *r // perhaps twice
		return arrivals[r.RecordID].mergeInto(r, a.importer.Now(), a.importer.Config)
	}, a.tellers(arrivals, before)...)
	if err != nil && within.Err() != nil && ctx.Err() == nil { // another instance may import now
		err = errors.Join(store.ErrFenced, err)
	}
	return err
}

func recordIDs(list []store.Recording) (ids []string) {
	for _, r := range list {
		ids = append(ids, r.RecordID)
	}
	return ids
}

// arrivals completes what was found by what the pool knows of it, and leaves out what was deleted.
func (a *attempt) arrivals(ctx context.Context, found []store.Recording) (map[string]arrival, error) {
	live, err := a.importer.liveSessions(ctx)
	if err != nil {
		return nil, err
	}
	list, none := map[string]arrival{}, errDropped
	for _, r := range found {
		known, err := a.importer.Index.Recording(ctx, r.RecordID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil && known.State == store.Deleted && !a.force {
			continue
		}
		session, err := a.importer.Owners.Session(ctx, r, live)
		if err != nil {
			return nil, err
		}
		if err := a.refuseForeign(ctx, session, r, known); errors.Is(err, errSame) {
			none = errSame
			continue
		} else if err != nil {
			return nil, err
		}
		if r, err = a.importer.Owners.Assign(ctx, r, session, a.origin()); err != nil {
			return nil, err
		}
		asking, err := a.importer.Owners.Asking(ctx, r, live)
		if err != nil {
			return nil, err
		}
		if a.importer.Meta != nil {
			r.Meta = a.importer.Meta(r.Meta, asking.Back)
		}
		list[r.RecordID] = arrival{Recording: r, session: asking, force: a.force}
	}
	if len(list) == 0 {
		return nil, none
	}
	return list, nil
}

// liveSessions returns the sessions that go on, by internal ID, as far as they can be told before their ends. It is asked
// before the history: a meeting that ends in between is in both for a moment, and never in neither.
func (i *Importer) liveSessions(ctx context.Context) (map[string]store.Session, error) {
	sessions := map[string]store.Session{}
	claims, err := i.Live.Claims(ctx)
	for _, c := range claims {
		if c.InternalID != "" {
			sessions[c.InternalID] = store.Session{
				ID: c.InternalID, Tenant: c.Tenant, Server: c.Server, Signer: c.Signer, Back: c.Back,
			}
		}
	}
	return sessions, err
}

// refuseForeign refuses what a server has sent of another server's meeting, over or going on, as long as that is in the
// pool, of one that has not begun yet, or of one that is here from nobody knows where: who may upload must not be able to
// replace what others have made, or will make. What is here just so is no matter.
func (a *attempt) refuseForeign(ctx context.Context, session store.Session, r, known store.Recording) error {
	if a.job.Source != fromUpload {
		return nil
	}
	maker, sender := cmp.Or(session.Server, known.Server), a.job.Server
	switch {
	case maker == sender:
		return nil
	case maker == "" && inFuture(r.RecordID, a.importer.Now()):
		return refusal(r.RecordID, "is of a meeting that is yet to be created, and server %s has sent it", sender)
	case maker == "" && known.Imported.IsZero():
		return nil
	case maker == "" && record.SameFormats(r, known):
		return errSame
	case maker == "":
		return refusal(r.RecordID, "is here already, and nobody knows that server %s has made it", sender)
	}
	_, err := a.importer.Servers.Server(ctx, maker)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it may have got another name
	}
	if err != nil {
		return err
	}
	return refusal(r.RecordID, "is a recording of server %s, and server %s has sent it", maker, sender)
}

// inFuture tells whether a record ID names a moment that is yet to come: BigBlueButton ends it in the milliseconds at which
// its meeting was created.
func inFuture(recordID string, now time.Time) bool {
	if record.LeadingID(recordID) == "" {
		return false
	}
	_, text, _ := strings.Cut(recordID, "-")
	created, err := strconv.ParseInt(text, 10, 64)
	return err == nil && created > now.UnixMilli()
}

// refusal is the error of an archive that somebody should look at.
func refusal(id, format string, args ...any) error {
	return &archive.Error{
		Member: id, What: fmt.Sprintf(format, args...) + "; if that is right: bbbpool recording import, of the file in quarantine",
	}
}

// mergeInto makes of a recording what it is with what has arrived. What people changed stays; formats that did not come
// again stay, too.
func (a arrival) mergeInto(r *store.Recording, now time.Time, c Config) error {
	if r.State == store.Deleted {
		if !a.force {
			return errDeleted
		}
		*r = store.Recording{
			RecordID: r.RecordID, Tenant: r.Tenant, Server: r.Server, Claimed: r.Claimed, ClaimedID: r.ClaimedID,
		}
	}
	first := r.Imported.IsZero()
	old := r.State
	switch {
	case r.Tenant == "":
		r.Tenant, r.Claimed, r.ClaimedID = a.Tenant, a.Claimed, a.ClaimedID
	case r.Claimed != "" && a.Tenant != store.DefaultTenant: // the one that it names is here by now
		r.Tenant, r.Claimed, r.ClaimedID = a.Tenant, "", ""
	case r.Claimed == "": // somebody has settled whose it is
		record.Settle(&a.Recording)
	}
	r.Server = cmp.Or(r.Server, a.Server)
	record.Describe(r, a.Recording)
	r.Formats = record.MergeFormats(r.Formats, a.Formats)
	if !r.Edits.State {
		r.State, r.Edits.State = a.State, a.Edits.State
		if c.Hidden && (first || old == store.Unpublished) {
			r.State = store.Unpublished
		}
	}
	r.Imported = now
	if first && !r.Edits.Protected {
		r.Protected = c.Protect
	}
	if r.State != old {
		r.Changed = now
	}
	record.Deliver(r)
	return nil
}
