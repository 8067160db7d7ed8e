package roster

import (
	"context"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// View shows a server that owes so many recordings.
func View(s poller.Status, owed int) v1.Server {
	checksum := s.Checksum
	if checksum == "" {
		checksum = string(bbb.SHA256)
	}
	return v1.Server{
		ID: s.ID, URL: s.URL, State: string(s.State), Health: string(s.Health), Reason: s.Reason,
		Weight: s.Weight, Capacity: s.Capacity, Hard: s.Hard, Tag: s.Tag, Checksum: checksum, Admitted: v1.Stamp(s.Admitted),
		Meetings: s.Load.Meetings, Users: People(s), Videos: s.Videos, Largest: s.Largest,
		Expected: quantity.Tenths(s.Load.Expected), Kept: quantity.Tenths(s.Load.Kept), Owed: owed,
		LastPoll: v1.Stamp(s.LastPoll), LatencyMS: v1.Milliseconds(s.Latency), FailingSince: v1.Stamp(s.Failing),
		Warnings: warnings(s.Warnings), SkewMS: v1.Milliseconds(s.ClockSkew),
		CertificateExpires: v1.Stamp(s.CertificateExpires), SecretChange: showChange(s),
	}
}

// Show shows a server after something was done to it: what it owes is not what that must fail for.
func (r *Roster) Show(ctx context.Context, s poller.Status) v1.Server {
	owed, err := r.Debts.ByServer(ctx)
	if err != nil {
		r.Log.Error().Err(err).Str("server", s.ID).Msg("count what a server owes")
	}
	return View(s, len(owed[s.ID]))
}

// outcome completes a result with what the server has become.
func (r *Roster) outcome(ctx context.Context, record store.Server, result v1.Result) v1.Result {
	status, ok := r.Pool.Server(record.ID)
	if !ok { // removed in this very moment
		status = poller.Status{Server: record, Health: poller.Unknown}
	}
	result.Server = r.Show(ctx, status)
	return result
}

// Diagnosis shows what a server told about itself.
func Diagnosis(d bbb.Diagnosis) *v1.Diagnosis {
	return &v1.Diagnosis{Version: d.Version, Checksum: string(d.Algorithm), Meetings: d.Meetings, People: d.People}
}

// Room shows what is left of the pool without a server.
func Room(d placement.Drained) v1.Room {
	return v1.Room{
		Server: d.Server, Carries: quantity.Tenths(d.Carries), Now: quantity.Tenths(d.Now), Tightest: quantity.Tenths(d.Tightest),
		Short: d.Short(),
	}
}

// LogState notes what state somebody has put a server into.
func LogState(log *zerolog.Logger, record store.Server, was store.ServerState, force bool) {
	log.Info().Str("server", record.ID).Str("state", string(record.State)).Str("was", string(was)).Bool("force", force).
		Msg("server state")
}

// warnings are the texts of warnings; never nil, which JSON would show as null.
func warnings(list []poller.Warning) []string {
	texts := make([]string, 0, len(list))
	for _, w := range list {
		texts = append(texts, w.Text)
	}
	return texts
}
