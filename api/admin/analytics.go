package admin

import (
	"errors"
	"net/http"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/callbacks/analysis"
	"github.com/bbbpool/bbbpool/store"
)

// analytics shows what a server has told of who did what in a meeting.
func (p *Past) analytics(r *http.Request) (any, error) {
	query := r.URL.Query()
	id := query.Get("id")
	if id == "" || len(id) > maxID {
		return nil, v1.Invalid("id: want a meetingID or an internal meeting ID")
	}
	kept, others, err := p.Finder.Analysis(r.Context(), p.Erasers.Index, query.Get("tenant"), id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, v1.NotFound("nothing is kept of who did what in %q: bbbpool tenant set TENANT --analytics keeps it, or "+
			"--analytics-store of bbbpool serve, for --analytics-keep", id)
	}
	if err != nil {
		return nil, err
	}
	return newAnalysis(kept, others), nil
}

func newAnalysis(kept store.Analysis, others []string) v1.Analysis {
	shown := v1.Analysis{
		InternalID: kept.ID, Tenant: kept.Tenant, MeetingID: kept.MeetingID, At: v1.Stamp(kept.At), People: []v1.Attendee{},
		Others: append([]string{}, others...), Analysis: kept.Body,
	}
	told, err := analysis.Read(kept.Body)
	if err != nil {
		shown.Analysis = nil
		return shown
	}
	people, seconds := told.People()
	shown.Breakout, shown.Seconds = told.Breakout, seconds
	for _, one := range people {
		shown.People = append(shown.People, v1.Attendee(one))
	}
	return shown
}
