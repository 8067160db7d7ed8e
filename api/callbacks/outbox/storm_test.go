package outbox_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
)

// storm is receivers that do what receivers do, and watch what they get.
type storm struct {
	t    *testing.T
	db   *watched
	mu   sync.Mutex
	rng  *rand.Rand
	rows map[string]store.Callback
	pred map[string]string // the one before in the lane
	got  map[string]int
	calm bool
	more chan struct{} // a request has come
	hung chan struct{} // closed when those that hang may go
}

func (s *storm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id := r.Header.Get("Bbbpool-Delivery")
	s.mu.Lock()
	row, known := s.rows[id]
	s.got[id]++
	what, calm := s.rng.IntN(100), s.calm
	s.mu.Unlock()
	if !known || !strings.HasSuffix(row.URL, r.URL.Path) || !strings.HasPrefix(r.URL.Path, "/"+row.Tenant+"/") {
		s.t.Errorf("%s %s is nobody's: %+v", r.Method, r.URL, row)
		return
	}
	s.look(r, row, string(body))
	select {
	case s.more <- struct{}{}:
	default:
	}
	if calm {
		return
	}
	s.answer(w, r, what)
}

// look checks what a receiver can know, by hand.
func (s *storm) look(r *http.Request, row store.Callback, body string) {
	attempt, _ := strconv.Atoi(r.Header.Get("Bbbpool-Attempt"))
	now, err := s.db.Callback(context.Background(), row.ID)
	if err != nil || now.State == store.CallbackDone && attempt > now.Attempts {
		s.t.Errorf("attempt %d of what was done by then: %+v, %v", attempt, now, err)
	}
	if before := s.pred[row.ID]; before != "" {
		if c, err := s.db.Callback(context.Background(), before); err != nil || c.State == store.CallbackWaiting {
			s.t.Errorf("%s came before %+v, %v", row.Subject, c, err)
		}
	}
	if row.Kind != store.CallbackReady {
		return
	}
	form, err := url.ParseQuery(body)
	if err != nil {
		s.t.Error(err)
	}
	by, claims := signedBy(s.t, form.Get("signed_parameters"))
	if claims["record_id"] != row.Subject || claims["meeting_id"] != row.MeetingID ||
		(row.Tenant == "physics") != (by == "p") || by == "" || by == "gone" {
		s.t.Errorf("%s of %s is signed by %q: %v", row.Subject, row.Tenant, by, claims)
	}
}

// answer does something of what receivers do.
func (s *storm) answer(w http.ResponseWriter, r *http.Request, what int) {
	codes := []int{500, 502, 302, 401, 400, 403, 503, 429}
	switch {
	case what < 45:
	case what < 52:
		w.WriteHeader(http.StatusGone)
	case what < 84:
		w.WriteHeader(codes[what%len(codes)])
	case what < 92: // garbage
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(c, "garbage\r\n\r\n")
			_ = c.Close()
		}
	case what < 97: // broken off
		panic(http.ErrAbortHandler)
	default: // it hangs
		s.mu.Lock()
		hung := s.hung
		s.mu.Unlock()
		select {
		case <-r.Context().Done():
		case <-hung:
		}
	}
}

// killed is a store that a process which was killed cannot write to any more.
type killed struct {
	*watched
	mu   sync.Mutex
	dead bool
}

func (k *killed) UpdateCallback(ctx context.Context, id string, change func(*store.Callback) error) (store.Callback, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return store.Callback{}, store.ErrAway
	}
	return k.watched.UpdateCallback(ctx, id, change)
}

func (k *killed) kill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dead = true
}

// rows writes what is to be told: meetings of two tenants, each with several callbacks to few addresses.
func (s *storm) rowsTo(hosts []string) (list []store.Callback) {
	last := map[string]string{}
	for n := range 300 {
		tenant := []string{"default", "physics"}[n%2]
		meeting, host := fmt.Sprintf("room-%d", n%40), hosts[n%len(hosts)]
		kind := []store.CallbackKind{store.CallbackEnded, store.CallbackEnd, store.CallbackReady}[n/2%3]
		c := callback(kind, fmt.Sprintf("subject-%d", n), host+"/"+tenant+"/x", func(c *store.Callback) {
			c.Tenant, c.MeetingID, c.Created = tenant, meeting, time.Now().Add(time.Duration(n)*time.Microsecond-time.Minute)
		})
		lane := tenant + meeting + host
		s.rows[c.ID], s.pred[c.ID] = c, last[lane]
		last[lane] = c.ID
		list = append(list, c)
	}
	return list
}

// Through kills and restarts, and receivers that fail in every way, each callback is delivered at least once, in its order, to
// whom it is for, and not after it was ended.
func TestOutbox_Storm(t *testing.T) {
	s := &storm{
		t: t, db: openDB(t), rng: rand.New(rand.NewPCG(1, 2)), rows: map[string]store.Callback{}, pred: map[string]string{},
		got: map[string]int{}, more: make(chan struct{}, 10_000), hung: make(chan struct{}),
	}
	var hosts []string
	for range 6 {
		server := httptest.NewServer(s)
		t.Cleanup(server.Close)
		hosts = append(hosts, server.URL)
	}
	rows := s.rowsTo(hosts)
	for life := range 25 {
		if at := life * 25; at < len(rows) {
			if err := s.db.AddCallbacks(t.Context(), rows[at:min(at+25, len(rows))]...); err != nil {
				t.Fatal(err)
			}
		}
		s.live(t, life)
	}
	s.calmDown(t)
	for id, row := range s.rows {
		c, err := s.db.Callback(t.Context(), id)
		if err != nil || c.State != store.CallbackDone || s.got[id] == 0 {
			t.Errorf("%s %s: received %d times, %+v, %v", row.Kind, row.Subject, s.got[id], c, err)
		}
	}
}

// box is an outbox that is in a hurry.
func (s *storm) box(t *testing.T, db store.Callbacks) *outbox.Outbox {
	return newBox(t, db, &clock{}, func(p *outbox.Parts) {
		p.Now, p.Config.First, p.Config.Most = time.Now, time.Millisecond, 8*time.Millisecond
	})
}

// live is one life of a process: it is killed after some requests, with answers that were never written, or stopped.
func (s *storm) live(t *testing.T, life int) {
	t.Helper()
	db := &killed{watched: s.db}
	box := s.box(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); _ = box.Run(ctx) }()
	quiet := time.NewTimer(300 * time.Millisecond) // when nothing is left to be sent
	defer quiet.Stop()
requests:
	for range 10 + life {
		select {
		case <-s.more:
		case <-quiet.C:
			break requests
		}
	}
	if life%3 != 0 {
		db.kill()
	}
	cancel()
	s.mu.Lock()
	close(s.hung)
	s.hung = make(chan struct{})
	s.mu.Unlock()
	<-over
}

// calmDown lets receivers take everything, until nothing waits.
func (s *storm) calmDown(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	s.calm = true
	s.mu.Unlock()
	b := &box{t: t, db: s.db, Outbox: s.box(t, s.db)}
	b.run()
	for id := range s.rows {
		b.row(id, in(store.CallbackDone))
	}
	b.stop()
}
