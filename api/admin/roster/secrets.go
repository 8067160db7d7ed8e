package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// Config is how servers are changed, as flags.
type Config struct {
	SecretWindow time.Duration `name:"secret-window" default:"24h" env:"BBBPOOL_SECRET_WINDOW" help:"How long a server whose secret is changed may have its former one as well; 0 changes it at once."`
}

// maxWindow is how long two secrets of a server may count at most.
const maxWindow = 30 * 24 * time.Hour

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	if c.SecretWindow < 0 || c.SecretWindow > maxWindow {
		return fmt.Errorf("--secret-window %s: want between 0, which changes secrets at once, and %s", c.SecretWindow, maxWindow)
	}
	return nil
}

// window is how long a server may have its former secret, as somebody wants it for once.
func (r *Roster) window(asked *time.Duration) (time.Duration, error) {
	if asked == nil {
		return r.Config.SecretWindow, nil
	}
	if *asked < 0 || *asked > maxWindow {
		return 0, v1.Invalid("window: want between 0, which changes the secret at once, and %s", maxWindow)
	}
	return *asked, nil
}

// rekey notes in the record of a server whose secret is another than before that the server may have the one that it had,
// too, for a window. Of a server that changes its secret a second time this is the one that it was last seen to accept, and
// where that is the new one, which goes back, the one that it was to have. A server that is at another address, too, may be
// another machine: it has one secret.
func (r *Roster) rekey(before store.Server, after *store.Server, window time.Duration) {
	if after.Secret == before.Secret {
		return
	}
	after.Former, after.FormerUntil, after.Switched = "", time.Time{}, time.Time{}
	if window == 0 || before.URL != after.URL {
		return
	}
	after.Former, after.FormerUntil = before.Secret, r.Now().Add(window)
	if status, _ := r.Pool.Server(before.ID); before.Former != "" && status.OnFormer && before.Former != after.Secret {
		after.Former = before.Former
	}
}

// rekeyListed is rekey for the record of a list. A new server may have its former secret as well if the list says so: it
// was being changed where the list comes from.
func (r *Roster) rekeyListed(before store.Server, after *store.Server) {
	window := r.Config.SecretWindow
	switch {
	case before.ID != "":
		r.rekey(before, after, window)
	case after.Former != "" && window > 0:
		after.FormerUntil = r.Now().Add(window)
	default:
		after.Former = ""
	}
}

// extend gives a change of a secret that is under way another end.
func (r *Roster) extend(s *store.Server, window time.Duration) error {
	if s.Former == "" {
		return v1.Invalid("window: the secret of server %s is not being changed: pass the new one with it", s.ID)
	}
	s.FormerUntil = r.Now().Add(window)
	return nil
}

// noteSecret notes in a record which of two secrets a server has accepted.
func (e *Examiner) noteSecret(s *store.Server, d bbb.Diagnosis) {
	switch {
	case d.Former:
		s.Switched = time.Time{}
	case s.Former != "" && s.Switched.IsZero():
		s.Switched = e.Now()
	}
}

// secretInCommon tells whether two servers may have the same secret.
func secretInCommon(x, y store.Server) bool {
	return x.Secret == y.Secret || x.Former == y.Secret || y.Former == x.Secret || x.Former != "" && x.Former == y.Former
}

// showChange shows how far the change of a server's secret is; nil where there is none.
func showChange(s poller.Status) *v1.SecretChange {
	if s.Former == "" {
		return nil
	}
	shown := &v1.SecretChange{AnswersTo: v1.NewSecret, Until: s.FormerUntil.UTC().Truncate(time.Millisecond)}
	if s.OnFormer {
		shown.AnswersTo = v1.FormerSecret
	} else {
		shown.Switched = v1.Stamp(s.Switched)
	}
	return shown
}

// Handover writes down what becomes of servers whose secrets are being changed: which of the two each was last seen to
// accept, and the end of it. A former secret is dropped when its window is over and the server has the new one, and never
// before both: a server that nobody has given its new secret goes on with the former.
//
// What it writes follows from the record and from what was seen, and it writes nothing where the record says so already, so
// that several instances may do the same: one of them is first, and the others are told with the record.
type Handover struct {
	Records *Records
	Pool    interface {
		// Changing returns the servers whose secrets are being changed.
		Changing() []poller.Changing
	}
	Now func() time.Time
	Log zerolog.Logger
}

const (
	// handoverPause is how soon it is written down that a server has its new secret. Until then a restart would sign its first
	// joins with the former one.
	handoverPause = time.Second
	// handoverRest is how long a store that cannot be written is left alone.
	handoverRest = time.Minute
)

// Run writes down what becomes of changes until ctx ends. It can be called again.
func (h *Handover) Run(ctx context.Context) error {
	timer := time.NewTimer(handoverPause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			h.Settle(context.WithoutCancel(ctx)) // for whoever starts next
			return nil
		case <-timer.C:
		}
		next := handoverPause
		if !h.Settle(ctx) {
			next = handoverRest
		}
		timer.Reset(next)
	}
}

// Settle writes down what is to be said of each change, and tells whether the store takes that.
func (h *Handover) Settle(ctx context.Context) bool {
	for _, seen := range h.Pool.Changing() {
		if h.settled(seen.Server, seen.OnFormer) == seen.Server {
			continue
		}
		err := h.settle(ctx, seen)
		if errors.Is(err, store.ErrFenced) { // the instance that leads now does it
			return true
		}
		if _, refused := errors.AsType[*v1.Error](err); err != nil && !refused && !errors.Is(err, errOvertaken) {
			h.Log.Error().Err(err).Str("server", seen.ID).Msg("how far the change of its secret is cannot be kept")
			return false
		}
	}
	return true
}

// errOvertaken is what somebody else has changed meanwhile.
var errOvertaken = errors.New("the secret of the server was changed meanwhile")

func (h *Handover) settle(ctx context.Context, seen poller.Changing) error {
	record, err := h.Records.update(ctx, seen.ID, func(s *store.Server) error {
		if s.Secret != seen.Secret || s.Former != seen.Former {
			return errOvertaken
		}
		*s = h.settled(*s, seen.OnFormer)
		return nil
	})
	if err != nil {
		return err
	}
	h.Log.Info().Str("server", seen.ID).Bool("switched", !record.Awaited()).Bool("over", record.Former == "").
		Msg("change of a server's secret")
	return nil
}

// settled is the record of a server by which of two secrets it was last seen to accept.
func (h *Handover) settled(s store.Server, onFormer bool) store.Server {
	now := h.Now()
	switch {
	case onFormer:
		s.Switched = time.Time{}
	case s.Switched.IsZero():
		s.Switched = now
	}
	if !s.Awaited() && !now.Before(s.FormerUntil) {
		s.Former, s.FormerUntil, s.Switched = "", time.Time{}, time.Time{}
	}
	return s
}
