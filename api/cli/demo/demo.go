package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/api/cli/demo/frontend"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// Cmd runs a whole pool over simulated servers, in a temporary directory that goes with it.
type Cmd struct {
	Listen  string `default:"127.0.0.1:3000" help:"Address of the pool."`
	Servers int    `default:"3" help:"How many servers to simulate."`
}

// running is what is printed once everything is up.
type running struct {
	URL     string      `json:"url"`
	Secret  string      `json:"secret"`
	Join    string      `json:"join"`
	Data    string      `json:"data"`
	Servers []simulated `json:"servers"`

	Deliveries string `json:"deliveries"` // a page that shows what the pool has called back
}

// Run simulates servers, fills a data directory with them, and serves it by the very command that operators use. All
// it does besides is done as any front end or operator would.
func (c Cmd) Run(env *cli.Env) error {
	if err := errors.Join(checkServers(c.Servers), checkListen(c.Listen, 1)); err != nil {
		return err
	}
	if err := c.settle(env.Ctx); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bbbpool-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	data := filepath.Join(dir, "data")
	front, err := frontend.Listen()
	if err != nil {
		return fmt.Errorf("listen for callbacks: %w", err)
	}
	defer front.Close()
	sim, err := c.simulate(data)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(env.Ctx)
	defer cancel()
	simulating := make(chan error, 1)
	go func() { simulating <- sim.Run(ctx) }()
	served := make(chan error, 1)
	err = c.fill(ctx, env, data, sim.Servers())
	if err == nil {
		go func() { served <- c.serve(ctx, env, data) }()
		err = c.show(ctx, env, data, describeServers(sim), front, served)
	} else {
		served <- nil
	}
	if err != nil {
		cancel()
	}
	err = errors.Join(err, <-served)
	cancel()
	return errors.Join(err, <-simulating)
}

// elsewhere are the settings that would let a demo loose on recordings that are somebody's.
var elsewhere = []string{
	"BBBPOOL_RECORDINGS_DIR", "SCALELITE_RECORDING_DIR", "BBBPOOL_SPOOL_DIR", "RECORDING_SPOOL_DIR",
	"BBBPOOL_PUBLISH_DIR", "RECORDING_PUBLISH_DIR", "BBBPOOL_UNPUBLISH_DIR", "RECORDING_UNPUBLISH_DIR",
	"BBBPOOL_TRASH_DIR",
}

// simulate makes the servers. Their recordings arrive in the spool of the pool's data directory.
func (c Cmd) simulate(data string) (*simulator.Simulator, error) {
	for _, name := range elsewhere {
		if err := os.Unsetenv(name); err != nil {
			return nil, err
		}
	}
	spool := filepath.Join(data, "recordings", "spool")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return nil, err
	}
	return simulator.New(strictly(
		simulator.Config{Servers: c.Servers, SpoolDir: spool, RecordingDelay: 3 * time.Second}, c.Listen,
	))
}

// fill adds the simulated servers to a pool that is not served yet.
func (c Cmd) fill(ctx context.Context, env *cli.Env, data string, servers []*simulator.Server) error {
	handler, done, err := env.Offline(ctx, data)
	if err != nil {
		return err
	}
	client := v1.NewClient(v1.HandlerTransport(handler), "http://bbbpool", "")
	for _, s := range servers {
		if _, err := client.Servers.Add(ctx, v1.NewServer{
			ID: s.ID(), URL: s.URL(), Secret: v1.Secret(s.Secret()), Enable: true,
		}); err != nil {
			return errors.Join(err, done())
		}
	}
	return done()
}

// serve runs the pool as `bbbpool serve` does.
func (c Cmd) serve(ctx context.Context, env *cli.Env, data string) error {
	args := []string{
		"serve", "--data", data, "--listen", c.Listen, "--log-level", "warn", "--poll-interval", "2s",
		"--spool-rest", "100ms", "--callback-allow", "127.0.0.0/8,::1,localhost",
	}
	if code := env.Main(ctx, append(args, callbackFlags(c.Listen)...), env.In, env.Out, env.Err); code != cli.Done {
		return errors.New("the pool did not run")
	}
	return nil
}

// show waits until the pool is up, starts a meeting on it, and prints how to get in.
func (c Cmd) show(
	ctx context.Context, env *cli.Env, data string, servers []simulated, front *frontend.FrontEnd, served chan error,
) error {
	status, err := waitUp(ctx, data, served)
	if err != nil {
		return err
	}
	d := running{
		URL: "http://" + reachable(status.Listen) + "/bigbluebutton/api", Data: data, Servers: servers, Deliveries: front.URL(),
	}
	client, err := v1.NewSocketClient(data)
	if err != nil {
		return err
	}
	secret, err := client.Tenants.Reveal(ctx, v1.DefaultTenant, "")
	if err != nil {
		return err
	}
	d.Secret = secret.Secret.Reveal()
	front.Trust(bbb.Secret(d.Secret))
	listenIn(ctx, d.URL, bbb.Secret(d.Secret), front)
	if d.Join, err = startMeeting(ctx, d.URL, bbb.Secret(d.Secret), front.Create()); err != nil {
		return err
	}
	return d.print(env)
}

// reachable is a listener's address with a host that can be called from here.
func reachable(listen string) string {
	at, err := netip.ParseAddrPort(listen)
	if err != nil || !at.Addr().IsUnspecified() {
		return listen
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port()).String()
}

// waitUp waits until the pool can be administrated and is ready.
func waitUp(ctx context.Context, data string, served chan error) (v1.Status, error) {
	client, err := v1.NewSocketClient(data)
	if err != nil {
		return v1.Status{}, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if status, err := client.Pool.Status(ctx); err == nil && status.Servers.Online == status.Servers.Total {
			return status, nil
		}
		select {
		case err := <-served:
			served <- nil // whoever waits for the end finds it
			return v1.Status{}, fmt.Errorf("the demo could not start: %w", err)
		case <-ctx.Done():
			return v1.Status{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// startMeeting creates a meeting that waits a day for somebody to join, and returns a link to it.
func startMeeting(ctx context.Context, api string, secret bbb.Secret, want url.Values) (string, error) {
	client := bbb.NewClient(bbb.Endpoint{URL: api, Secret: secret}, http.DefaultTransport, 10*time.Second)
	maps.Copy(want, url.Values{
		"name": {"Demo"}, "meetingID": {"demo"}, "meetingExpireIfNoUserJoinedInMinutes": {"1440"},
		"record": {"true"}, "autoStartRecording": {"true"},
	})
	answer, err := client.Answer(ctx, "create", want.Encode())
	if err == nil && answer.Err != nil {
		err = answer.Err
	}
	if err != nil {
		return "", fmt.Errorf("start a meeting: %w", err)
	}
	return client.URL("join", url.Values{
		"meetingID": {"demo"}, "fullName": {"You"}, "role": {"MODERATOR"},
	}.Encode()), nil
}

func (d running) print(env *cli.Env) error {
	if env.Options.JSON {
		return json.NewEncoder(env.Out).Encode(d) //nolint:gosec // made for this demo, and gone with it
	}
	w := tabwriter.NewWriter(env.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "front ends\t%s\n", d.URL)
	_, _ = fmt.Fprintf(w, "secret\t%s\n", d.Secret)
	_, _ = fmt.Fprintf(w, "join\t%s\n", d.Join)
	_, _ = fmt.Fprintf(w, "called back\t%s\n", d.Deliveries)
	_, _ = fmt.Fprintf(w, "commands\texport BBBPOOL_DATA=%s\n", d.Data)
	for _, s := range d.Servers {
		_, _ = fmt.Fprintf(w, "%s\t%s\tcontrol %s\n", s.ID, s.URL, s.Control)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(env.Out, "\nEnd the meeting, and its recording is there within seconds: bbbpool recording list"+
		"\nEnd with Ctrl-C; nothing is kept.")
	return err
}
