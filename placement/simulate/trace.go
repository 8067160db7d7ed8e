package simulate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Meeting is one line of a trace: a meeting that took place.
type Meeting struct {
	ID       string    `json:"id"` // the same for all sessions of a room; need not be the front end's
	Tenant   string    `json:"tenant,omitempty"`
	Hint     int       `json:"hint,omitempty"` // people that the front end announced; 0 where it did not
	Breakout bool      `json:"breakout,omitempty"`
	Create   time.Time `json:"create"`
	End      time.Time `json:"end"`
	Users    []Count   `json:"users"` // how many people were in it, at each change; nobody before the first
}

// Count is how many people were in a meeting from a moment on. In a trace it is [seconds after create, people].
type Count struct {
	After  int // seconds after the meeting was created
	People int
}

// MarshalJSON writes a count as a pair.
func (c Count) MarshalJSON() ([]byte, error) { return json.Marshal([2]int{c.After, c.People}) }

// UnmarshalJSON reads a count from a pair, and nothing else.
func (c *Count) UnmarshalJSON(b []byte) error {
	var pair []int
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("%d numbers in users where a pair [seconds after create, people] is wanted", len(pair))
	}
	c.After, c.People = pair[0], pair[1]
	return nil
}

// Peak is the most people that were in the meeting at once.
func (m *Meeting) Peak() int {
	peak := 0
	for _, c := range m.Users {
		peak = max(peak, c.People)
	}
	return peak
}

// Limits of a trace. They are far beyond a term of the largest sites known.
const (
	maxLine     = 1 << 20 // bytes
	maxMeetings = 1_000_000
	maxCounts   = 10_000     // of one meeting
	maxTotal    = 10_000_000 // counts of all meetings: as many as an export of so many meetings has
	maxID       = 1024       // bytes
	maxPeople   = 100_000    // in a meeting
	maxLength   = 7 * 24 * time.Hour
)

// Read reads a trace whole. An error names the first line that is wrong, and what is wrong with it.
func Read(r io.Reader) ([]Meeting, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	var trace []Meeting
	n, counts := 0, 0
	for lines.Scan() {
		n++
		m, err := parse(lines.Bytes())
		counts += len(m.Users)
		switch {
		case err != nil:
			return nil, fmt.Errorf("trace, line %d: %w", n, err)
		case n > maxMeetings:
			return nil, fmt.Errorf("trace, line %d: more than %d meetings: export fewer days (--since)", n, maxMeetings)
		case counts > maxTotal:
			return nil, fmt.Errorf("trace, line %d: more than %d counts in all meetings: export fewer days (--since)", n, maxTotal)
		}
		trace = append(trace, m)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("trace, line %d: longer than %d bytes", n+1, maxLine)
	} else if err != nil {
		return nil, fmt.Errorf("read trace after line %d: %w", n, err)
	}
	if len(trace) == 0 {
		return nil, errors.New("trace: no meeting in it; want one JSON object a line")
	}
	return trace, nil
}

// parse reads one line.
func parse(line []byte) (Meeting, error) {
	if len(bytes.TrimSpace(line)) == 0 {
		return Meeting{}, errors.New("empty")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var m Meeting
	if err := d.Decode(&m); err != nil {
		return Meeting{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Meeting{}, errors.New("something follows the JSON object")
	}
	return m, m.Validate()
}

// Validate tells what is wrong with a meeting.
func (m *Meeting) Validate() error {
	length := m.End.Sub(m.Create)
	switch {
	case m.ID == "":
		return errors.New(`no "id"`)
	case len(m.ID) > maxID:
		return fmt.Errorf(`"id" has %d bytes, more than %d`, len(m.ID), maxID)
	case len(m.Tenant) > maxID:
		return fmt.Errorf(`"tenant" has %d bytes, more than %d`, len(m.Tenant), maxID)
	case strings.ContainsRune(m.Tenant, 0):
		return errors.New(`"tenant" has a zero byte`)
	case m.Hint < 0 || m.Hint > maxPeople:
		return fmt.Errorf(`"hint" is %d, want 0 to %d`, m.Hint, maxPeople)
	case !plausible(m.Create):
		return fmt.Errorf(`"create" is missing or not in this age: %s`, m.Create.Format(time.RFC3339))
	case length <= 0 || length > maxLength:
		return fmt.Errorf(`"end" is %s after "create", want more than 0s and at most %s`, length, maxLength)
	case len(m.Users) > maxCounts:
		return fmt.Errorf(`%d counts in "users", more than %d`, len(m.Users), maxCounts)
	}
	return m.validateUsers(length)
}

// plausible keeps times within what a duration can span.
func plausible(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 2200 }

// validateUsers checks that the counts are in order and within the meeting.
func (m *Meeting) validateUsers(length time.Duration) error {
	last := -1
	for i, c := range m.Users {
		switch {
		case c.After <= last:
			return fmt.Errorf(`count %d of "users" is at %d s, not after the one before`, i+1, c.After)
		case c.After > int(length/time.Second):
			return fmt.Errorf(`count %d of "users" is at %d s, after the end at %d s`, i+1, c.After, int(length/time.Second))
		case c.People < 0 || c.People > maxPeople:
			return fmt.Errorf(`count %d of "users" has %d people, want 0 to %d`, i+1, c.People, maxPeople)
		}
		last = c.After
	}
	return nil
}

// Writer writes a trace, one meeting after another.
type Writer struct{ json *json.Encoder }

// NewWriter returns a writer without a buffer of its own.
func NewWriter(w io.Writer) *Writer {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &Writer{e}
}

// Write writes a meeting as one line, unless Read would not take it.
func (w *Writer) Write(m Meeting) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("write meeting %q to the trace: %w", m.ID, err)
	}
	if m.Users == nil {
		m.Users = []Count{}
	}
	return w.json.Encode(m)
}
