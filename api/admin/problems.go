package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// wrong is everything that is wrong, the worst first, in words.
func (p *Pool) wrong(ctx context.Context, servers []poller.Status, sums *v1.RecordingSums) ([]string, error) {
	noSecret, err := p.Tenants.noSecret(ctx)
	if err != nil {
		return nil, err
	}
	notes, err := p.notes(ctx, sums)
	if err != nil {
		return nil, err
	}
	reasons, disks := p.disks()
	list := append(of(problems.Refusing, reasons), of(problems.Late, notes)...)
	list = append(list, noSecret...)
	list = append(list, of(problems.Refusing, p.noRoom(servers))...)
	list = append(list, of(problems.Blind, p.Servers.Alarms())...)
	list = append(list, of(problems.Stuck, disks)...)
	meetings := p.Ledger.Meetings()
	for _, s := range servers {
		if s.State != store.Disabled {
			list = append(list, p.serverProblems(s, meetings)...)
		}
	}
	slices.SortStableFunc(list, func(x, y problems.Problem) int { return cmp.Compare(x.Severity, y.Severity) })
	texts := make([]string, 0, len(list)) // never nil, which JSON would show as null
	for _, p := range list {
		texts = append(texts, p.String())
	}
	return texts, nil
}

// of makes problems of texts.
func of(s problems.Severity, texts []string) (list []problems.Problem) {
	for _, text := range texts {
		list = append(list, problems.Problem{Severity: s, Text: text})
	}
	return list
}

// noRoom says why no new meeting finds a server.
func (p *Pool) noRoom(servers []poller.Status) []string {
	enabled := slices.ContainsFunc(servers, func(s poller.Status) bool { return s.State == store.Enabled })
	probe := store.MeetingKey{Tenant: store.DefaultTenant}
	switch {
	case len(servers) == 0: // a new pool, and nothing is wrong with it
		return nil
	case !enabled:
		return []string{"no server is enabled: bbbpool server enable ID"}
	case errors.Is(p.Ledger.Consider(probe, placement.Wish{}).Err, placement.ErrFull):
		return []string{"every server is at its hard capacity: new meetings are refused; enable another server, or raise " +
			"a capacity with bbbpool server set ID --capacity N"}
	}
	return nil
}

// serverProblems is what is wrong with a server that is in use.
func (p *Pool) serverProblems(s poller.Status, meetings []placement.Info) (list []problems.Problem) {
	switch {
	case s.Health == poller.Offline && s.Load.Meetings > 0:
		list = append(list, problems.Problem{Severity: problems.CutOff, Text: p.outage(s, meetings)})
	case s.Health == poller.Offline:
		list = append(list, problems.Problem{Severity: problems.Away, Text: failing(s, p.Now())})
	case s.Health == poller.Suspect:
		list = append(list, problems.Problem{Severity: problems.Doubtful, Text: failing(s, p.Now())})
	}
	if s.Split > 0 {
		list = append(list, problems.Problem{
			Severity: problems.Divided, Text: fmt.Sprintf("server %s has people in %s of meetings that run on another server: "+
				"bbbpool server show %s", s.ID, v1.Count(s.Split, "copy", "copies"), s.ID),
		})
	}
	for _, warning := range s.Warnings {
		list = append(list, problems.Problem{Severity: problems.Impending, Text: fmt.Sprintf("server %s: %s", s.ID, warning)})
	}
	if people := s.Load.People; s.Capacity > 0 && people > s.Capacity {
		list = append(list, problems.Problem{
			Severity: problems.Impending, Text: fmt.Sprintf("server %s has %d people, its capacity is %d", s.ID, people, s.Capacity),
		})
	}
	return list
}

// failing says how long a server has failed, and why; or how far one is on its way back.
func failing(s poller.Status, now time.Time) string {
	if s.Failing.IsZero() {
		return fmt.Sprintf("server %s is %s: %s", s.ID, s.Health, s.Reason)
	}
	lasts := now.Sub(s.Failing).Truncate(time.Second)
	if s.Health == poller.Offline {
		return fmt.Sprintf("server %s is offline, since %s (%s): %s", s.ID, clockTime(s.Failing), lasts, s.Reason)
	}
	return fmt.Sprintf("server %s is %s, failing for %s: %s", s.ID, s.Health, lasts, s.Reason)
}

// outage says whom it concerns that a server is offline.
func (p *Pool) outage(s poller.Status, meetings []placement.Info) string {
	there := slices.DeleteFunc(slices.Clone(meetings), func(m placement.Info) bool { return m.Server != s.ID })
	slices.SortStableFunc(there, func(x, y placement.Info) int { return cmp.Compare(y.People, x.People) })
	names := make([]string, 0, len(there))
	for _, m := range there {
		names = append(names, m.MeetingID)
	}
	return fmt.Sprintf("%s; nobody can join its %s until it is back, or the next create makes them anew elsewhere: %s; "+
		"bbbpool meeting list --server %s lists them", failing(s, p.Now()),
		v1.Running(s.Load.Meetings, roster.People(s)), v1.Some(names), s.ID)
}

// clockTime is a time as it stands in a sentence.
func clockTime(t time.Time) string { return t.UTC().Format(time.DateTime + " MST") }

// badArchives names the archives that are in quarantine, and those that could not be imported so far.
func (p *Pool) badArchives(ctx context.Context) (list []string, err error) {
	for _, kind := range []struct {
		state store.JobState
		what  [2]string
	}{
		{store.JobFailed, [2]string{"archive is in quarantine, and not imported", "archives are in quarantine, and not imported"}},
		{store.JobWaiting, [2]string{
			"archive cannot be imported, and is tried again", "archives cannot be imported, and are tried again",
		}},
	} {
		jobs, err := p.Recordings.Jobs(ctx, store.JobFilter{States: []store.JobState{kind.state}})
		if err != nil {
			return nil, err
		}
		untried := func(j store.Job) bool { return j.State == store.JobWaiting && (j.Attempts == 0 || j.Reason == "") }
		if jobs = slices.DeleteFunc(jobs, untried); len(jobs) > 0 {
			what := v1.Count(len(jobs), kind.what[0], kind.what[1])
			list = append(list, fmt.Sprintf("%s: %s; bbbpool recording jobs says more", what, v1.Some(reasons(jobs))))
		}
	}
	return list, nil
}

// reasons says of archives what is wrong with each.
func reasons(jobs []store.Job) (list []string) {
	for _, j := range jobs {
		list = append(list, fmt.Sprintf("%s (%s)", j.ID, cut(j.Reason)))
	}
	return list
}

// cut shortens a reason to what fits in a list.
func cut(reason string) string {
	const most = 120
	if runes := []rune(reason); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return cmp.Or(reason, "no reason is known")
}

// disks tells why the program is not ready, and what is wrong with the disks. A disk that is full is one line, be it that
// the store is on it, too, and that imports wait for it goes without saying.
func (p *Pool) disks() (reasons, disks []string) {
	reasons = p.notReady()
	if p.Recordings == nil {
		return reasons, nil
	}
	full := -1
	for _, s := range badDisks(p.Recordings.Volume()) {
		if strings.HasPrefix(s.what, "is full") {
			full = len(disks)
		}
		disks = append(disks, s.text)
	}
	if full < 0 {
		return reasons, append(disks, p.Recordings.Trouble()...)
	}
	noSpace := func(reason string) bool { return strings.Contains(reason, syscall.ENOSPC.Error()) }
	if i := slices.IndexFunc(reasons, noSpace); i >= 0 {
		reasons[i] += "; " + disks[full]
		disks = slices.Delete(disks, full, full+1)
	}
	waits := func(text string) bool { return strings.HasPrefix(text, "imports wait for room") }
	return reasons, append(disks, slices.DeleteFunc(slices.Clone(p.Recordings.Trouble()), waits)...)
}

// notReady never returns nil, which JSON would show as null.
func (p *Pool) notReady() []string {
	list := []string{}
	if p.Ready != nil {
		list = append(list, p.Ready()...)
	}
	return list
}

// badDisk is a disk with a problem.
type badDisk struct {
	total int64  // bytes
	what  string // the first words of the problem
	text  string
}

// badDisks says what is wrong with the directories of the recordings: once for those that are on one disk, as far as
// its size tells that.
func badDisks(volumes []volume.Status) (list []badDisk) {
	for _, v := range volumes {
		if v.Problem == "" {
			continue
		}
		what, _, _ := strings.Cut(strings.TrimPrefix(v.Problem, fmt.Sprintf("%s (%s) ", v.Name, v.Path)), ":")
		same := func(s badDisk) bool { return v.Total > 0 && s.total == v.Total && s.what == what }
		if i := slices.IndexFunc(list, same); i >= 0 {
			list[i].text += fmt.Sprintf("; so it is with %s (%s)", v.Name, v.Path)
			continue
		}
		list = append(list, badDisk{v.Total, what, "volume " + v.Problem}) // which begins with the name
	}
	return list
}

// notes is what wants looking at although the pool works.
func (p *Pool) notes(ctx context.Context, sums *v1.RecordingSums) ([]string, error) {
	if sums == nil {
		return nil, nil
	}
	archives, err := p.badArchives(ctx)
	return append(archives, overdue(sums)...), err
}

// overdue says in words what somebody has to look at, beside the archives.
func overdue(s *v1.RecordingSums) (list []string) {
	if s == nil {
		return nil
	}
	if s.Overdue > 0 {
		list = append(list, v1.Count(s.Overdue, "recording is", "recordings are")+
			" overdue: bbbpool recording list --owed says where they are")
	}
	return list
}
