package callbacks

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// placing is how long a recording that was committed is given until its files are in place. Front ends find it at once.
const placing = time.Second

// Ready is what is told of a recording that has come, by what is known of its meeting; of a breakout room's, by what is known
// of its parent, whose metadata it has. It is told under the ID that the recording has, which of a breakout room is one that no
// front end has given. What is a recording of another tenant's by now is not told to that of its meeting.
//
// Later says that others of its formats were here before: then it was told of, unless each format is.
func (c *Callbacks) Ready(r store.Recording, s store.Session, later bool) []store.Callback {
	if later && !c.Config.EachFormat || s.Back == nil || s.Tenant != r.Tenant || r.State == store.Deleted || len(r.Formats) == 0 {
		return nil
	}
	to, ok := c.goesTo(s.Back.Ready())
	if !ok || !c.hasRoom(r.Tenant, store.CallbackReady, len(to)) {
		return nil
	}
	row := c.newRow(store.CallbackReady, store.MeetingKey{Tenant: r.Tenant, MeetingID: r.MeetingID}, r.RecordID, to)
	row.ID = store.CallbackID(row.Kind, c.readySubject(r), to)
	row.Signer, row.Due = s.Signer, row.Created.Add(placing)
	return []store.Callback{row}
}

// readySubject is what is told once: that there is a recording or, where somebody wants to hear of each, with which formats.
func (c *Callbacks) readySubject(r store.Recording) string {
	if !c.Config.EachFormat {
		return r.RecordID
	}
	names := make([]string, 0, len(r.Formats)+1)
	for _, f := range r.Formats {
		names = append(names, f.Type)
	}
	slices.Sort(names)
	return strings.Join(append([]string{r.RecordID}, names...), " ")
}

// Nudging is an index after whose commits the outbox looks at once, where there is something to be told. Ready cannot say so
// itself: nothing is there before the transaction is over. All else goes to the one below, untouched.
func (c *Callbacks) Nudging(below store.Index) store.Index { return nudging{below, c} }

type nudging struct {
	store.Index

	callbacks *Callbacks
}

// Commit nudges for what tell has made.
func (n nudging) Commit(
	ctx context.Context, job store.Job, recordIDs []string, change func(*store.Recording) error,
	tell ...func(store.Recording) []store.Callback,
) ([]store.Recording, error) {
	told := false
	tell = slices.Clone(tell)
	for i, of := range tell {
		tell[i] = func(r store.Recording) []store.Callback {
			rows := of(r)
			told = told || len(rows) > 0
			return rows
		}
	}
	list, err := n.Index.Commit(ctx, job, recordIDs, change, tell...)
	if err == nil && told {
		n.callbacks.nudge()
	}
	return list, err
}

// AddCallbacks nudges for what an operator has told of.
func (n nudging) AddCallbacks(ctx context.Context, list ...store.Callback) error {
	err := n.Index.AddCallbacks(ctx, list...)
	if err == nil && len(list) > 0 {
		n.callbacks.nudge()
	}
	return err
}
