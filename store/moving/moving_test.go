package moving_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/mark"
	"github.com/bbbpool/bbbpool/store/moving"
	"github.com/bbbpool/bbbpool/store/rows"
)

var monday = time.Date(2026, 9, 7, 8, 0, 0, 0, time.UTC)

func row[T any](t *testing.T, codec rows.Codec[T], record T) store.Row {
	t.Helper()
	r, err := codec.Row(record)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// records are n of some kinds, and a few of all others.
func records(t *testing.T, n int) (state, index []store.Row) {
	for i := range 5 {
		id := fmt.Sprint("bbb", i)
		state = append(state,
			row(t, rows.Servers, store.Server{ID: id, URL: "https://" + id + ".example.org/", Secret: "s", State: store.Enabled, Weight: 1, Created: monday}),
			row(t, rows.Tenants, store.Tenant{ID: fmt.Sprint("t", i), Name: "T", Created: monday}),
			row(t, rows.Tokens, rows.Token{ID: "old" + id, Expires: monday}),
			row(t, rows.Tokens, rows.Token{ID: id, Expires: time.Now().Add(9 * time.Hour)}),
			row(t, rows.Waiting, store.Wait{ID: "0" + id, Call: "x", Data: []byte(id)}))
		index = append(index, row(t, rows.Keys, rows.Key{Name: id, Key: []byte("\x00" + id)}),
			row(t, rows.Events, rows.Journal{Server: id, List: []store.Event{{At: monday, Kind: "online", Text: "x"}}}),
			row(t, rows.Jobs, store.Job{ID: id + ".tar", State: store.JobWaiting, Created: monday, Changed: monday}),
			row(t, rows.Usage, store.Usage{Day: "2026-09-0" + fmt.Sprint(i+1), Tenant: "t1", Meetings: i}))
	}
	for i := range n {
		id := fmt.Sprintf("m%05d", i)
		at := monday.Add(time.Duration(i) * time.Second)
		state = append(state, row(t, rows.Claims, store.Claim{
			MeetingKey: store.MeetingKey{Tenant: "t1", MeetingID: id}, Server: "bbb1", InternalID: "i" + id, Placed: at,
		}))
		index = append(index,
			row(t, rows.Sessions, store.Session{ID: id, Tenant: "t1", Server: "bbb1", Start: at, End: at.Add(time.Hour), Peak: 3}),
			row(t, rows.Audits, store.Audit{ID: id, At: at, Who: "uid 0", Action: "set", Kind: "tenant", Object: "t1"}),
			row(t, rows.Recordings, store.Recording{
				RecordID: id, Tenant: "t1", MeetingID: "room", Name: "Statik", State: store.Published, Start: at, End: at.Add(time.Hour),
				Meta: map[string]string{"bbb-origin": "moodle"},
			}))
	}
	return state, index
}

// open opens stores that the test closes, or the test's end.
func open(t *testing.T, c driver.Config) *driver.Stores {
	t.Helper()
	s, err := driver.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mover(t *testing.T, dir string) *driver.Stores {
	t.Helper()
	return open(t, driver.Config{Data: dir, Mover: true})
}

// pool makes a directory with records of a pool.
func pool(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pool")
	s := mover(t, dir)
	state, index := records(t, n)
	if err := errors.Join(s.State.Load(t.Context(), state), s.Index.Load(t.Context(), index), s.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// dump is everything that stores have.
func dump(t *testing.T, s *driver.Stores) (list []string) {
	t.Helper()
	if err := moving.Of(s)(t.Context(), func(r store.Row) error {
		if mark.Row(r) {
			return nil
		}
		list = append(list, fmt.Sprintf("%s %q %s", r.Kind, r.Key, r.Value))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// content is everything in a directory.
func content(t *testing.T, dir string) []string {
	t.Helper()
	s := mover(t, dir)
	defer func() { _ = s.Close() }()
	return dump(t, s)
}

// backedUp is a backup of a directory.
func backedUp(t *testing.T, dir string) []byte {
	t.Helper()
	s := mover(t, dir)
	defer func() { _ = s.Close() }()
	var out bytes.Buffer
	if _, err := backup.Write(t.Context(), &out, backup.Head{Version: "test", Made: monday}, s.State, s.Index); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func file(content []byte) moving.File {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}

func quiet(int, int) {}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%.2000s", what, diff)
	}
}

// What was backed up is in an empty directory afterwards, and opens.
func TestRestore(t *testing.T) {
	from, to := pool(t, 700), t.TempDir()
	s := mover(t, to)
	told := 0
	m, err := moving.Restore(t.Context(), file(backedUp(t, from)), s, "restore of x", false, func(done, total int) {
		if done < told || total == 0 {
			t.Errorf("told %d after %d, of %d", done, told, total)
		}
		told = done
	})
	if err != nil || told != m.Rows {
		t.Fatalf("%v, told of %d rows of %d", err, told, m.Rows)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, "restored", dump(t, open(t, driver.Config{Data: to})), content(t, from))
}

// A pool is not overwritten by mistake, nor by a file that is broken.
func TestRestore_Refused(t *testing.T) {
	one, other := pool(t, 10), pool(t, 20)
	whole := backedUp(t, one)
	s := mover(t, other)
	before := dump(t, s)
	if _, err := moving.Restore(t.Context(), file(whole), s, "x", false, quiet); !errors.Is(err, moving.ErrNotEmpty) {
		t.Errorf("into a pool: %v", err)
	}
	if _, err := moving.Restore(t.Context(), file(whole[:len(whole)-20]), s, "x", true, quiet); !errors.Is(err, backup.ErrBroken) {
		t.Errorf("a broken one: %v", err)
	}
	same(t, "left", dump(t, s), before)
	if _, err := moving.Restore(t.Context(), file(whole), s, "x", true, quiet); err != nil {
		t.Errorf("by force: %v", err)
	}
	same(t, "restored by force", dump(t, s), content(t, one))
}

// errCut is the end of a disk.
var errCut = errors.New("cut")

// A restore that ends on its way leaves what nobody opens, until it is done again.
func TestRestore_CutShort(t *testing.T) {
	from, to := pool(t, 700), pool(t, 5)
	whole := backedUp(t, from)
	reads := 0
	cut := func() (io.ReadCloser, error) {
		if reads++; reads == 1 {
			return io.NopCloser(bytes.NewReader(whole)), nil
		}
		return io.NopCloser(io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), failing{})), nil
	}
	s := mover(t, to)
	if _, err := moving.Restore(t.Context(), cut, s, "restore of x", true, quiet); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := driver.Open(driver.Config{Data: to})
	if err == nil || !strings.Contains(err.Error(), "is not whole") || !strings.Contains(err.Error(), "restore of x") {
		t.Fatalf("opened: %v", err)
	}
	s = mover(t, to)
	if _, err := moving.Restore(t.Context(), file(whole), s, "x", false, quiet); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, "restored", dump(t, open(t, driver.Config{Data: to})), content(t, from))
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errCut }

// A proof leaves nothing, says what is there, and finds out what is broken.
func TestProve(t *testing.T) {
	from, dir := pool(t, 50), t.TempDir()
	whole := backedUp(t, from)
	var seen []string
	m, err := moving.Prove(t.Context(), file(whole), dir, quiet, func(s *driver.Stores) error {
		seen = dump(t, s)
		return nil
	})
	if err != nil || m.Rows != len(seen) {
		t.Errorf("%v, %d rows, seen %d", err, m.Rows, len(seen))
	}
	whole[len(whole)/2] ^= 1
	if _, err := moving.Prove(t.Context(), file(whole), dir, quiet, nil); !errors.Is(err, backup.ErrBroken) {
		t.Errorf("a broken one: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// What has come, gone and changed since is counted by kind.
func TestCompare(t *testing.T) {
	one, other := mover(t, pool(t, 10)), mover(t, pool(t, 12))
	ctx := t.Context()
	_, err := other.State.UpdateServer(ctx, "bbb1", func(s *store.Server) error { s.Weight = 2; return nil })
	if err := errors.Join(err, other.State.DeleteServer(ctx, "bbb2"), other.State.DeleteServer(ctx, "bbb4")); err != nil {
		t.Fatal(err)
	}
	list, err := moving.Compare(ctx, moving.Of(one), moving.Of(other))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]moving.Difference{}
	for _, d := range list {
		got[d.Kind] = d
	}
	same(t, "servers", got["servers"], moving.Difference{Kind: "servers", Same: 2, Missing: 2, Changed: 1})
	same(t, "sessions", got["sessions"], moving.Difference{Kind: "sessions", Same: 10, More: 2})
	same(t, "kinds", len(got), len(store.Kinds))
}

// One that ended between the two notes at its very end comes to it, and needs no force for that; what has anything else does.
func TestRestore_AtItsEnd(t *testing.T) {
	from := pool(t, 20)
	whole, s := backedUp(t, from), mover(t, t.TempDir())
	if _, err := moving.Restore(t.Context(), file(whole), s, "x", false, quiet); err != nil {
		t.Fatal(err)
	}
	unfinished := mark.Mark{What: mark.Unfinished, By: "x", At: monday}
	for _, more := range []bool{false, true} {
		err := mark.OnIndex(t.Context(), s.Index, unfinished)
		if more {
			err = errors.Join(err, s.State.CreateServer(t.Context(), store.Server{ID: "more"}))
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = moving.Restore(t.Context(), file(whole), s, "x", false, quiet)
		m, err2 := mark.OfIndex(t.Context(), s.Index)
		if errors.Is(err, moving.ErrNotEmpty) != more || err2 != nil || (m.What == "") == more {
			t.Errorf("more %v: %v, a note %q, %v", more, err, m.What, err2)
		}
	}
	if err := errors.Join(s.State.DeleteServer(t.Context(), "more"), mark.OnState(t.Context(), s.State, mark.Mark{What: mark.Moved})); err != nil {
		t.Fatal(err)
	}
	if _, err := moving.Restore(t.Context(), file(whole), s, "x", false, quiet); !errors.Is(err, moving.ErrNotEmpty) {
		t.Errorf("what has moved: %v", err)
	}
}

// group is rows that are written to a file as they are.
type group []store.Row

func (g group) Dump(_ context.Context, each func(store.Row) error) error {
	for _, r := range g {
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}
func (group) Load(context.Context, []store.Row) error { return nil }
func (group) Wipe(context.Context) error              { return nil }

// A file whose digests are right and whose records cannot be read takes nothing away, not even by force.
func TestRestore_Unreadable(t *testing.T) {
	for name, r := range map[string]store.Row{
		"no JSON":      {Kind: "servers", Key: []byte("bbb1"), Value: []byte("{")},
		"another name": {Kind: "servers", Key: nil, Value: []byte("{}")},
		"before notes": {Kind: "waiting", Key: []byte(" "), Value: []byte(`{"call":"x"}`)},
		"no token":     {Kind: "tokens", Key: []byte("x"), Value: []byte("1")},
	} {
		var out bytes.Buffer
		if _, err := backup.Write(t.Context(), &out, backup.Head{Made: monday}, group{r}, group{}); err != nil {
			t.Fatal(err)
		}
		s := mover(t, pool(t, 3))
		before := dump(t, s)
		if _, err := moving.Restore(t.Context(), file(out.Bytes()), s, "x", true, quiet); !errors.Is(err, backup.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, dump(t, s), before)
		if m, err := mark.OfState(t.Context(), s.State); err != nil || m.What != "" {
			t.Errorf("%s: a note %q, %v", name, m.What, err)
		}
	}
}
