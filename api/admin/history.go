package admin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/simulate"
	"github.com/bbbpool/bbbpool/store"
)

// History writes past meetings.
type History struct{ Sessions store.Sessions }

func (h *History) routes() frame.Routes {
	return frame.Routes{"GET /history": frame.Whole(h.export, access.Read)}
}

// historyPage is how many sessions are read at once.
const historyPage = 1000

// export writes the past meetings as a trace, in the order of their ends: those that ended at since or later, and
// before until. Rooms go by the hashes that the history has, sessions from before there were any by numbers. How many
// people there were is known at the peak alone, see [curve]. What is no meeting in a trace, as one without a length, is
// left out, and counted in a trailer.
func (h *History) export(r *http.Request) (any, error) {
	since, err := frame.Moment(r, "since")
	if err != nil {
		return nil, err
	}
	until, err := frame.Moment(r, "until")
	if err != nil {
		return nil, err
	}
	first, err := h.Sessions.SessionsSince(r.Context(), since, "", historyPage)
	if err != nil {
		return nil, err
	}
	frame.Logger(r).Info().Time("since", since).Time("until", until).Msg("history exported")
	return frame.Table(func(ctx context.Context, w io.Writer) (left int, err error) {
		e := exporter{trace: simulate.NewWriter(w), until: until}
		for page := first; len(page) > 0; {
			if over, err := e.write(page); over || err != nil {
				return e.left, err
			}
			if len(page) < historyPage {
				break
			}
			last := page[len(page)-1]
			if page, err = h.Sessions.SessionsSince(ctx, last.End, last.ID, historyPage); err != nil {
				return e.left, err
			}
		}
		return e.left, nil
	}), nil
}

// exporter writes sessions as meetings of a trace.
type exporter struct {
	trace   *simulate.Writer
	until   time.Time // zero is no limit
	unknown int       // sessions without a hash so far
	left    int       // sessions that are no meetings
}

// write writes a page, and returns true when a session ended too late.
func (e *exporter) write(page []store.Session) (over bool, err error) {
	for _, s := range page {
		if !e.until.IsZero() && !s.End.Before(e.until) {
			return true, nil
		}
		m := e.meeting(s)
		if m.Validate() != nil {
			e.left++
			continue
		}
		if err := e.trace.Write(m); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (e *exporter) meeting(s store.Session) simulate.Meeting {
	m := simulate.Meeting{
		ID: s.Meeting, Tenant: s.Tenant, Hint: s.Hint, Breakout: s.Why.Basis == string(placement.Pinned),
		Create: s.Start.UTC(), End: s.End.UTC(), Users: curve(s.Peak, s.End.Sub(s.Start)),
	}
	if m.ID == "" {
		e.unknown++
		m.ID = fmt.Sprintf("unknown-%d", e.unknown)
	}
	return m
}

const (
	arriving = 5 * time.Minute // until the peak is reached
	leaving  = 2 * time.Minute // before the end, from when people go
	steps    = 5               // in which they come, and go
)

// curve is how many people there may have been in a meeting of which only the peak is known: they come in equal steps
// over the first five minutes, stay, and go in equal steps over the last two. A meeting of less than twice that has
// half of its length for coming, and a fifth for going.
func curve(peak int, length time.Duration) (users []simulate.Count) {
	if peak <= 0 {
		return nil
	}
	come, leave := min(arriving, length/2), min(leaving, length/5)
	add := func(at time.Duration, people int) {
		after := int(at / time.Second)
		switch last := len(users) - 1; {
		case last >= 0 && users[last].People == people:
		case last >= 0 && users[last].After == after:
			users[last].People = people
		default:
			users = append(users, simulate.Count{After: after, People: people})
		}
	}
	for i := 1; i <= steps; i++ {
		add(come*time.Duration(i-1)/(steps-1), (peak*i+steps-1)/steps)
	}
	for i := 1; i <= steps; i++ {
		add(length-leave+leave*time.Duration(i)/steps, peak*(steps-i)/steps)
	}
	return users
}
