package mirror_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
)

// Where another instance has led while the store was away from here, that one's decisions count, and nothing is stuck: history that
// waits for the index is handed over all the same.
func TestMirror_Yield(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	m, s := open(t, f, dir)
	defer closing(t, m)
	ctx := t.Context()
	fill(t, s, f)
	f.set(func() { f.away = true })
	_, err := s.CreateClaim(ctx, claim("ours", "bbb1"))
	must(t, err)
	must(t, s.DeleteServer(ctx, "bbb2"))
	must(t, s.AddWaiting(ctx, store.Wait{ID: "history", Call: "usage"}))
	must(t, s.NoteUses(ctx, map[store.Credential]time.Time{{Kind: store.CredentialToken, Name: "night"}: time.Now().Truncate(time.Minute)}))

	f.set(func() { f.away = false })
	_, err = f.CreateClaim(ctx, claim("theirs", "bbb1"))
	must(t, err)
	led, told := false, 0
	m.Attach(mirror.Hooks{
		Leading: func() (uint64, bool) { return 0, false }, Led: func() bool { return led }, Edited: func([]string) { told++ },
	})
	if err := m.Refresh(ctx); err == nil {
		t.Error("it was written without a lease")
	}
	if _, _, away := m.Away(); !away {
		t.Error("nothing waits while nobody leads")
	}
	led = true
	must(t, m.Refresh(ctx))
	same(t, "mirror", rowsOf(t, s), rowsOf(t, f.State))
	if _, _, away := m.Away(); away || told == 0 {
		t.Errorf("away %v, told %d times", away, told)
	}
	list, err := f.Waiting(ctx, 10)
	if err != nil || len(list) == 0 || list[len(list)-1].ID != "history" {
		t.Errorf("the history: %+v, %v", list, err)
	}
	claims, err := s.Claims(ctx)
	must(t, err)
	for _, c := range claims {
		if c.MeetingID == "ours" {
			t.Error("what was decided here counts")
		}
	}
}
