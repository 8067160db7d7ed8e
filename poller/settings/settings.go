// Package settings is how servers are asked, as flags, and what follows from them. It asks nobody.
package settings

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/poller/observed"
)

// Config is how servers are asked, as flags.
type Config struct {
	Interval  time.Duration `name:"poll-interval" default:"10s" env:"BBBPOOL_POLL_INTERVAL,POLL_INTERVAL" help:"How often each server is polled."`
	Connect   time.Duration `name:"connect-timeout" default:"2s" env:"BBBPOOL_CONNECT_TIMEOUT,CONNECT_TIMEOUT" help:"Deadline for connecting to a server, and for a probe of it. Servers that answer slowly get more for a probe."`
	Response  time.Duration `name:"response-timeout" default:"10s" env:"BBBPOOL_RESPONSE_TIMEOUT,RESPONSE_TIMEOUT" help:"Deadline for a server's answer. A create waits longer for a server that is alive."`
	Unhealthy int           `name:"unhealthy-after" default:"3" env:"BBBPOOL_UNHEALTHY_AFTER,SERVER_UNHEALTHY_THRESHOLD" help:"Failed polls in a row that make a server offline."`
	Healthy   int           `name:"healthy-after" default:"1" env:"BBBPOOL_HEALTHY_AFTER,SERVER_HEALTHY_THRESHOLD" help:"Good polls in a row that bring it back online; twice as many after each further failure within ten minutes, up to 16."`
	Failover  time.Duration `name:"failover-after" default:"3s" env:"BBBPOOL_FAILOVER_AFTER" help:"How long a server must have failed before a meeting with people in it is created elsewhere."`
	LostAfter time.Duration `name:"lost-after" default:"10m" env:"BBBPOOL_LOST_AFTER" help:"How long a server must have been offline for its meetings to be over; 0 waits for it for ever."`

	// Transport makes the calls; nil is one with the timeouts above.
	Transport http.RoundTripper `kong:"-"`
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	var wrong []string
	for name, d := range map[string]time.Duration{
		"poll-interval": c.Interval, "connect-timeout": c.Connect, "response-timeout": c.Response,
		"failover-after": c.Failover,
	} {
		if d < 10*time.Millisecond || d > 24*time.Hour {
			wrong = append(wrong, fmt.Sprintf("--%s %s: want between 10ms and 24h", name, d))
		}
	}
	if c.LostAfter != 0 && (c.LostAfter < time.Second || c.LostAfter > 30*24*time.Hour) {
		wrong = append(wrong, fmt.Sprintf("--lost-after %s: want 0, or between 1s and 720h", c.LostAfter))
	}
	for name, n := range map[string]int{"unhealthy-after": c.Unhealthy, "healthy-after": c.Healthy} {
		if n < 1 || n > 1000 {
			wrong = append(wrong, fmt.Sprintf("--%s %d: want between 1 and 1000", name, n))
		}
	}
	if wrong == nil {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%s", strings.Join(wrong, "; "))
}

// Thresholds are what turns one health of a server into another.
func (c Config) Thresholds() observed.Thresholds {
	return observed.Thresholds{
		Unhealthy: c.Unhealthy, Healthy: c.Healthy, Round: c.Interval, Failover: c.Failover,
		// The next poll, and a probe beside it that is waited for as well.
		Noticed: c.Interval + 2*c.Response,
	}
}

// LookPause is how far apart polls are for those who say that something has changed.
func (c Config) LookPause() time.Duration { return c.Interval / 5 }
