package rooms

import (
	"errors"
	"fmt"
	"time"
)

// What says what has happened.
type What int

// What happens in a meeting.
const (
	Created   What = iota
	Joined         // somebody is in the meeting now
	Left           // somebody no longer is; of a meeting that IsOver, because it is
	Recording      // somebody has started or stopped the recording
	Ended
)

// Event is something that has happened in a meeting.
type Event struct {
	What    What
	Meeting *Meeting
	Person  *Person // of Joined and Left
	At      time.Time
}

func (r *Rooms) tell(e Event) {
	if r.hooks.Happened != nil {
		r.hooks.Happened(e)
	}
}

// arrived notes and tells who has come.
func (r *Rooms) arrived(m *Meeting, people []*Person, now time.Time) {
	if len(people) == 0 {
		return
	}
	m.changed()
	for _, p := range people {
		if m.KeepsEvents() {
			m.attendance.came(p, now)
		}
		r.tell(Event{Joined, m, p, now})
	}
	if m.startsByItself() {
		r.record(m, true, now)
	}
}

// gone notes and tells who is not there any more.
func (r *Rooms) gone(m *Meeting, people []*Person, now time.Time) {
	m.changed()
	for _, p := range people {
		if m.KeepsEvents() {
			m.attendance.left(p, now)
		}
		r.tell(Event{Left, m, p, now})
	}
}

var errButton = errors.New("nobody can press the button: not created with record=true, or with allowStartStopRecording=false")

// Record presses the button: from a start on there is something that a recording can be made of.
func (r *Rooms) Record(id string, on bool, now time.Time) error {
	m, err := r.alive(id)
	if err != nil {
		return err
	}
	if !m.Record || m.Params.Get("allowStartStopRecording") == "false" {
		return fmt.Errorf("meeting %q: %w", id, errButton)
	}
	r.record(m, on, now)
	return nil
}

func (r *Rooms) record(m *Meeting, on bool, now time.Time) {
	if m.recording == on {
		return
	}
	m.recording = on
	if on {
		m.marks++
	}
	r.tell(Event{Recording, m, nil, now})
}

// startsByItself tells whether the recording starts now that somebody has come.
func (m *Meeting) startsByItself() bool {
	return m.Record && !m.isProbe() && m.marks == 0 && (m.AutoStart || !m.Manual)
}
