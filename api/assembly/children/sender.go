package children

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// Sender brings archives to a pool as the script on a server does: it asks what is there, sends the rest, and comes back until
// the pool has all of it. Its fields are set before it is used.
type Sender struct {
	At    func(random *rand.Rand) string // where the pool is asked, anew each time, as http://host:port
	Pause time.Duration                  // in the middle of what is sent at once
	Tries atomic.Int64                   // to send something
}

// sending is one archive that is brought.
type sending struct {
	*Sender

	random  *rand.Rand
	query   url.Values
	header  http.Header
	archive []byte
}

// stand is how much of an archive has arrived.
type stand struct {
	Offset   int
	Complete bool
	State    string
	Code     string
}

var (
	errLater  = errors.New("another time") // is worth another try
	errBroken = errors.New("the connection is broken")
)

// Send sends the nth archive with the token of its server, until it is there; some again, as a script does that was ended before
// it could note that.
func (s *Sender) Send(n int, token, path string) error {
	archive, err := os.ReadFile(path) //nolint:gosec // a test's own
	if err != nil {
		return err
	}
	from := &sending{Sender: s, random: rand.New(rand.NewPCG(4, uint64(n))), archive: archive}
	from.query = url.Values{
		"name": {filepath.Base(path)}, "length": {strconv.Itoa(len(archive))}, "sha256": {fmt.Sprintf("%x", sha256.Sum256(archive))},
	}
	from.header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/x-tar"}}
	for range 1 + n/2%2 {
		if err := from.deliver(); err != nil {
			return err
		}
	}
	return nil
}

// deliver comes back until the archive is there. What the script would give up on may not be.
func (s *sending) deliver() error {
	for began := time.Now(); ; time.Sleep(time.Duration(50+s.random.IntN(200)) * time.Millisecond) {
		s.Tries.Add(1)
		err := s.step()
		if err == nil {
			return nil
		}
		if !errors.Is(err, errLater) || time.Since(began) > 2*time.Minute {
			return fmt.Errorf("%s is not taken after %v: %w", s.query.Get("name"), time.Since(began), err)
		}
	}
}

// step asks one instance what is there, and sends others the rest: at once, in pieces, or so that the connection breaks.
func (s *sending) step() error {
	got, err := s.ask(http.MethodGet, "/api/v1/recordings/upload", nil)
	for err == nil && !got.Complete {
		if got.State == "uploading" {
			return fmt.Errorf("%w: somebody sends it", errLater)
		}
		if got.Offset < 0 || got.Offset > len(s.archive) {
			return fmt.Errorf("%d of %d bytes are there", got.Offset, len(s.archive))
		}
		s.query.Set("offset", strconv.Itoa(got.Offset))
		got, err = s.ask(http.MethodPost, "/api/v1/recordings", s.piece(got.Offset))
		s.query.Del("offset")
	}
	return err
}

// piece is what is sent in one request.
func (s *sending) piece(offset int) io.Reader {
	rest := s.archive[offset:]
	half := rest[:(len(rest)+1)/2]
	switch s.random.IntN(6) {
	case 0:
		return bytes.NewReader(half)
	case 1:
		return io.MultiReader(bytes.NewReader(half), broken{})
	}
	if s.Pause > 0 {
		return io.MultiReader(bytes.NewReader(half), pausing(s.Pause), bytes.NewReader(rest[len(half):]))
	}
	return bytes.NewReader(rest)
}

// broken is where a connection ends.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// pausing is where one pauses.
type pausing time.Duration

func (p pausing) Read([]byte) (int, error) {
	time.Sleep(time.Duration(p))
	return 0, io.EOF
}

// ask makes a request of an instance, and judges the answer as the script does.
func (s *sending) ask(method, path string, body io.Reader) (got stand, err error) {
	at := s.At(s.random)
	r, err := Ask(method, at+path+"?"+s.query.Encode(), s.header, body, 30*time.Second)
	if err != nil {
		return got, fmt.Errorf("%w: %w", errLater, err)
	}
	if err := json.Unmarshal([]byte(r.Body), &got); err != nil {
		got = stand{}
	}
	told := fmt.Errorf("%s: status %d %.200s", at, r.Status, r.Body)
	worth := []int{
		http.StatusRequestTimeout, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusLocked, http.StatusTooManyRequests,
	}
	switch {
	case r.Status >= 200 && r.Status < 300:
		return got, nil
	case slices.Contains(worth, r.Status), r.Status >= 500, got.Code == "broken":
		return got, fmt.Errorf("%w: %w", errLater, told)
	}
	return got, told
}
