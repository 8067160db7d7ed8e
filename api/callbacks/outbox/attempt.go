package outbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/guard"
	"github.com/bbbpool/bbbpool/store"
)

// outcome is what has come of an attempt.
type outcome struct {
	away    error  // the store did not answer: nothing was sent
	gone    bool   // the row does not wait any more
	result  string // for the metrics; "" where nothing was sent
	state   store.CallbackState
	due     time.Time // of the row, when it waits on; zero leaves it
	next    time.Time // of the entry, when it waits on
	refused string    // by the guard, in words
	changed time.Time
	write   func(c *store.Callback) // into the row; nil where there is nothing to write
	theirs  bool                    // set by write: others have changed the row meanwhile, and it waits on as they want it
	gaveUp  func(store.Callback)
}

// errSettled is that a row does not wait any more when an outcome is to be written into it.
var errSettled = errors.New("the callback does not wait any more")

// putOffPause is between two looks whether it is known where a callback goes.
const putOffPause = 10 * time.Second

// writeTime bounds writing, also where the term is over: what was delivered is to be known.
const writeTime = 5 * time.Second

// write writes an outcome, unless somebody has settled the row meanwhile. Then, and where it waits on as others want it, the
// outcome becomes what they have made of the row.
func (o *Outbox) write(ctx context.Context, id string, r *outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	var is store.CallbackState
	row, err := o.Store.UpdateCallback(ctx, id, func(c *store.Callback) error {
		if is = c.State; is != store.CallbackWaiting {
			return errSettled
		}
		r.write(c)
		return nil
	})
	if errors.Is(err, errSettled) {
		r.state = is
		return nil
	}
	if err != nil {
		return err
	}
	if r.theirs {
		r.state, r.next, r.result, r.refused, r.gaveUp = row.State, row.Due, "failed", "", nil
	}
	kind := row.Kind
	if _, known := o.senders[kind]; !known {
		kind = "other" // what a row says is no name for a metric
	}
	o.counts.add(kind, r.result)
	if r.gaveUp != nil {
		r.gaveUp(row)
	}
	return nil
}

// try makes one attempt at a callback, with one secret. It returns nil where the term ended before there was an answer.
func (o *Outbox) try(ctx context.Context, id string) *outcome {
	c, err := o.Store.Callback(ctx, id)
	now := o.Now()
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &outcome{gone: true}
	case err != nil:
		return unless(ctx, &outcome{away: err})
	case c.State != store.CallbackWaiting:
		return &outcome{gone: true}
	case c.Due.After(now): // somebody has put it off
		return &outcome{state: c.State, next: c.Due, changed: c.Changed}
	case o.PutOff != nil && o.PutOff(c): // and an operator has had it tried
		return &outcome{state: c.State, next: now.Add(putOffPause), changed: c.Changed}
	}
	tenant, err := o.Tenants(ctx, c.Tenant)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return o.dead(c, "tenant "+c.Tenant+" is not there any more")
	case err != nil:
		return unless(ctx, &outcome{away: err})
	}
	sender, known := o.senders[c.Kind]
	if !known {
		return o.dead(c, "nobody knows how to send what is called "+strconv.Quote(string(c.Kind)))
	}
	return o.send(ctx, c, sender, tenant)
}

// unless is an outcome, unless the term is over.
func unless(ctx context.Context, r *outcome) *outcome {
	if ctx.Err() != nil {
		return nil
	}
	return r
}

// send sends a callback once.
func (o *Outbox) send(ctx context.Context, c store.Callback, s Sender, t Tenant) *outcome {
	to, err := o.Guard.Parse(c.URL)
	if err != nil {
		return o.refused(c, s, err)
	}
	var secret store.TenantSecret
	if s.Signed {
		var ok bool
		if secret, ok = o.secret(&c, t); !ok {
			c.Attempts++
			return o.failed(c, s, "the tenant has no valid secret to sign with", 0)
		}
	}
	req, err := s.Request(ctx, c, to, secret, t)
	if errors.Is(err, ErrUnwanted) {
		return o.done(c, "dropped", err.Error())
	}
	if err != nil {
		c.Attempts++
		return o.failed(c, s, "it could not be made: "+plain(err), 0)
	}
	o.headed(req, c)
	answer, err := o.Guard.Do(req, t.Insecure)
	if _, is := errors.AsType[*guard.Refusal](err); is {
		return o.refused(c, s, err)
	}
	if err != nil {
		c.Attempts++
		return unless(ctx, o.failed(c, s, describe(err), 0))
	}
	return o.judged(c, s, t, secret.Name, answer)
}

// secret chooses what an attempt is signed with: the secret that signed the create, then the newest; of those that its receiver
// has not refused yet. When it has refused all, the round begins again.
func (o *Outbox) secret(c *store.Callback, t Tenant) (store.TenantSecret, bool) {
	list := o.untried(*c, t)
	if len(list) == 0 && len(c.Tried) > 0 {
		c.Tried = nil
		list = o.untried(*c, t)
	}
	if len(list) == 0 {
		return store.TenantSecret{}, false
	}
	return list[0], true
}

// untried are the valid secrets that a receiver has not refused, in the order in which they are tried.
func (o *Outbox) untried(c store.Callback, t Tenant) (list []store.TenantSecret) {
	now := o.Now()
	for _, s := range t.Secrets {
		if s.Valid(now) && !slices.Contains(c.Tried, s.Name) {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b store.TenantSecret) int {
		if first := (a.Name == c.Signer) != (b.Name == c.Signer); first {
			return map[bool]int{true: -1, false: 1}[a.Name == c.Signer]
		}
		return b.Created.Compare(a.Created)
	})
	return list
}

// judged is what comes of an answer.
func (o *Outbox) judged(c store.Callback, s Sender, t Tenant, secret string, a guard.Answer) *outcome {
	judge := s.Judge
	if judge == nil {
		judge = Judge
	}
	text := "answered " + strconv.Itoa(a.Status)
	c.Attempts++
	verdict := judge(a.Status)
	switch verdict {
	case Delivered:
		return o.done(c, "delivered", text)
	case Ended:
		return o.done(c, "ended", text+": its receiver wants no more of it")
	case Unsigned, Again:
	}
	if a.Status >= 300 && a.Status < 400 {
		text += ": redirects are not followed"
	}
	if verdict == Unsigned && s.Signed {
		c.Tried = append(c.Tried, secret)
		if len(o.untried(c, t)) > 0 {
			return o.again(c, text+" to secret "+secret, o.Now())
		}
	}
	return o.failed(c, s, text, after(a.After, o.Now()))
}

// after reads Retry-After: seconds, or a date.
func after(text string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(n, 0), 86_400)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// done is a callback of which nothing is sent any more. That it was stays known for a while, without what was sent.
func (o *Outbox) done(c store.Callback, result, text string) *outcome {
	r := o.outcome(c, result, text)
	r.state = o.settledAs(c.Kind)
	return r
}

// dead is a callback that was given up.
func (o *Outbox) dead(c store.Callback, text string) *outcome {
	r := o.outcome(c, "dead", text)
	r.state = store.CallbackDead
	s := o.senders[c.Kind]
	if s.Drops {
		r = o.done(c, "dropped", text)
	}
	r.gaveUp = s.GaveUp
	return r
}

// outcome is what all have in common.
func (o *Outbox) outcome(c store.Callback, result, text string) *outcome {
	now := o.Now().UTC().Truncate(time.Millisecond)
	r := &outcome{result: result, changed: now}
	r.write = func(row *store.Callback) {
		r.theirs = !r.state.Settled() && !row.Changed.Equal(c.Changed)
		row.Outcome, row.Attempts, row.Changed = text, max(row.Attempts, c.Attempts), now
		if r.theirs {
			return // an operator's retry, or marks that have come, are for the time after this attempt
		}
		row.State, row.Tried = r.state, c.Tried
		if !r.due.IsZero() {
			row.Due = r.due
		}
		if r.state.Settled() {
			row.Body = nil
		}
	}
	return r
}

// settledAs is the state of a kind of which nothing is sent any more.
func (o *Outbox) settledAs(kind store.CallbackKind) store.CallbackState {
	if o.senders[kind].Keep > 0 {
		return store.CallbackOver
	}
	return store.CallbackDone
}

// again is a callback that is tried again at a time.
func (o *Outbox) again(c store.Callback, text string, at time.Time) *outcome {
	r := o.outcome(c, "failed", text)
	r.state, r.due, r.next = store.CallbackWaiting, at, at
	return r
}

// failed is a callback that waits for its next attempt, or is given up.
func (o *Outbox) failed(c store.Callback, s Sender, text string, asked time.Duration) *outcome {
	wait, giveUp := o.backoff(c.Attempts), false
	if s.Retry != nil {
		wait, giveUp = s.Retry(c)
	} else {
		wait = max(wait, min(asked, cmp.Or(o.Config.Most, time.Hour)))
	}
	now, limit := o.Now(), o.limit(c)
	if giveUp || !now.Before(limit) {
		return o.dead(c, text+", and given up after "+strconv.Itoa(c.Attempts)+" attempts")
	}
	next := now.Add(wait)
	if next.After(limit) {
		next = limit
	}
	return o.again(c, text, next)
}

// refused is a callback whose address is not called. It waits without being tried, in this process: when an operator has changed
// the settings there is another one, which finds it due at once. What has a schedule of its own keeps to that.
func (o *Outbox) refused(c store.Callback, s Sender, err error) *outcome {
	why, _ := errors.AsType[*guard.Refusal](err)
	now, limit := o.Now(), o.limit(c)
	switch {
	case why == nil || why.Final || !now.Before(limit):
		return o.dead(c, err.Error())
	case s.Retry != nil:
		c.Attempts++
		r := o.failed(c, s, err.Error(), 0)
		r.refused = err.Error()
		return r
	}
	r := o.outcome(c, "refused", err.Error())
	r.state, r.refused, r.next = store.CallbackWaiting, err.Error(), limit
	return r
}

// describe says what went wrong without what a receiver has said, and without the address.
func describe(err error) string {
	var dns *net.DNSError
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "its host has no address"
	case errors.As(err, &dns):
		return "its host could not be resolved"
	case errors.As(err, &unknown):
		return "its certificate is of an authority that nobody here knows"
	case errors.As(err, &verify):
		return "its certificate does not verify"
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH):
		return "its host cannot be reached"
	}
	return "the connection broke, or the answer was no HTTP"
}

// plain is an error of our own without what may not stand in a message: an address has secrets in it.
func plain(err error) string {
	if _, is := errors.AsType[*url.Error](err); is {
		return "its address cannot be read"
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, err.Error())
	return fmt.Sprintf("%.200s", text)
}
