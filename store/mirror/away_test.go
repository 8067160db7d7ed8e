package mirror_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
)

// One instance alone goes on while the store is away, also when it was started again; the store gets all of it, in spite of
// what it has or has not done of it before.
func TestMirror_AwayAlone(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	m, s := open(t, f, dir)
	ctx := t.Context()
	fill(t, s, f)
	f.set(func() { f.half = true })
	_, err := s.CreateClaim(ctx, claim("half", "bbb1")) // it is done, and said not to be
	must(t, err)
	if _, why, away := m.Away(); !away || !strings.Contains(why, store.ErrAway.Error()) {
		t.Errorf("away %v: %s", away, why)
	}
	_, err = s.UpdateClaim(ctx, claim("half", "").MeetingKey, func(c *store.Claim) error { c.InternalID = "x"; return nil })
	must(t, err)
	must(t, s.DeleteServer(ctx, "bbb2"))
	must(t, s.CreateServer(ctx, store.Server{ID: "bbb4"}))
	if _, err := s.CreateClaim(ctx, claim("room0", "bbb4")); !errors.Is(err, store.ErrExists) {
		t.Errorf("a room is created twice: %v", err)
	}
	if err := s.SpendToken(ctx, "other", time.Now(), time.Now().Add(time.Hour)); !errors.Is(err, store.ErrAway) {
		t.Errorf("a token is spent: %v", err)
	}
	if err := s.SpendToken(ctx, "token", time.Now(), time.Now().Add(time.Hour)); err == nil {
		t.Error("a token is spent twice")
	}
	must(t, s.AddWaiting(ctx, store.Wait{ID: "2", Call: "usage"}))
	must(t, s.DeleteWaiting(ctx, "1"))
	must(t, s.AddEndings(ctx, store.Ending{MeetingKey: claim("ended", "").MeetingKey, Server: "bbb1", Asked: time.Now()}))
	want := rowsOf(t, s)
	if list, err := s.Waiting(ctx, 10); err != nil || len(list) != 1 || list[0].ID != "2" {
		t.Errorf("waiting: %+v, %v", list, err)
	}
	if !errors.Is(m.Refresh(ctx), store.ErrAway) {
		t.Error("the store answers")
	}
	if list := m.Problems(ctx); len(list) != 1 || list[0].Unready || !strings.Contains(list[0].Text, "record") {
		t.Errorf("problems: %+v", list)
	}
	copied := copyFile(t, dir) // as a kill leaves it
	m, s = open(t, f, copied)
	same(t, "opened again", rowsOf(t, s), want)
	must(t, s.DeleteServer(ctx, "bbb4"))
	want = rowsOf(t, s)
	f.set(func() { f.away, f.half = false, false })
	must(t, m.Refresh(ctx))
	same(t, "written", rowsOf(t, f.State), want)
	if _, _, away := m.Away(); away || len(m.Problems(ctx)) > 0 {
		t.Errorf("problems: %+v", m.Problems(ctx))
	}
}

// copyFile copies the copy of a mirror that runs into another directory.
func copyFile(t testing.TB, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, mirror.File))
	must(t, err)
	to := t.TempDir()
	must(t, os.WriteFile(filepath.Join(to, mirror.File), data, 0o600))
	return to
}

// Who is alone may change. Who was alone when the store went away goes on alone, also when started again meanwhile.
func TestMirror_AloneByHook(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	alone := false
	hooks := mirror.Hooks{Leading: leading(t.Context()).Leading, Alone: func() bool { return alone }}
	m, s := open(t, f, dir, several)
	m.Attach(hooks)
	must(t, m.Refresh(t.Context()))
	for _, alone = range []bool{false, true} {
		f.set(func() { f.away = true })
		_, err := s.CreateClaim(t.Context(), claim("room", "bbb1"))
		if alone != (err == nil) {
			t.Errorf("alone %v: %v", alone, err)
		}
		if alone {
			break
		}
		f.set(func() { f.away = false })
		must(t, m.Refresh(t.Context()))
	}
	must(t, m.Close())
	m, s = open(t, f, dir, several)
	defer closing(t, m)
	_, err := s.CreateClaim(t.Context(), claim("other", "bbb1"))
	must(t, err)
	m.Attach(hooks)
	f.set(func() { f.away = false })
	must(t, m.Refresh(t.Context()))
	same(t, "written", rowsOf(t, f.State), rowsOf(t, s))
}

// Several instances write nothing while the store is away; they answer all the same. So does one with a full journal.
func TestMirror_AwaySeveral(t *testing.T) {
	for name, set := range map[string]func(*mirror.Config){
		"several": several, "no directory": func(c *mirror.Config) { c.Dir = "" }, "full": func(c *mirror.Config) { c.MaxWaits = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			m, s := open(t, f, t.TempDir(), set)
			m.Attach(leading(t.Context()))
			fill(t, s, f)
			f.set(func() { f.away = true })
			if name == "full" {
				must(t, s.DeleteServer(t.Context(), "bbb2"))
			}
			if _, err := s.CreateClaim(t.Context(), claim("new", "bbb1")); !errors.Is(err, store.ErrAway) {
				t.Errorf("created: %v", err)
			}
			claims, err := s.Claims(t.Context())
			servers, err2 := s.Servers(t.Context())
			tenants, err3 := s.Tenants(t.Context())
			if err := errors.Join(err, err2, err3); err != nil || len(claims) != 5 || len(servers) == 0 || len(tenants) != 1 {
				t.Errorf("%d claims, %d servers, %d tenants, %v", len(claims), len(servers), len(tenants), err)
			}
			if list := m.Problems(t.Context()); len(list) != 1 || list[0].Name != "away" || list[0].Unready {
				t.Errorf("problems: %+v", list)
			}
			f.set(func() { f.away = false })
			must(t, m.Refresh(t.Context()))
			_, err = s.CreateClaim(t.Context(), claim("new", "bbb1"))
			must(t, err)
			same(t, "written", rowsOf(t, f.State), rowsOf(t, s))
		})
	}
}

// A write of which nobody knows whether it was done is found out about, and is nobody's edit.
func TestMirror_Unsure(t *testing.T) {
	f := newFake(t)
	m, s := open(t, f, "", several)
	var told []string
	m.Attach(mirror.Hooks{Leading: leading(t.Context()).Leading, Edited: func(kinds []string) { told = append(told, kinds...) }})
	f.set(func() { f.half = true })
	if _, err := s.CreateClaim(t.Context(), claim("half", "bbb1")); !errors.Is(err, store.ErrAway) {
		t.Errorf("created: %v", err)
	}
	f.set(func() { f.half, f.away = false, false })
	must(t, m.Refresh(t.Context()))
	claims, err := s.Claims(t.Context())
	if err != nil || len(claims) != 1 || len(told) > 0 {
		t.Errorf("%d claims, %v, told of %v", len(claims), err, told)
	}
}

// A copy that cannot be read is set aside, and the store read instead; without a copy and a store there is nothing to begin
// with. A file that another process has is not touched.
func TestMirror_Files(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	m, s := open(t, f, dir)
	want := fill(t, s, f)
	_, err := mirror.Open(t.Context(), config(f, mirror.Config{Dir: dir, Alone: true}))
	if !errors.Is(err, store.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	must(t, m.Close())
	path := filepath.Join(dir, mirror.File)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	data, err := os.ReadFile(path)
	must(t, err)
	for name, bad := range map[string][]byte{"cut off": data[:len(data)/2], "rubbish": []byte(strings.Repeat("x", 9000)), "empty": {}} {
		must(t, os.WriteFile(path, bad, 0o600))
		f.State = reopen(t, nil, want)
		m, s = open(t, f, dir)
		same(t, name, rowsOf(t, s), want)
		must(t, m.Close())
	}
	f.State = reopen(t, nil, want)
	f.set(func() { f.away = true })
	if _, err := mirror.Open(t.Context(), config(f, mirror.Config{Dir: t.TempDir(), Alone: true})); !errors.Is(err, store.ErrAway) {
		t.Errorf("opened with nothing: %v", err)
	}
	m, s = open(t, f, dir)
	defer closing(t, m)
	same(t, "opened while the store is away", rowsOf(t, s), want)
}
