package webhooks

import (
	"cmp"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what IDs of permanent hooks are made with
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/callback"
)

// What a server keeps at most.
const (
	maxHooks   = 1_000
	maxWaiting = 10_000 // deliveries of a hook
	maxURL     = 8 << 10
)

// Config is how bbb-webhooks is set up on a server. The zero value is as it is installed.
type Config struct {
	Absent       bool          `json:"absent"`              // it is not installed: its calls are unknown
	Algorithm    bbb.Algorithm `json:"algorithm,omitempty"` // hookChecksumAlgorithm; sha1 by default
	Bearer       bool          `json:"bearer"`              // auth2_0: the secret goes along instead of a checksum
	Permanent    []Permanent   `json:"permanent,omitempty"` // permanentURLs
	CreatedFirst bool          `json:"createdFirst"`        // create is not answered before meeting-created has been sent
}

// Permanent is a hook that comes from the configuration, and that no call removes.
type Permanent struct {
	URL string `json:"url"`
	Raw bool   `json:"getRaw"`
}

func (c *Config) check() error {
	if c.Algorithm != "" {
		if _, err := bbb.ParseAlgorithm(string(c.Algorithm)); err != nil {
			return err
		}
	}
	if len(c.Permanent) > maxHooks {
		return fmt.Errorf("%d permanent hooks: the limit is %d", len(c.Permanent), maxHooks)
	}
	for _, p := range c.Permanent {
		if p.URL == "" || len(p.URL) > maxURL {
			return fmt.Errorf("permanent hook: want a URL of at most %d bytes", maxURL)
		}
	}
	return nil
}

// Hook is an address that is told of events.
type Hook struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Meeting   string   `json:"meeting,omitempty"` // the meetingID that it is about; none: all meetings
	Events    []string `json:"events,omitempty"`  // IDs of those that it is told of; none: all
	Permanent bool     `json:"permanent"`
	Raw       bool     `json:"getRaw"`
	Waiting   int      `json:"waiting"` // deliveries
}

// hook is a hook with what waits to be sent to it.
type hook struct {
	Hook

	removed bool
	waiting []delivery
	sending sync.Mutex // held by the one that sends
}

// Options are what hooks need.
type Options struct {
	Client  *http.Client
	Now     func() time.Time
	Timeout time.Duration // how long an answer may take; 5s where it is 0
	Report  func(error)   // told of what failed
	Secret  func() bbb.Secret
	Faults  *callback.Faults
	Traces  *callback.Traces
	Domain  string // what the server calls itself
}

// Hooks are the hooks of a server. Their methods are safe for concurrent use, and take no lock but their own.
type Hooks struct {
	opts Options

	mu    sync.Mutex
	conf  Config
	hooks []*hook // the oldest first; also removed ones for which something waits
}

// New returns a server's hooks before there are any.
func New(opts Options) *Hooks { return &Hooks{opts: opts} }

// Configure sets bbb-webhooks up anew. Hooks stay, but for permanent ones that the configuration no longer has.
func (h *Hooks) Configure(c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c.Permanent = slices.Clone(c.Permanent)
	h.conf = c
	for _, old := range h.hooks {
		if old.Permanent && !slices.ContainsFunc(c.Permanent, func(p Permanent) bool { return p.URL == old.URL }) {
			old.removed = true
		}
	}
	for _, p := range c.Permanent {
		if h.find(func(old *hook) bool { return old.URL == p.URL }) == nil {
			h.hooks = append(h.hooks, &hook{Hook: Hook{ID: namedID(p.URL), URL: p.URL, Permanent: true, Raw: p.Raw}})
		}
	}
	h.prune()
	return nil
}

// Config returns how bbb-webhooks is set up.
func (h *Hooks) Config() Config {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conf
}

// All returns the hooks, the oldest first.
func (h *Hooks) All() []Hook {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := []Hook{}
	for _, one := range h.hooks {
		if !one.removed {
			own := one.Hook
			own.Waiting = len(one.waiting)
			list = append(list, own)
		}
	}
	return list
}

// Any tells whether there is a hook at all: otherwise nothing need be made up that nobody is told.
func (h *Hooks) Any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.hooks) > 0 && !h.conf.Absent
}

// find returns the first hook that is one, or nil. The caller has the lock.
func (h *Hooks) find(is func(*hook) bool) *hook {
	for _, one := range h.hooks {
		if !one.removed && is(one) {
			return one
		}
	}
	return nil
}

// create makes a hook, or returns the one that has the URL.
func (h *Hooks) create(want Hook) (made Hook, duplicate, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.find(func(old *hook) bool { return old.URL == want.URL }); old != nil {
		return old.Hook, true, true
	}
	if len(h.hooks) >= maxHooks || len(want.URL) > maxURL {
		return Hook{}, false, false
	}
	want.ID = randomID()
	h.hooks = append(h.hooks, &hook{Hook: want})
	return want, false, true
}

// destroy removes a hook that is not permanent.
func (h *Hooks) destroy(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.find(func(old *hook) bool { return old.ID == id && !old.Permanent })
	if one == nil {
		return false
	}
	one.removed = true
	h.prune()
	return true
}

// prune forgets removed hooks for which nothing waits. The caller has the lock.
func (h *Hooks) prune() {
	h.hooks = slices.DeleteFunc(h.hooks, func(one *hook) bool { return one.removed && len(one.waiting) == 0 })
}

// of returns the hooks that hear of a meeting. Of those that are about that one meeting bbb-webhooks finds the first alone. The
// caller has the lock.
func (h *Hooks) of(meeting string) (list []*hook) {
	for _, one := range h.hooks {
		if !one.removed && one.Meeting == "" {
			list = append(list, one)
		}
	}
	if own := h.find(func(one *hook) bool { return one.Meeting == meeting }); meeting != "" && own != nil {
		list = append(list, own)
	}
	return list
}

// listed returns the hooks that hooks/list shows.
func (h *Hooks) listed(meeting string) (list []Hook) {
	if meeting == "" {
		return h.All()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.of(meeting) {
		list = append(list, one.Hook)
	}
	slices.SortFunc(list, func(a, b Hook) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// randomID returns a UUID of version 4.
func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return uuid(b, 4)
}

// urlSpace is the name space of URLs in UUIDs of version 5.
const urlSpace = "\x6b\xa7\xb8\x11\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8"

// namedID returns the UUID of version 5 that a URL has.
func namedID(url string) string {
	sum := sha1.Sum([]byte(urlSpace + url)) //nolint:gosec // see the import
	return uuid([16]byte(sum[:16]), 5)
}

func uuid(b [16]byte, version byte) string {
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}
