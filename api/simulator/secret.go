package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// maxPause is how long a restart may take.
const maxPause = time.Hour

// secret is the shared secret of a server, which may be changed while it is used.
type secret struct {
	now   func() time.Time
	is    atomic.Pointer[bbb.Secret]
	until atomic.Pointer[time.Time] // the end of the restart that a change has led to
}

func newSecret(is bbb.Secret, now func() time.Time) *secret {
	s := &secret{now: now}
	s.is.Store(&is)
	s.until.Store(&time.Time{})
	return s
}

func (s *secret) get() bbb.Secret { return *s.is.Load() }

// restarting tells whether what knows the secret is away.
func (s *secret) restarting() bool { return s.now().Before(*s.until.Load()) }

// SetSecret gives the server another secret, as bbb-conf --setsecret does. With a pause it is away for that long first, as
// BigBlueButton is restarted; nothing else of it changes.
func (s *Server) SetSecret(to bbb.Secret, pause time.Duration) error {
	switch {
	case to == "":
		return errors.New("secret: missing")
	case pause < 0 || pause > maxPause:
		return fmt.Errorf("pause: want from 0s to %s", maxPause)
	}
	until := s.sim.cfg.Now().Add(pause)
	s.secret.until.Store(&until) // before the secret, so that nobody sees it too early
	s.secret.is.Store(&to)
	return nil
}

// badGateway answers as nginx does where nothing is behind it.
func badGateway(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write([]byte("<html><head><title>502 Bad Gateway</title></head><body></body></html>\n"))
}
