package poller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Problems returns everything that is wrong with our own side of the servers, and with the servers that are in use, by
// ID. It asks nobody. The names are
//
//	servers         most of the pool fails at once, which our own network is to blame for
//	dns             names do not resolve: many, which is local DNS, or that of one server
//	offline         a server has failed for a while; nobody can join what is on it
//	suspect         it fails just now, is on its way back, or answers very slowly
//	split           people are in copies of meetings that run on another server
//	clock           its clock is wrong
//	certificate     its certificate expires soon
//	slow            it answers slowly
//	unclaimed       it has meetings that nobody has created through the pool
//	over-capacity   it has more people than it should
//	secret          it has not taken over its new secret in time
//
// and of Readiness unready.
func (p *Poller) Problems(context.Context) []problems.Problem {
	list := p.pool.network.problems()
	meetings := sync.OnceValue(p.ledger.Meetings) // of all servers, which takes a while where there are many
	for _, s := range p.pool.sorted() {
		if status := s.inspect(); status.State != store.Disabled {
			list = append(list, status.Problems(p.now(), meetings)...)
		}
	}
	return list
}

// Readiness tells why the pool cannot take new meetings. It is a source of its own so that /readyz asks nothing else: it has
// its answer from memory at once, however many servers there are, and Problems tells about each of them.
//
// Also servers on their way back take new meetings where nobody else can. A pool without servers that should take some is
// as ready as it can be: joins go on, and somebody may be waiting for that to add servers.
func (p *Poller) Readiness() problems.Source {
	return problems.Func(func(context.Context) []problems.Problem {
		text := p.pool.unready()
		if text == "" {
			return nil
		}
		return []problems.Problem{{
			Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Pool}, Name: "unready", Text: text, Unready: true,
		}}
	})
}

// unready tells why no server can take new meetings, "" where one can.
func (p *pool) unready() string {
	enabled, unknown := 0, 0
	for _, s := range p.sorted() {
		s.mu.Lock()
		state, unseen, failing := s.state.record.State, s.state.health.Is == Unknown, s.state.failing()
		s.mu.Unlock()
		switch {
		case state != store.Enabled:
			continue
		case unseen:
			unknown++
		case !failing:
			return ""
		}
		enabled++
	}
	switch {
	case unknown > 0 && unknown == enabled:
		return "no server has been polled yet"
	case enabled == 0 || unknown > 0: // a server that was not asked yet comes before those that fail
		return ""
	case p.network.countFailing().Most():
		return "no server can take new meetings: most fail at once, check our own network and DNS"
	}
	return "no server can take new meetings"
}

// The names of problems that nobody but the registry finds, and logs.
const (
	overCapacity = "over-capacity"
	formerSecret = "secret"
)

// Problems is what is wrong with a server that is in use. The meetings are those of all servers, and asked for where it
// concerns them.
func (s Status) Problems(now time.Time, meetings func() []placement.Info) (list []problems.Problem) {
	add := func(severity problems.Severity, name string, since time.Time, text string) *problems.Problem {
		list = append(list, problems.Problem{
			Severity: severity, Subject: problems.Subject{Kind: problems.Server, ID: s.ID}, Name: name, Since: since, Text: text,
			Logged: name != overCapacity && name != formerSecret,
		})
		return &list[len(list)-1]
	}
	concerned := func(p *problems.Problem) { p.Meetings, p.People = s.Load.Meetings, s.Load.People }
	switch {
	case s.Health == Offline && s.Load.Meetings > 0:
		p := add(problems.CutOff, "offline", s.Failing, s.cutOff(now, meetings()))
		p.Remedy = fmt.Sprintf("bbbpool meeting list --server %s lists them", s.ID)
		concerned(p)
	case s.Health == Offline:
		add(problems.Away, "offline", s.Failing, s.NotOnline(now))
	case s.Health == Suspect:
		concerned(add(problems.Doubtful, "suspect", s.Failing, s.NotOnline(now)))
	}
	if len(list) > 0 && list[0].Remedy == "" && strings.Contains(s.Reason, "checksumError") {
		list[0].Remedy = "run bbb-conf --secret there, then bbbpool server set " + s.ID + " --secret SECRET"
	}
	if s.Split > 0 {
		p := add(problems.Divided, "split", s.SplitSince, fmt.Sprintf("server %s has people in %s of meetings that run on "+
			"another server:", s.ID, quantity.Count(s.Split, "copy", "copies")))
		p.Remedy, p.Meetings, p.People = "bbbpool server show "+s.ID, s.Split, s.SplitPeople
	}
	for _, w := range s.Warnings {
		add(problems.Impending, w.Name, w.Since, fmt.Sprintf("server %s: %s", s.ID, w.Text))
	}
	if people := s.Load.People; s.Capacity > 0 && people > s.Capacity {
		concerned(add(problems.Impending, overCapacity, time.Time{},
			fmt.Sprintf("server %s has %d people, its capacity is %d", s.ID, people, s.Capacity)))
	}
	if text := s.overdue(now); text != "" {
		add(problems.Advised, formerSecret, s.FormerUntil, text).Remedy = "bbbpool server set " + s.ID + " --secret -"
	}
	return list
}

// NotOnline says how long a server has failed, and why; or how far one is on its way back.
func (s Status) NotOnline(now time.Time) string {
	if s.Failing.IsZero() {
		return fmt.Sprintf("server %s is %s: %s", s.ID, s.Health, s.Reason)
	}
	failing := now.Sub(s.Failing).Truncate(time.Second)
	if s.Health == Offline {
		since := s.Failing.UTC().Format(time.DateTime + " MST")
		return fmt.Sprintf("server %s is offline, since %s (%s): %s", s.ID, since, failing, s.Reason)
	}
	return fmt.Sprintf("server %s is %s, failing for %s: %s", s.ID, s.Health, failing, s.Reason)
}

// cutOff says whom it concerns that a server is offline, the largest meetings first.
func (s Status) cutOff(now time.Time, meetings []placement.Info) string {
	there := slices.DeleteFunc(slices.Clone(meetings), func(m placement.Info) bool { return m.Server != s.ID })
	slices.SortStableFunc(there, func(x, y placement.Info) int { return cmp.Compare(y.People, x.People) })
	names := make([]string, 0, len(there))
	for _, m := range there {
		names = append(names, m.MeetingID)
	}
	return fmt.Sprintf("%s; nobody can join its %s with %s until it is back, or the next create makes them anew elsewhere: %s",
		s.NotOnline(now), quantity.Count(s.Load.Meetings, "meeting", "meetings"),
		quantity.Count(s.Load.People, "person", "people"), quantity.Some(names))
}

// impending is something about a server that works still, but will not for long, or not for everybody.
type impending int

const (
	clockOff impending = iota
	certificateEnds
	nameLost
	tooMany
	tooSlow
	impendingKinds // how many there are
)

// impendings are the names of the problems, and what is said once they are over.
var impendings = [impendingKinds]struct{ name, cleared string }{
	clockOff:        {"clock", "its clock agrees with ours again"},
	certificateEnds: {"certificate", "its certificate is good for long again"},
	nameLost:        {"dns", "its name resolves again"},
	tooSlow:         {"slow", "it answers quickly again"},
	tooMany:         {"unclaimed", "all meetings that it lists are claimed again"},
}

const (
	// enoughSkews is how many answers must have told the time before a clock is called wrong.
	enoughSkews = 3
	// enoughLost is how many looks in a row must find a name lost. With one the first of many would have a problem of its
	// own before the one that is about all of them.
	enoughLost = 2
)

// Warning is a problem of a server that works still, and that people were told of.
type Warning struct {
	Name  string // of the problem, see Problems
	Since time.Time
	Text  string // without the server
}

// warnings is what people were told of and goes on.
func (st *state) warnings() (list []Warning) {
	for kind := range impendingKinds {
		if since := st.traits.raised[kind]; !since.IsZero() {
			if text := st.words(kind); text != "" {
				list = append(list, Warning{impendings[kind].name, since, text})
			}
		}
	}
	return list
}

// review tells people, in the log and in events, of problems that are new, and of those that are over. While names are
// lost all over the pool one problem says so, and no server has one of its own. It tells whether anything is news.
func (st *state) review(namesLost bool) (news bool) {
	for kind := range impendingKinds {
		if kind == nameLost && namesLost {
			continue
		}
		text := st.words(kind)
		is, was := text != "", !st.traits.raised[kind].IsZero()
		news = news || is != was
		switch {
		case is == was:
		case is:
			st.traits.raised[kind] = st.now()
			st.addEvent(kindRaised, text)
			st.log.Warn().Str("server", st.record.ID).Str("warning", text).Msg("server warning")
		default:
			st.traits.raised[kind] = time.Time{}
			cleared := impendings[kind].cleared
			st.addEvent(kindCleared, cleared)
			st.log.Info().Str("server", st.record.ID).Str("cleared", cleared).Msg("server warning cleared")
		}
	}
	return news
}

// words says what is wrong and what to do about it, or "" where nothing is.
func (st *state) words(kind impending) string {
	switch kind {
	case clockOff:
		return st.clockProblem()
	case certificateEnds:
		return certificateProblem(st.traits.expires, st.now())
	case nameLost:
		if st.traits.unresolved >= enoughLost {
			return fmt.Sprintf("its name %s does not resolve; it is called at the last good address, which may become another's: "+
				"check the name", st.host)
		}
	case tooMany:
		if st.traits.excess > 0 {
			return fmt.Sprintf("it lists %d meetings that nobody has created through the pool, beyond those that were taken over: "+
				"joins do not find them; is it somebody else's server, too?", st.traits.excess)
		}
	case tooSlow:
		return st.traits.slow.Problem()
	case impendingKinds:
	}
	return ""
}

// clockProblem begins beyond bbb.MaxClockSkew, and ends a second below, so that a clock at the limit is no news all day.
func (st *state) clockProblem() string {
	skew, limit, is := st.traits.clock.Skew(), bbb.MaxClockSkew, "ahead of"
	if !st.traits.raised[clockOff].IsZero() {
		limit -= time.Second
	}
	if skew < 0 {
		skew, is = -skew, "behind"
	}
	if !st.traits.clock.Known(enoughSkews) || skew <= limit {
		return ""
	}
	return fmt.Sprintf("its clock is %s %s ours: times of meetings and recordings are wrong; check time synchronisation, "+
		"there and here", skew, is)
}

func certificateProblem(expires, now time.Time) string {
	left := expires.Sub(now)
	switch {
	case expires.IsZero() || left >= bbb.RenewCertificate:
		return ""
	case left < 0:
		return fmt.Sprintf("its certificate expired on %s: renew it", expires.UTC().Format(time.DateOnly))
	}
	return fmt.Sprintf("its certificate expires in %s, on %s: renew it, or browsers and we cannot call it from then on",
		days(left), expires.UTC().Format(time.DateTime+" MST"))
}

// days is a time in the unit that people would use.
func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n > 1 {
		return fmt.Sprintf("%d days", n)
	}
	return fmt.Sprintf("%d hours", int(d/time.Hour))
}
