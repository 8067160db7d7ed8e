package moving_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/moving"
	"github.com/bbbpool/bbbpool/store/rows"
)

// Records whose values have no place of their own in other databases are the same there: bytes that are no text, times that are
// finer or farther away, names of any length that a front end may give.
func TestMigrate_Odd(t *testing.T) {
	from := t.TempDir()
	s, ctx := mover(t, from), t.Context()
	odd := []string{"nul\x00", "\xff\xfe", "ü\u2028\u202e", strings.Repeat("x", 250), " ", "A", "a"}
	var state, index []store.Row
	for i, id := range odd {
		at := monday.Add(time.Duration(i)*time.Hour + 123456789)
		state = append(state,
			row(t, rows.Servers, store.Server{ID: "s" + id, URL: "https://x/" + id, Secret: store.Secret(id), State: store.Enabled, Weight: 0.1, Tag: id, Created: at}),
			row(t, rows.Tenants, store.Tenant{ID: "t" + string(rune('a'+i)), Name: id, Created: at, Params: []store.ParamRule{{Call: "create", Op: store.ParamDefault, Name: id, Value: id}}}),
			row(t, rows.Claims, store.Claim{MeetingKey: store.MeetingKey{Tenant: "ta", MeetingID: "m" + id}, Server: "s" + id, InternalID: id, Placed: at}))
		index = append(index,
			row(t, rows.Sessions, store.Session{ID: "x" + id, Tenant: "ta", Server: "s" + id, Start: at, End: at.Add(time.Hour)}),
			row(t, rows.Recordings, store.Recording{RecordID: "r" + strings.ToValidUTF8(strings.ReplaceAll(id, "\x00", "0"), "-"), Tenant: "ta", MeetingID: "m" + id, Name: id, State: store.Published, Start: at, End: at.Add(1), Meta: map[string]string{id: id, "": ""}}),
			row(t, rows.Recordings, store.Recording{RecordID: "far" + strings.ToValidUTF8(strings.ReplaceAll(id, "\x00", "0"), "-"), Start: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)}),
			row(t, rows.Events, rows.Journal{Server: "s" + id, List: []store.Event{{At: at, Kind: id, Text: id}}}))
	}
	if err := s.State.Load(ctx, state); err != nil {
		t.Fatal(err)
	}
	if err := s.Index.Load(ctx, index); err != nil {
		t.Fatal(err)
	}
	want := dump(t, s)
	for _, c := range []driver.Config{shared(t), {Data: t.TempDir(), Mover: true}} {
		to := open(t, c)
		if _, err := (moving.Migration{From: s, To: to, State: true, Index: true, Tell: quiet}).Run(ctx); err != nil {
			t.Fatal(err)
		}
		same(t, "there", dump(t, to), want)
		s = to
	}
}
