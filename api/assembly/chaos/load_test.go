package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly/children"
)

// load is what front ends do.
type load struct {
	*world
	history *history
	created atomic.Int64
	excused atomic.Int64
	wrong   atomic.Int64
	made    sync.Map // meetings by their internal IDs
}

// run is one front end: it makes meetings, looks for them, lets people in, and ends some.
func (l *load) run(client int, ends time.Time) {
	random := rand.New(rand.NewPCG(2, uint64(client)))
	for round := 0; time.Now().Before(ends); round++ {
		// Two front ends share each meeting, so that there are repeats and races.
		meeting := fmt.Sprintf("room-%d-%d", client/2, round/2)
		for range 3 + random.IntN(5) {
			switch n := random.IntN(10); {
			case n < 4:
				l.create(client, meeting, random)
				l.look(client, meeting, random) // at once, and mostly elsewhere
			case n < 7:
				l.look(client, meeting, random)
			case n < 9:
				l.join(meeting, random)
			default:
				l.look(client, meeting, random)
			}
			time.Sleep(time.Duration(20+random.IntN(80)) * time.Millisecond)
		}
		if random.IntN(3) == 0 {
			l.end(client, meeting, random)
		}
	}
}

func (l *load) create(client int, meeting string, random *rand.Rand) {
	called := l.history.now()
	params := url.Values{"meetingID": {meeting}, "name": {"Room"}, "moderatorPW": {"mp"}, "attendeePW": {"ap"}}
	in := input{opCreate, meeting}
	for range 20 {
		at := l.instances[random.IntN(len(l.instances))]
		began := time.Now()
		body, err := at.call("create", params, 30*time.Second)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue // it was dropped by one that died: the front end asks another
		}
		if internal := children.Element(body, "internalMeetingID"); internal != "" {
			l.created.Add(1)
			l.made.Store(internal, meeting)
			l.history.add(client, in, called, output{internal: internal})
			return
		}
		if !l.mayFail(at, began) {
			l.complain("create %s at %s, %v after it began: %.300s", meeting, at.Name, time.Since(began), body)
		} else {
			l.excused.Add(1)
		}
		time.Sleep(200 * time.Millisecond)
	}
	l.history.add(client, in, called, output{unknown: true})
}

// complain tells of the first of many.
func (l *load) complain(format string, args ...any) {
	if l.wrong.Add(1) <= 20 {
		l.t.Errorf(format, args...)
	}
}

func (l *load) look(client int, meeting string, random *rand.Rand) {
	called := l.history.now()
	at := l.instances[random.IntN(len(l.instances))]
	body, err := at.call("getMeetingInfo", url.Values{"meetingID": {meeting}}, 15*time.Second)
	out := output{internal: children.Element(body, "internalMeetingID")}
	out.unknown = err != nil || out.internal == "" && !strings.Contains(body, "<messageKey>notFound")
	l.history.add(client, input{opLook, meeting}, called, out)
}

func (l *load) join(meeting string, random *rand.Rand) {
	at := l.instances[random.IntN(len(l.instances))]
	_, _ = at.call("join", url.Values{"meetingID": {meeting}, "fullName": {"Ada"}, "role": {"VIEWER"}}, 15*time.Second)
}

func (l *load) end(client int, meeting string, random *rand.Rand) {
	called := l.history.now()
	at := l.instances[random.IntN(len(l.instances))]
	body, err := at.call("end", url.Values{"meetingID": {meeting}, "password": {"mp"}}, 30*time.Second)
	switch {
	case err == nil && strings.Contains(body, "<returncode>SUCCESS"):
		l.history.add(client, input{opEnd, meeting}, called, output{})
	case err == nil && strings.Contains(body, "<messageKey>notFound"): // nothing was ended: that there is none was seen
		l.history.add(client, input{opLook, meeting}, called, output{})
	default:
		l.history.add(client, input{opEnd, meeting}, called, output{unknown: true})
	}
}

// mayFail tells whether a create may have failed at an instance: something was wrong with it, or with what it needs, while it
// was asked or up to 6 s before, which is a takeover and what a balancer takes to notice.
//
// What counts as such is in faults_test.go. Whoever is killed, stopped or cut from Redis answers for nobody while that lasts.
// While Redis is gone or emptied, or others cannot reach an instance that may lead, it is everybody: the lease cannot change hands,
// or is held where nobody gets to it; and so it is when Redis does not answer in time for reasons of its own. That PostgreSQL is gone, that servers fail, and that somebody else is killed excuses nothing.
func (l *load) mayFail(at *instance, began time.Time) bool {
	at.mu.Lock()
	defer at.mu.Unlock()
	return at.sick > 0 || at.healed.After(began.Add(-6*time.Second))
}

// verify looks for every meeting once more, when all is well again: what was lost shows in the history.
func (l *load) verify() {
	random := rand.New(rand.NewPCG(3, 3))
	for _, meeting := range l.history.meetings() {
		l.look(100, meeting, random)
	}
}

// once checks that no meeting goes on on two servers, once the pool has had the time to end what is too much.
func (l *load) once() {
	l.t.Helper()
	var twice []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		places := map[string][]string{}
		for _, s := range l.servers {
			for _, m := range s.Meetings() {
				places[m.MeetingID] = append(places[m.MeetingID], s.ID())
			}
		}
		twice = nil
		for id, on := range places {
			if len(on) > 1 {
				twice = append(twice, fmt.Sprint(id, on))
			}
		}
		if len(twice) == 0 {
			return
		}
	}
	l.t.Errorf("on two servers: %v", twice)
}
