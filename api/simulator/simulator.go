package simulator

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/fault"
	"github.com/bbbpool/bbbpool/api/simulator/recorded"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// Config says what to simulate. The zero value is one server on a free port of the loopback interface.
type Config struct {
	Servers    int        `default:"1" help:"How many servers to simulate."`
	Listen     string     `default:"127.0.0.1:0" help:"Address of the first server; others take the next ports."`
	Control    string     `help:"Address of the control port; a free port on the host of --listen by default."`
	Secret     bbb.Secret `help:"Shared secret of all servers; a random one for each by default."`
	PublicHost string     `help:"Host name in the URLs that servers hand out; that of --listen by default."`
	SpoolDir   string     `help:"Directory for archives of recordings; none are written by default."`
	Formats    []string   `help:"Formats of recordings; presentation by default."`
	Life       Settings   `embed:""`

	Release     string `name:"bbb-version" default:"3.0.37" help:"Release of BigBlueButton that the servers are."`
	HideRelease bool   `name:"hide-version" help:"Servers do not say which release they are, as BigBlueButton by default."`

	StrictURLs      bool          `name:"strict-urls" help:"Ends are told as BigBlueButton's URL rules allow: https, public hosts."`
	URLProtocols    []string      `name:"url-protocols" help:"Protocols that --strict-urls allows; https by default, all is any."`
	URLAllowed      []string      `name:"url-allowed-hosts" help:"Local hosts that --strict-urls allows, as they stand in URLs."`
	NoWebhooks      bool          `help:"Servers have no bbb-webhooks."`
	HookChecksum    string        `help:"What bbb-webhooks signs with: sha1 (the default), sha256, sha384 or sha512."`
	HookBearer      bool          `help:"bbb-webhooks sends the secret along instead of a checksum (auth2_0)."`
	PermanentHooks  []string      `help:"Addresses that bbb-webhooks tells of everything by its configuration."`
	CallbackTimeout time.Duration `help:"How long callbacks wait for an answer; as long as BigBlueButton's by default."`

	RecordingDelay time.Duration `help:"How long processing a recording takes."`

	Now    func() time.Time `kong:"-"` // the clock of all servers; time.Now by default
	Client *http.Client     `kong:"-"` // sends callbacks; it need not have a timeout
	Report func(error)      `kong:"-"` // told of archives and callbacks that failed; may be nil, may be called at once
}

// Settings are the times that rule the life of meetings. What is zero has BigBlueButton's default. Parameters of
// create come first.
type Settings struct {
	NeverJoined time.Duration `help:"How long a meeting waits for its first person." default:"5m"`
	Deserted    time.Duration `help:"How long a meeting waits for people once all have left." default:"1m"`
	Linger      time.Duration `help:"How long a meeting that has ended can be ended again, before its callbacks." default:"2s"`
	JoinDelay   time.Duration `help:"How long people take from the join to being in the meeting."`
	Step        time.Duration `help:"How often life goes on." default:"250ms"`

	ManualRecording bool `help:"Recordings start where somebody starts them, or autoStartRecording says so; otherwise they always do."`
}

// Limits that keep a simulator within its memory, whatever it is asked to do.
const (
	MaxServers    = 2000
	MaxMeetings   = rooms.MaxMeetings      // on one server
	MaxPeople     = rooms.MaxPeople        // in one meeting
	MaxRecordings = recorded.MaxRecordings // kept by one server; the oldest go
	maxBody       = 2 << 20
	maxHeader     = 64 << 10
)

// Fault is something that is wrong with a server.
type Fault = fault.Fault

// Kind says what is wrong with a server.
type Kind = fault.Kind

// The kinds of faults; the package comment tells them apart.
const (
	Refuse      = fault.Refuse
	BlackHole   = fault.BlackHole
	Hang        = fault.Hang
	Slow        = fault.Slow
	ServerError = fault.ServerError
	Garbage     = fault.Garbage
	Truncated   = fault.Truncated
	Malformed   = fault.Malformed
)

// Simulator is a number of simulated servers and their control port.
type Simulator struct {
	cfg     Config
	servers []*Server
	control *http.Server
	ctlHost string
	ctl     net.Listener
	start   sync.Once
	stop    sync.Once
	serving sync.WaitGroup
}

// New listens for all servers, so that their URLs are known and callers queue up, but answers nobody before Start or
// Run. It must be closed, by Close or by the end of Run.
func New(cfg Config) (*Simulator, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &Simulator{cfg: cfg}
	host, port, err := splitAddress(cfg.Listen)
	if err != nil {
		return nil, err
	}
	control := cfg.Control
	if control == "" {
		control = net.JoinHostPort(host, "0")
	}
	if s.ctl, err = net.Listen("tcp", control); err != nil { //nolint:noctx // takes no time
		return nil, fmt.Errorf("control port: %w", err)
	}
	s.ctlHost = publicAddress(cfg.PublicHost, s.ctl.Addr())
	s.control = &http.Server{
		Handler: s.controlHandler(), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: maxHeader,
	}
	for i := range cfg.Servers {
		at := 0
		if port > 0 {
			at = port + i
		}
		server, err := newServer(s, "sim"+strconv.Itoa(i+1), net.JoinHostPort(host, strconv.Itoa(at)))
		if err != nil {
			s.Close()
			return nil, err
		}
		s.servers = append(s.servers, server)
	}
	return s, nil
}

// complete checks the configuration and fills in what was left out.
func (c *Config) complete() error {
	c.Servers = max(c.Servers, 1)
	if c.Servers > MaxServers {
		return fmt.Errorf("%d servers: the limit is %d", c.Servers, MaxServers)
	}
	for _, format := range c.Formats {
		if !recorded.ValidFormat(format) {
			return fmt.Errorf("format %q: want letters, digits, - and _", format)
		}
	}
	if len(c.Formats) == 0 {
		c.Formats = []string{"presentation"}
	}
	if c.Release == "" {
		c.Release = DefaultRelease
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Client == nil {
		c.Client = &http.Client{}
	}
	if c.Report == nil {
		c.Report = func(error) {}
	}
	defaults(&c.Life.NeverJoined, 5*time.Minute)
	defaults(&c.Life.Deserted, time.Minute)
	defaults(&c.Life.Linger, 2*time.Second)
	defaults(&c.Life.Step, 250*time.Millisecond)
	return nil
}

func defaults(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}

func splitAddress(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("listen address: %w", err)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen address %q: want HOST:PORT with a port from 0 to 65535", addr)
	}
	return host, port, nil
}

// publicAddress is the address that others reach a listener at.
func publicAddress(host string, addr net.Addr) string {
	own, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(own); host == "" && ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	} else if host == "" {
		host = own
	}
	return net.JoinHostPort(host, port)
}

// Servers returns the servers in the order of their ports.
func (s *Simulator) Servers() []*Server { return s.servers }

// Server returns the server with an ID, or nil.
func (s *Simulator) Server(id string) *Server {
	for _, server := range s.servers {
		if server.id == id {
			return server
		}
	}
	return nil
}

// Start answers calls from now on, until Close. Time only passes in Run and Tick.
func (s *Simulator) Start() {
	s.start.Do(func() {
		for _, server := range s.servers {
			server.port.Start()
		}
		s.serving.Go(func() { _ = s.control.Serve(s.ctl) })
	})
}

// Close stops all servers and frees their ports. Calls in flight are cut off.
func (s *Simulator) Close() {
	s.stop.Do(func() {
		_ = s.control.Close()
		_ = s.ctl.Close()
		var closing sync.WaitGroup
		for _, server := range s.servers {
			closing.Go(server.port.Close)
		}
		closing.Wait()
	})
	s.serving.Wait()
}

// Run starts the servers, lets time pass until ctx ends, and closes them.
func (s *Simulator) Run(ctx context.Context) error {
	s.Start()
	defer s.Close()
	var loops sync.WaitGroup
	defer loops.Wait()
	loops.Go(func() { s.every(ctx, s.live) })
	loops.Go(func() {
		s.every(ctx, func() {
			for _, server := range s.servers {
				server.startDelivery(ctx, &loops)
			}
		})
	})
	<-ctx.Done()
	return nil
}

func (s *Simulator) every(ctx context.Context, step func()) {
	ticker := time.NewTicker(s.cfg.Life.Step)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			step()
		}
	}
}

// Tick does at once what Run does as time passes: it brings every server to Now, sends the callbacks that are due and
// waits for their answers. Tests with a clock of their own call it.
func (s *Simulator) Tick(ctx context.Context) {
	s.live()
	var delivering sync.WaitGroup
	for _, server := range s.servers {
		delivering.Go(func() { server.deliver(ctx) })
	}
	delivering.Wait()
}

func (s *Simulator) live() {
	for _, server := range s.servers {
		server.live(s.cfg.Now())
	}
}

// secret returns the secret of a new server.
func (c *Config) secret() bbb.Secret {
	if c.Secret != "" {
		return c.Secret
	}
	return bbb.Secret(rooms.RandomText(40, rooms.Alphanumeric))
}
