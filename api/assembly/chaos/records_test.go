package chaos_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/recorded"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
)

// shelf has the recordings that come in meanwhile.
type shelf struct {
	*world
	ids []string
}

// run lets one recording after the other come: every second one lies where all instances look for archives, the others are sent
// by a server. All have arrived when it returns.
func (s *shelf) run(ends time.Time) {
	spool := filepath.Join(s.Instances[0].Config.Shared, "recordings", "spool")
	var sending sync.WaitGroup
	defer sending.Wait()
	for n := 0; time.Now().Before(ends); n++ {
		dir := spool
		if n%2 == 1 {
			dir = s.t.TempDir()
		}
		r := recordingOf(fmt.Sprint("lecture-", n))
		if err := r.Archive(dir, "http://server.example"); err != nil {
			s.t.Error(err)
			return
		}
		if s.ids = append(s.ids, r.ID); dir != spool {
			sending.Go(func() {
				if err := s.sender.Send(n, s.tokens[n%len(s.tokens)], filepath.Join(dir, r.ID+".tar")); err != nil {
					s.t.Error(err)
				}
			})
		}
		time.Sleep(700 * time.Millisecond)
	}
}

// recordingOf is what is recorded of a room.
func recordingOf(room string) recorded.Recording {
	now, sum := time.Now(), sha1.Sum([]byte(room))
	return recorded.Recording{
		ID: fmt.Sprintf("%s-%d", hex.EncodeToString(sum[:]), now.UnixMilli()), MeetingID: room, Name: "Lecture",
		State: recorded.Published, Start: now.Add(-time.Hour), End: now, Participants: 3,
		Formats: []recorded.Format{{Name: "presentation"}, {Name: "podcast"}},
	}
}

// verify waits until all recordings are in, and looks whether each is there once, and whole.
func (s *shelf) verify() {
	s.t.Helper()
	var missing []string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if missing = s.missing(); len(missing) == 0 {
			break
		}
	}
	for _, what := range missing {
		s.t.Error("recordings: ", what)
	}
	root := filepath.Join(s.Instances[0].Config.Shared, "recordings")
	for _, dir := range []string{"spool", "unpublished", "deleted"} {
		if left := slices.DeleteFunc(filesIn(filepath.Join(root, dir)), s.late); len(left) > 0 {
			s.t.Errorf("left in %s: %v", dir, left)
		}
	}
}

// late tells whether a file is of an upload that was given up, of an archive that has come: an instance that goes on after a while
// reads what somebody had sent to it before he went to another one. It is swept when it is old.
func (s *shelf) late(path string) bool {
	state, err := os.ReadFile(strings.TrimSuffix(path, filepath.Ext(path)) + ".state")
	var of struct{ Name string }
	if err != nil || json.Unmarshal(state, &of) != nil {
		return false
	}
	return slices.Contains(s.ids, strings.TrimSuffix(of.Name, ".tar"))
}

// missing tells what is not yet as it is to be.
func (s *shelf) missing() (list []string) {
	root := filepath.Join(s.Instances[0].Config.Shared, "recordings", "published")
	for n, id := range s.ids {
		body, err := s.instances[n%len(s.instances)].call("getRecordings", url.Values{"recordID": {id}}, 10*time.Second)
		if times := strings.Count(body, "<recordID>"); err != nil || times != 1 || strings.Count(body, "<format>") != 2 {
			list = append(list, fmt.Sprintf("%s is listed %d times: %v %.300s", id, times, err, body))
		}
		player := s.instances[(n+1)%len(s.instances)]
		r, err := player.Get("/podcast/"+id+"/audio.wav", 10*time.Second)
		if r.Status != http.StatusOK || len(r.Body) < 4000 {
			list = append(list, fmt.Sprintf("%s plays %d bytes at %s: %v status %d", id, len(r.Body), player.Name, err, r.Status))
		}
		for format, files := range map[string]int{"presentation": 6, "podcast": 3} {
			if got := filesIn(filepath.Join(root, format, id)); len(got) < files {
				list = append(list, fmt.Sprintf("%s has of %s only %v", id, format, got))
			}
		}
	}
	for _, format := range []string{"presentation", "podcast"} {
		if there, _ := os.ReadDir(filepath.Join(root, format)); len(there) != len(s.ids) {
			list = append(list, fmt.Sprintf("%d of %s where %d have come", len(there), format, len(s.ids)))
		}
	}
	return list
}

// filesIn are all files below a directory.
func filesIn(dir string) (list []string) {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		// The mark that a directory is ours, and those of the instances that have it, are to stay.
		if err == nil && d.Type().IsRegular() && d.Name() != "volume" && filepath.Base(filepath.Dir(path)) != "instances" {
			list = append(list, path)
		}
		return nil
	})
	return list
}

// index is what is in PostgreSQL, looked at beside the instances.
func (w *world) index() store.Index {
	w.t.Helper()
	db, err := postgres.Open(context.Background(), postgres.Config{URL: store.Secret(w.Instances[0].Config.Postgres)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = db.Close() })
	return db.Index()
}

// counted looks into the history: every meeting that was acknowledged goes on, or is there, and none has not counted.
func (l *load) counted(db store.Index) {
	l.t.Helper()
	var wrong []string
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		if wrong = l.uncounted(db); len(wrong) == 0 {
			return
		}
	}
	for _, what := range wrong[:min(len(wrong), 20)] {
		l.t.Error("history: ", what)
	}
}

func (l *load) uncounted(db store.Index) (wrong []string) {
	there := map[string]bool{}
	for _, s := range l.servers {
		for _, m := range s.Meetings() {
			there[m.InternalID] = true
		}
	}
	over := 0
	past, err := db.SessionsSince(context.Background(), time.Time{}, "", 1_000_000)
	if err != nil {
		return []string{err.Error()}
	}
	for _, s := range past {
		if strings.HasPrefix(s.ID, "\x01") {
			continue // a mark of what waited
		}
		if there[s.ID] = true; s.Reason != "moved" {
			over++
		}
	}
	l.made.Range(func(internal, meeting any) bool {
		if id, _ := internal.(string); !there[id] {
			wrong = append(wrong, fmt.Sprint(meeting, " as ", internal, " has left nothing"))
		}
		return true
	})
	used, err := db.Usage(context.Background(), store.UsageFilter{})
	if err != nil {
		return []string{err.Error()}
	}
	counted := 0
	for _, u := range used {
		counted += u.Meetings
	}
	if counted != over {
		wrong = append(wrong, fmt.Sprintf("%d meetings are over, and %d were counted", over, counted))
	}
	slices.Sort(wrong)
	return wrong
}
