// Package settings is how people are expected and servers are filled, as flags: what they are called, what cannot work, and what
// stands for what is missing. It decides nothing by them.
package settings

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
)

// Config is how people are expected and servers are filled, as flags.
type Config struct {
	Fade      time.Duration `name:"expect-fade" default:"20m" env:"BBBPOOL_EXPECT_FADE" help:"Time over which a new meeting's expected people fade out of the count."`
	Default   float64       `name:"expect-default" default:"15" env:"BBBPOOL_EXPECT_DEFAULT,LOAD_MIN_USER_COUNT" help:"People expected in a new meeting of which nothing else is known."`
	Sessions  int           `name:"expect-sessions" default:"3" env:"BBBPOOL_EXPECT_SESSIONS" help:"Past sessions of a room that tell how many people to expect in it; 0 expects the default of every meeting."`
	SeatMin   float64       `name:"seat-min" default:"50" env:"BBBPOOL_SEAT_MIN" help:"People that a regular meeting must bring for a seat to be held for it before it is created, about a quarter of what a server carries; 0 holds none."`
	SeatLead  time.Duration `name:"seat-lead" default:"20m" env:"BBBPOOL_SEAT_LEAD" help:"How long before its usual start a seat is held."`
	SeatGrace time.Duration `name:"seat-grace" default:"10m" env:"BBBPOOL_SEAT_GRACE" help:"How long after its usual start a seat is given up."`
	Fill      float64       `name:"fill" default:"0" env:"BBBPOOL_FILL" help:"Share of what a server carries that small meetings fill first, as 0.3, which keeps others free for large ones; 0 spreads all alike."`
	Carry     float64       `name:"people-per-server" default:"200" env:"BBBPOOL_PEOPLE_PER_SERVER" help:"People that a server of weight 1 carries well, where it has no capacity of its own."`
	AnyTag    bool          `name:"any-tag" env:"BBBPOOL_ANY_TAG" help:"Let meetings that ask for no tag go to tagged servers where no other can take them."`
	Days      int           `name:"history-days" default:"400" env:"BBBPOOL_HISTORY_DAYS" help:"Days that past meetings are kept in the history."`

	// Bridges are flags of others.
	Bridges Bridges `kong:"-"`
}

// Bridges is how meetings get voice bridges that no other meeting of the pool has. The zero value leaves bridges to front ends
// and servers.
type Bridges struct {
	Length   int  // digits; 0 gives out none
	External bool // what a front end asks for it gets, unless another meeting has it
	// Numbers are those that a meeting may have, best first, and not many; the same ones for the same meeting.
	Numbers func(meetingID string, length int) iter.Seq[string]
}

// On tells whether bridges are given out.
func (b Bridges) On() bool { return b.Length > 0 && b.Numbers != nil }

// maxExpected is how many people can be expected in a new meeting.
const maxExpected = 10_000

// Validate tells what cannot work.
func (c Config) Validate() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	want(c.Fade > 0, "--expect-fade %s: want more than 0s", c.Fade)
	want(c.Default > 0 && c.Default <= maxExpected, // not a number is neither
		"--expect-default %g: want more than 0, and at most %d", c.Default, maxExpected)
	want(c.Sessions >= 0 && c.Sessions <= forecast.MaxSessions,
		"--expect-sessions %d: want 0 to %d", c.Sessions, forecast.MaxSessions)
	want(c.SeatMin >= 0 && c.SeatMin <= maxExpected, "--seat-min %g: want 0 to %d", c.SeatMin, maxExpected)
	want(c.SeatLead >= 0 && c.SeatLead <= 2*time.Hour, "--seat-lead %s: want 0s to 2h", c.SeatLead)
	want(c.SeatGrace >= 0 && c.SeatGrace <= 2*time.Hour, "--seat-grace %s: want 0s to 2h", c.SeatGrace)
	want(c.Fill >= 0 && c.Fill <= 1, "--fill %g: want 0 to 1", c.Fill)
	want(c.Carry > 0 && c.Carry <= forecast.MaxPeople,
		"--people-per-server %g: want more than 0, and at most %d", c.Carry, forecast.MaxPeople)
	want(c.Days >= 1 && c.Days <= 36_500, "--history-days %d: want 1 to 36500", c.Days)
	return errors.Join(errs...)
}

// Bounded returns a configuration that can be calculated with. One made in code may lack what every flag has.
func (c Config) Bounded() Config {
	if c.Fade <= 0 {
		c.Fade = 20 * time.Minute
	}
	if c.Default = forecast.Believable(c.Default); c.Default == 0 {
		c.Default = 15
	}
	if c.Carry = forecast.Believable(c.Carry); c.Carry == 0 {
		c.Carry = 200
	}
	c.Sessions = min(max(c.Sessions, 0), forecast.MaxSessions)
	c.SeatMin = forecast.Believable(c.SeatMin)
	return c
}
