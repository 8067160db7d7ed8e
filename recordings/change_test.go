package recordings_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/store"
)

// What may be set in the metadata of one recording is bounded, over all calls.
func TestUpdate_Bounded(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	id := recordID(1)
	p.take(t, made{id: id, format: "video", meetingID: "room", media: "film"})
	value := strings.Repeat("x", 60<<10)
	var err error
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		if _, err = p.Update(t.Context(), "default", []string{id}, map[string]string{key: value}, nil); err != nil {
			break
		}
	}
	if !errors.Is(err, store.ErrTooLarge) || len(p.get(t, id).Meta) > 7 {
		t.Errorf("%v, %d keys", err, len(p.get(t, id).Meta))
	}
}

// A recording can be given to another tenant, which then has it alone.
func TestAssign(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	ctx, id := t.Context(), recordID(1)
	p.take(t, made{id: id, format: "video", meetingID: "room", media: "film"})
	if _, err := p.Assign(ctx, id, "school"); !errors.Is(err, recordings.ErrNoTenant) {
		t.Errorf("to nobody: %v", err)
	}
	if _, err := p.db.CreateTenant(ctx, store.Tenant{ID: "school"}); err != nil {
		t.Fatal(err)
	}
	if r, err := p.Assign(ctx, id, "school"); err != nil || r.Tenant != "school" {
		t.Errorf("%+v %v", r, err)
	}
	if n, err := p.Publish(ctx, "default", []string{id}, false); n != 0 || err != nil {
		t.Errorf("its former tenant has published it: %d %v", n, err)
	}
	p.take(t, made{id: id, format: "podcast", meetingID: "room", media: "sound"})
	if r := p.get(t, id); r.Tenant != "school" || len(r.Formats) != 2 {
		t.Errorf("after another import: %+v", r)
	}
}

// A recording belongs to the tenant of its meeting, whatever its own metadata say; without a meeting, to whom they name.
func TestImport_Tenants(t *testing.T) {
	p := open(t, t.TempDir(), nil)
	for _, id := range []string{"default", "school"} {
		if _, err := p.db.CreateTenant(t.Context(), store.Tenant{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	known := p.ended(t, 1, monday)
	for n, meta := range []map[string]string{{}, {"tenant-id": "school"}, {"tenant-id": "school"}, {"tenant-id": "nobody"}} {
		p.take(t, made{id: recordID(n), format: "video", meetingID: "room", media: "film", meta: meta})
	}
	for n, want := range []string{"default", "default", "school", "default"} {
		r := p.get(t, recordID(n))
		if r.Tenant != want || r.Meta["tenant-id"] != "" {
			t.Errorf("recording %d: tenant %q, want %q; %v", n, r.Tenant, want, r.Meta)
		}
	}
	if p.get(t, known).Server != "bbb1" {
		t.Error("the server is not known")
	}
	for n, want := range []string{"", "", "", "nobody"} {
		if r := p.get(t, recordID(n)); r.Claimed != want {
			t.Errorf("recording %d is said to be of %q, want %q", n, r.Claimed, want)
		}
	}
	if _, err := p.db.CreateTenant(t.Context(), store.Tenant{ID: "nobody"}); err != nil {
		t.Fatal(err)
	}
	p.take(t, made{id: recordID(3), format: "podcast", meetingID: "room", media: "sound", meta: map[string]string{"tenant-id": "nobody"}})
	if r := p.get(t, recordID(3)); r.Tenant != "nobody" || r.Claimed != "" || len(r.Formats) != 2 {
		t.Errorf("once its tenant is here: %+v", r)
	}
}

// What people do to recordings is logged with the IDs of those that it was done to, and of no others.
func TestChange_Logged(t *testing.T) {
	p, ctx, id := open(t, t.TempDir(), nil), t.Context(), recordID(1)
	p.take(t, made{id: id, format: "video", meetingID: "room", media: "film"})
	protect := true
	for _, do := range []func() (int, error){
		func() (int, error) { return p.Publish(ctx, "default", []string{id, recordID(2)}, false) },
		func() (int, error) { return p.Update(ctx, "default", []string{id[:10]}, nil, &protect) },
		func() (int, error) { return p.Delete(ctx, "default", []string{recordID(2), id}) },
	} {
		if n, err := do(); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	text := p.log.text()
	for _, what := range []string{"unpublished", "updated", "deleted"} {
		line := ""
		for l := range strings.Lines(text) {
			if strings.Contains(l, `"recording `+what+`"`) {
				line += l
			}
		}
		if strings.Count(line, id+`","meetingID":"room"`) != 1 || strings.Contains(line, recordID(2)) {
			t.Errorf("%s: %q", what, line)
		}
	}
}
