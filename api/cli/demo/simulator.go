package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"text/tabwriter"

	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/grammar"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// SimulatorCmd runs simulated BigBlueButton servers until it is told to end.
type SimulatorCmd struct {
	simulator.Config `embed:""`
}

// simulated is a simulated server as it is printed. Its secret opens nothing but itself.
type simulated struct {
	ID      string `json:"id"`
	URL     string `json:"url"`
	Secret  string `json:"secret"`
	Control string `json:"control,omitempty"`
}

// Run prints where the servers are, on one line with --json, and runs them.
func (c SimulatorCmd) Run(env *cli.Env) error {
	if err := errors.Join(checkServers(c.Servers), checkListen(c.Listen, c.Servers)); err != nil {
		return err
	}
	c.Report = func(err error) { _, _ = fmt.Fprintln(env.Err, "simulator:", err) }
	sim, err := simulator.New(c.Config)
	if err != nil {
		return err
	}
	sim.Start()
	if err := printSimulated(env, describeServers(sim)); err != nil {
		sim.Close()
		return err
	}
	return sim.Run(env.Ctx)
}

func describeServers(sim *simulator.Simulator) []simulated {
	var list []simulated
	for _, s := range sim.Servers() {
		list = append(list, simulated{ID: s.ID(), URL: s.URL(), Secret: string(s.Secret()), Control: s.ControlURL()})
	}
	return list
}

func printSimulated(env *cli.Env, list []simulated) error {
	if env.Options.JSON {
		return json.NewEncoder(env.Out).Encode(list) //nolint:gosec // these secrets open nothing but a simulation
	}
	w := tabwriter.NewWriter(env.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tURL\tSECRET\tCONTROL")
	for _, s := range list {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ID, s.URL, s.Secret, s.Control)
	}
	return w.Flush()
}

// checkServers refuses a number of servers that cannot be simulated.
func checkServers(n int) error {
	if n < 1 || n > simulator.MaxServers {
		return grammar.Misused("--servers: want a number from 1 to %d", simulator.MaxServers)
	}
	return nil
}

// checkListen tells whether servers have room from an address on; "" is the default.
func checkListen(address string, servers int) error {
	if address == "" {
		return nil
	}
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return grammar.Misused("--listen: want HOST:PORT: %w", err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return grammar.Misused("--listen: want a port from 0 (a free one) to 65535")
	}
	if last := int(port) + servers - 1; port > 0 && last > math.MaxUint16 {
		return grammar.Misused("--listen: %d servers need the ports up to %d, and 65535 is the last", servers, last)
	}
	return nil
}
