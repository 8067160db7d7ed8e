package cli

import (
	"fmt"
	"strconv"

	"github.com/bbbpool/bbbpool/api/admin"
)

// noServers tells what comes next in a new pool.
const noServers = "no servers yet: bbbpool server add URL --secret SECRET --enable"

// ServerListCmd lists the servers.
type ServerListCmd struct{}

// Run prints a table, or an array in JSON.
func (c *ServerListCmd) Run(env *Env) error {
	return env.with(look, func(pool *connection) error {
		servers, err := pool.Servers(env.Ctx)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return printJSON(env.Out, servers)
		}
		if len(servers) == 0 {
			_, err := fmt.Fprintln(env.Out, noServers)
			return err
		}
		rows := make([][]string, 0, len(servers))
		for _, s := range servers {
			rows = append(rows, []string{
				s.ID, s.State, s.Health, strconv.Itoa(s.Meetings), strconv.Itoa(s.Users), number(s.Expected),
				number(s.Weight), limit(s.Capacity), s.Tag, s.URL,
			})
		}
		return table(env.Out, "ID STATE HEALTH MEETINGS USERS EXPECTED WEIGHT CAPACITY TAG URL", rows)
	})
}

// ServerShowCmd shows one server.
type ServerShowCmd struct {
	ID string `arg:"" help:"ID of the server."`
}

// Run prints everything that is known of the server, but not its secret.
func (c *ServerShowCmd) Run(env *Env) error {
	return env.with(look, func(pool *connection) error {
		s, err := pool.Server(env.Ctx, c.ID)
		if err != nil {
			return err
		}
		if env.Options.JSON {
			return printJSON(env.Out, s)
		}
		return printServer(env, s)
	})
}

func printServer(env *Env, s admin.Server) error {
	pairs := [][2]string{
		{"id", s.ID},
		{"url", s.URL},
		{"state", s.State},
		{"health", s.Health},
		{"weight", number(s.Weight)},
		{"capacity", limit(s.Capacity)},
		{"tag", s.Tag},
		{"checksum", s.Checksum},
		{"meetings", strconv.Itoa(s.Meetings)},
		{"users", strconv.Itoa(s.Users)},
		{"expected", number(s.Expected)},
		{"videos", strconv.Itoa(s.Videos)},
		{"largest meeting", strconv.Itoa(s.Largest)},
		{"last poll", moment(s.LastPoll)},
	}
	if s.LastPoll != nil {
		pairs = append(pairs, [2]string{"latency", number(s.LatencyMS) + " ms"})
	}
	if s.FailingSince != nil {
		pairs = append(pairs, [2]string{"failing since", moment(s.FailingSince)}, [2]string{"reason", s.Reason})
	}
	return sheet(env.Out, pairs...)
}
