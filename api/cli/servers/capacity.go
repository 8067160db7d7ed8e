package servers

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/terminal"
)

// CapacityCmd shows what the pool carries.
type CapacityCmd struct {
	Drain string `placeholder:"ID" help:"Tell what is left without this server."`
}

// Run prints the sums, and a table of the servers.
func (c *CapacityCmd) Run(env *cli.Env) error {
	return cli.Show(env, func(pool *cli.Connection) (v1.Capacity, error) {
		return pool.Pool.Capacity(env.Ctx, c.Drain)
	}, printCapacity)
}

func printCapacity(env *cli.Env, c v1.Capacity) error {
	pairs := [][2]string{
		{"carries", v1.People(people(c.Carries)) + " on the servers that take new meetings"},
		{"people", fmt.Sprintf("%.0f here and still expected", c.Now.People)},
		{"meetings", strconv.Itoa(c.Now.Meetings)},
		{"head-room", room(c.Now.Free)},
	}
	if c.Largest != "" {
		pairs = append(pairs, [2]string{"head-room without " + c.Largest, room(c.Now.FreeN1)})
	}
	tightest := "not known: no meeting is over yet that could tell"
	if t := c.Tightest; t != nil {
		tightest = fmt.Sprintf("%s: %.0f people, head-room %s", hour(t.At), t.People, room(t.Free))
		if c.Largest != "" {
			tightest += fmt.Sprintf(", without %s %s", c.Largest, room(t.FreeN1))
		}
	}
	pairs = append(pairs, [2]string{"tightest hour", tightest})
	if c.Drain != nil {
		pairs = append(pairs, [2]string{"without " + c.Drain.Server, roomWords(*c.Drain)})
	}
	if len(c.Servers) == 0 {
		return errors.Join(terminal.Sheet(env.Out, pairs...), terminal.Say(env.Out, "\n%s\n", cli.NoServers))
	}
	rows := make([][]string, 0, len(c.Servers))
	for _, s := range c.Servers {
		rows = append(rows, []string{
			s.ID, s.State, s.Health, strconv.Itoa(people(s.Carries)), strconv.Itoa(s.People), terminal.Number(s.Expected),
			terminal.Number(s.Kept), strconv.Itoa(s.Meetings),
		})
	}
	return errors.Join(terminal.Sheet(env.Out, pairs...), terminal.Say(env.Out, "\n"),
		terminal.Table(env.Out, "SERVER STATE HEALTH CARRIES HERE EXPECTED KEPT MEETINGS", rows))
}

// room says how many people more fit somewhere.
func room(free float64) string {
	if n := people(free); n < 0 {
		return fmt.Sprintf("none (%d too many)", -n)
	}
	return strconv.Itoa(people(free))
}

// hour is the hour of the week that a time is in, by the clock that the pool goes by.
func hour(t time.Time) string {
	begin := t.Add(-time.Duration(t.Minute()) * time.Minute)
	return fmt.Sprintf("%s–%s", begin.Format("Mon 15:04"), begin.Add(time.Hour).Format("15:04 MST"))
}
