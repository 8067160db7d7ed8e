package admin

import (
	"context"
	"net/http"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/past"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// Past finds meetings that are over, and those that are not, by any of their IDs, and takes out of the records what a person
// wants forgotten.
type Past struct {
	Finder  *past.Finder
	Erasers past.Erasers
}

func (p *Past) routes() frame.Routes {
	return frame.Routes{
		"GET /history/find": frame.Own(p.find, confine.ByQuery(), access.Read),
		"GET /analytics":    frame.Own(p.analytics, confine.ByQuery(), access.Read),
		"POST /forget":      frame.Whole(p.forget, access.Admin),
	}
}

// maxID bounds an ID that is looked for, in bytes: none that is stored is longer.
const maxID = 1000

func (p *Past) find(r *http.Request) (any, error) {
	query := r.URL.Query()
	id := query.Get("id")
	if id == "" || len(id) > maxID {
		return nil, v1.Invalid("id: want a meetingID, an internal meeting ID or a recordID")
	}
	found, err := p.Finder.Find(r.Context(), query.Get("tenant"), id)
	if err != nil {
		return nil, err
	}
	list := []v1.FoundMeeting{}
	for _, m := range found {
		list = append(list, newFound(m))
	}
	return list, nil
}

func newFound(m past.Found) v1.FoundMeeting {
	shown := v1.FoundMeeting{
		Tenant: m.Tenant, MeetingID: m.MeetingID, InternalID: m.InternalID, Server: m.Server, Start: v1.Stamp(m.Start),
		End: v1.Stamp(m.End), Running: m.Running, People: m.People, Peak: m.Peak, Joins: m.Joins, Reason: m.Reason,
		Recorded: m.Recorded,
	}
	if m.Recording != nil {
		r := newRecording(*m.Recording)
		shown.Recording = &r
	}
	return shown
}

// forget takes out of the records what tells of a person. The audit log says that it was done, and by a keyed hash for whom:
// who knows the name can tell that it was that one, and nobody else can tell which it was.
func (p *Past) forget(r *http.Request) (any, error) {
	var f v1.Forget
	if err := frame.Read(r, &f); err != nil {
		return nil, err
	}
	wish := past.Wish{Texts: f.Texts, Tenant: f.Tenant, Meeting: f.Meeting, Recordings: f.Recordings, DryRun: f.DryRun}
	if err := wish.Validate(); err != nil {
		return nil, v1.Invalid("%s", err)
	}
	ctx := r.Context()
	if !f.DryRun {
		ctx = context.WithoutCancel(ctx)
	}
	report, err := p.Erasers.Forget(ctx, p.Finder.Ledger, wish)
	if f.DryRun {
		return frame.Unchanged{Answer: newForgotten(report, f)}, err
	}
	who := strings.Join(append([]string{"forget", wish.Meeting}, wish.Texts...), "\x00")
	hash := p.Finder.Ledger.Hash(store.MeetingKey{MeetingID: who})
	frame.Logger(r).Info().Str("of", hash).Int("sessions", report.Sessions).Int("recordings", len(report.Recordings)).
		Int("audits", report.Audits).Bool("deleted", f.Recordings).Msg("a person was forgotten")
	counts := v1.ForgottenCounts{
		Sessions: report.Sessions, Analytics: report.Analytics, Recordings: len(report.Recordings), Audits: report.Audits,
		Deleted: f.Recordings,
	}
	done := frame.Changed{
		Answer: newForgotten(report, f), Action: "forget", Kind: "person", Object: hash, Tenant: f.Tenant, After: counts,
	}
	if err != nil { // what was removed until then is gone all the same
		done.After = frame.Failed(err, counts)
	}
	return done, err
}

func newForgotten(report past.Report, f v1.Forget) v1.Forgotten {
	shown := v1.Forgotten{
		DryRun: f.DryRun, Sessions: report.Sessions, Analytics: report.Analytics, Audits: report.Audits,
		Recordings: []v1.ForgottenRecording{},
		Left:       []v1.LeftOver{}, Beyond: past.Beyond(report, f.Recordings),
	}
	for _, r := range report.Recordings {
		shown.Recordings = append(shown.Recordings, v1.ForgottenRecording{
			RecordID: r.RecordID, Tenant: r.Tenant, Server: r.Server, State: string(r.State), Where: append([]string{}, r.Where...),
			Files: r.Files, Deleted: f.Recordings,
		})
	}
	for _, l := range report.Left {
		shown.Left = append(shown.Left, v1.LeftOver{What: l.What, Tenant: l.Tenant, ID: l.ID, Advice: l.Advice})
	}
	return shown
}
