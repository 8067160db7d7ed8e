package hooks

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
)

const (
	lookTime  = 10 * time.Second // for all that is asked of a server in one look
	lookMost  = 8                // servers that are looked at at once
	lookAgain = 5 * time.Second  // after a look that failed, and twice that after the next
	lookRare  = 5 * time.Minute  // no rarer than this
	leaveMost = 3                // looks at a server that has left, until its relays are left to die
	maxListed = 5000             // hooks of a server that are looked at
)

// wanted is what relays a server is to have.
type wanted struct{ mapped, raw bool }

func (w wanted) any() bool { return w.mapped || w.raw }

// rawPlace is what stands in the place of a meeting in the address of a relay for raw events.
const rawPlace = "raw"

// relays keep our hooks at the servers.
type relays struct {
	hooks *Hooks
	woken chan struct{}
	slots chan struct{}
	works sync.WaitGroup

	mu  sync.Mutex
	of  map[string]*relay
	run bool // there is a Run, which looks
}

// relay is what is known of our hooks at one server.
type relay struct {
	server  string
	client  *bbb.Client
	online  bool
	left    bool // it is not in the pool, or not used, any more
	busy    bool // it is being looked at
	dirty   bool // something has changed since that look began
	next    time.Time
	have    wanted
	absent  bool // it has no bbb-webhooks
	failed  int  // looks in a row
	since   time.Time
	reason  string
	settled chan struct{} // closed at the end of the look that is under way
}

func (r *relays) open(h *Hooks) {
	r.hooks, r.woken, r.slots, r.of = h, make(chan struct{}, 1), make(chan struct{}, lookMost), map[string]*relay{}
}

// nudge has all servers looked at now.
func (r *relays) nudge() {
	r.mu.Lock()
	for _, one := range r.of {
		one.next, one.dirty = time.Time{}, true
	}
	r.mu.Unlock()
	r.wake()
}

func (r *relays) wake() {
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

// Run keeps the relays until ctx ends. It runs where the pool is decided about.
func (h *Hooks) Run(ctx context.Context) error {
	r := &h.relays
	r.begin()
	pulse := h.Pulse
	if pulse == 0 {
		pulse = time.Second
	}
	tick := time.NewTicker(pulse)
	defer tick.Stop()
	for ctx.Err() == nil {
		r.pass(ctx)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-r.woken:
		}
	}
	r.works.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run = false
	return nil
}

// begin begins a term: what another instance has done meanwhile is not known.
func (r *relays) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run, r.of = true, map[string]*relay{}
}

// pass looks at which servers there are, and begins to look at those that are due.
func (r *relays) pass(ctx context.Context) {
	if r.hooks.known.Load() == nil {
		return // what is wanted is not known yet
	}
	now := r.hooks.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.know()
	for _, one := range r.of {
		if one.busy || !one.online && !one.left || now.Before(one.next) {
			continue
		}
		select {
		case r.slots <- struct{}{}:
		default:
			return // one that is done wakes us
		}
		one.busy, one.dirty, one.settled = true, false, make(chan struct{})
		r.works.Go(func() { r.look(ctx, one) })
	}
}

// know takes note of the servers that there are. The lock is held.
func (r *relays) know() {
	here := map[string]bool{}
	for _, s := range r.hooks.Servers() {
		if s.Disabled || s.Client == nil {
			continue
		}
		here[s.ID] = true
		one := r.of[s.ID]
		if one == nil {
			one = &relay{server: s.ID}
			r.of[s.ID] = one
		}
		if s.Online && !one.online || one.left || one.client != s.Client {
			one.next, one.failed, one.dirty = time.Time{}, 0, true
		}
		one.client, one.online, one.left = s.Client, s.Online, false
	}
	for id, one := range r.of {
		switch {
		case here[id] || one.left:
		case !one.have.any() && !one.busy: // a look that is under way may be registering one
			delete(r.of, id)
		default:
			one.left, one.next, one.failed = true, time.Time{}, 0
		}
	}
}

// look looks at the hooks of a server and puts ours right.
func (r *relays) look(ctx context.Context, one *relay) {
	r.mu.Lock()
	want := r.hooks.all().want
	if one.left {
		want = wanted{}
	}
	l := look{hooks: r.hooks, server: one.server, client: one.client, want: want}
	r.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, lookTime)
	err := l.do(limited)
	cancel()
	r.mu.Lock()
	r.seen(ctx, one, &l, err)
	close(one.settled)
	r.mu.Unlock()
	<-r.slots
	r.wake()
}

// seen takes note of what a look has come to. The lock is held.
func (r *relays) seen(ctx context.Context, one *relay, l *look, err error) {
	one.busy = false
	if ctx.Err() != nil {
		return
	}
	now := r.hooks.Now()
	if one.absent = errors.Is(err, errAbsent); l.listed {
		one.have = l.have
	}
	wait := r.hooks.every()
	switch {
	case err != nil:
		if one.failed == 0 {
			one.since = now
		}
		one.reason = err.Error()
		one.failed++
		wait = min(lookAgain<<min(one.failed-1, 10), lookRare)
	default:
		one.failed, one.reason = 0, ""
	}
	cleared := err == nil && !l.want.any() // and not a look that was under way when the server left
	if one.left && (cleared || one.failed >= leaveMost) {
		delete(r.of, one.server)
		return
	}
	one.dirty = one.dirty || one.left && err == nil
	one.next = now.Add(time.Duration(float64(wait) * (0.8 + 0.4*rand.Float64())))
	if one.dirty {
		one.next = now
	}
}

func (h *Hooks) every() time.Duration {
	if h.Every > 0 {
		return h.Every
	}
	return time.Minute
}

// settle waits until servers that are online have the relays that are wanted, or were looked at in vain.
func (r *relays) settle(ctx context.Context) {
	for {
		wait, more := r.unsettled()
		if !more {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-wait:
		}
	}
}

// unsettled is what to wait for while there are servers without the relays that are wanted.
func (r *relays) unsettled() (wait <-chan struct{}, more bool) {
	want := r.hooks.all().want
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.run {
		return nil, false
	}
	for _, one := range r.of {
		lacks := one.have != want && one.failed == 0
		if one.left || !one.online || !lacks {
			continue
		}
		if one.busy {
			return one.settled, true
		}
		soon := make(chan struct{})
		time.AfterFunc(10*time.Millisecond, func() { close(soon) })
		return soon, true
	}
	return nil, false
}

// errAbsent is that a server has no bbb-webhooks.
var errAbsent = errors.New("it has no bbb-webhooks")

// look is one look at a server's hooks.
type look struct {
	hooks  *Hooks
	server string
	client *bbb.Client
	want   wanted
	have   wanted
	listed bool // what hooks the server has is known
}

// listed is a hook as a server lists it.
type listed struct {
	ID  string `xml:"hookID"`
	URL string `xml:"callbackURL"`
	Raw string `xml:"rawData"`
}

func (l listed) isRaw() bool { return strings.TrimSpace(l.Raw) == "true" }

// do lists the hooks of the server, removes those of ours that are not wanted, and makes those that are.
func (l *look) do(ctx context.Context) error {
	base := l.hooks.Base()
	if base == "" {
		l.want = wanted{}
	}
	list, err := l.list(ctx)
	if err != nil {
		return err
	}
	l.listed = true
	var errs []error
	for _, one := range list {
		if l.ours(one, base) && !l.fits(one, base) {
			errs = append(errs, l.destroy(ctx, one.ID))
		}
	}
	if l.want.mapped && !l.have.mapped {
		err := l.make(ctx, base, false)
		l.have.mapped = err == nil
		errs = append(errs, err)
	}
	if l.want.raw && !l.have.raw {
		err := l.make(ctx, base, true)
		l.have.raw = err == nil
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// place is what the address of a relay is about.
func (l *look) place(raw bool) address.Place {
	p := address.Place{Kind: address.Event, Server: l.server}
	if raw {
		p.MeetingKey = store.MeetingKey{MeetingID: rawPlace}
	}
	return p
}

// fits tells whether a hook is a relay that is wanted, and the first of its kind.
func (l *look) fits(one listed, base string) bool {
	switch {
	case l.want.mapped && !l.have.mapped && !one.isRaw() && one.URL == l.hooks.Seal.URL(base, l.place(false)):
		l.have.mapped = true
	case l.want.raw && !l.have.raw && one.isRaw() && one.URL == l.hooks.Seal.URL(base, l.place(true)):
		l.have.raw = true
	default:
		return false
	}
	return true
}

// ours tells whether a hook is one of ours: its address is sealed with our key, or is below our base, where nobody else's can
// be. Those of a server that is in the pool by another name are that one's to look after.
func (l *look) ours(one listed, base string) bool {
	p, err := l.hooks.Seal.Read(one.URL)
	if err != nil || p.Kind != address.Event {
		return base != "" && strings.HasPrefix(one.URL, strings.TrimSuffix(base, "/")+address.Path+string(address.Event)+"/")
	}
	if p.Server == l.server {
		return true
	}
	return !slices.ContainsFunc(l.hooks.Servers(), func(s Server) bool { return s.ID == p.Server })
}

// ask makes a call, and reads its answer.
func (l *look) ask(ctx context.Context, call, query string) ([]byte, error) {
	reply, err := l.client.Do(ctx, call, query, "", nil)
	if err != nil {
		return nil, err
	}
	if reply.Status == http.StatusNotFound {
		return nil, errAbsent
	}
	answer, err := reply.Answer(call)
	switch {
	case err != nil:
		return nil, err
	case answer.Err == nil:
		return reply.Body, nil
	case answer.Err.Key == bbb.ErrUnsupported.Key: // so says BigBlueButton itself where no bbb-webhooks stands before it
		return nil, errAbsent
	case answer.Err.Key == errMissing:
		return reply.Body, nil
	}
	return nil, fmt.Errorf("%s was refused: %.60q", call, answer.Err.Key)
}

// errMissing is how bbb-webhooks says that there is no such hook, or that it is a permanent one.
const errMissing = "destroyMissingHook"

func (l *look) list(ctx context.Context) ([]listed, error) {
	body, err := l.ask(ctx, "hooks/list", "")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Hooks []listed `xml:"hooks>hook"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil {
		return nil, errors.New("hooks/list: the answer cannot be read")
	}
	return answer.Hooks[:min(len(answer.Hooks), maxListed)], nil
}

func (l *look) destroy(ctx context.Context, id string) error {
	_, err := l.ask(ctx, "hooks/destroy", "hookID="+url.QueryEscape(id))
	return err
}

func (l *look) make(ctx context.Context, base string, raw bool) error {
	query := "callbackURL=" + url.QueryEscape(l.hooks.Seal.URL(base, l.place(raw)))
	if raw {
		query += "&getRaw=true"
	}
	_, err := l.ask(ctx, "hooks/create", query)
	if err == nil {
		l.hooks.Log.Info().Str("server", l.server).Bool("raw", raw).Msg("a relay for webhooks is registered")
	}
	return err
}
