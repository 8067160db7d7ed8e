package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis/address"
)

// What a configuration leaves open.
const (
	DefaultNamespace  = "scalelite"
	DefaultPool       = 20
	DefaultTimeout    = 2 * time.Second
	DefaultMeetingTTL = 24 * time.Hour
)

// How many timeouts a call may take that reads a whole list, and one that reads or writes everything.
const (
	listTimeouts  = 2
	wholeTimeouts = 15
)

// maxPool is more connections than any pool needs.
const maxPool = 10000

// Config says where the Redis is, and how it is used.
type Config struct {
	URL        store.Secret  // see [address.Parse]; it may have a password in it
	Pool       int           // connections at most; 0 is DefaultPool
	Namespace  string        // stands before all keys, with a colon; "" is none
	Timeout    time.Duration // of a call; 0 is DefaultTimeout
	MeetingTTL time.Duration // how long Scalelite's key of a meeting lasts; 0 is DefaultMeetingTTL

	MayBeAway bool // Open is content with a Redis that does not answer: whoever mirrors it has a copy to begin with
	// Admit looks whether a Redis may be used, before any other call gets through, be it long after Open; nil for yes. Refused
	// hears why one that has come back may not, by Admit or by its schema: it stays away.
	Admit   func(ctx context.Context, s store.State) error
	Refused func(err error)

	Now func() time.Time // tells which secrets of tenants have expired; nil is time.Now
}

// Validate tells all that is wrong, and never what the URL is.
func (c Config) Validate() error {
	var errs []error
	if _, err := address.Parse(c.URL); err != nil {
		errs = append(errs, err)
	}
	if c.Pool < 0 || c.Pool > maxPool {
		errs = append(errs, fmt.Errorf("redis pool of %d connections: want 1 to %d", c.Pool, maxPool))
	}
	if strings.ContainsAny(c.Namespace, " \t\r\n*?[]") {
		errs = append(errs, fmt.Errorf("redis namespace %q: want a word, or nothing", c.Namespace))
	}
	if c.Timeout < 0 || c.Timeout > time.Minute {
		errs = append(errs, fmt.Errorf("redis timeout of %s: want up to a minute", c.Timeout))
	}
	if c.MeetingTTL != 0 && c.MeetingTTL < time.Second {
		errs = append(errs, fmt.Errorf("life of a meeting's key (DEFAULT_MEETING_TTL) of %s: want a second or more", c.MeetingTTL))
	}
	return errors.Join(errs...)
}

// filled has what was left open.
func (c Config) filled() Config {
	if c.Pool == 0 {
		c.Pool = DefaultPool
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.MeetingTTL == 0 {
		c.MeetingTTL = DefaultMeetingTTL
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// prefix stands before all keys.
func (c Config) prefix() string {
	if c.Namespace == "" {
		return ""
	}
	return c.Namespace + ":"
}
