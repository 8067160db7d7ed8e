package imports_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/store"
)

// accepted is the job of an archive that a server has sent.
func (r *rig) accepted(t testing.TB, server string, n int, content []byte) (id string) {
	t.Helper()
	u := r.sent(t, server, n, content)
	if err := r.Accept(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return recordID(n) + "-" + u.SHA256[:12] + ".tar"
}

// Who may send archives can replace nothing that others have made, or will make, and cannot say whose a recording is.
func TestCommit_Sender(t *testing.T) {
	id := recordID(1)
	const ask = "; if that is right: bbbpool recording import, of the file in quarantine"
	session := func(server string) func(*testing.T, *rig) error {
		return func(t *testing.T, r *rig) error {
			t.Helper()
			return r.db.AddSession(t.Context(), store.Session{ID: id, Tenant: "school", Server: server, Start: monday, End: monday})
		}
	}
	known := func(change func(*store.Recording)) func(*testing.T, *rig) error {
		return func(t *testing.T, r *rig) error {
			t.Helper()
			known := store.Recording{RecordID: id, Tenant: "default", State: store.Published, Imported: monday}
			change(&known)
			return r.db.CreateRecording(t.Context(), known)
		}
	}
	for what, c := range map[string]struct {
		before func(t *testing.T, r *rig) error
		state  store.JobState
		reason string // of the job
		tenant string // of the recording; default by default
	}{
		"its own, by the history":           {before: session("bbb2"), state: store.JobDone, tenant: "school"},
		"of nobody that is known":           {state: store.JobDone},
		"of a server that has left":         {before: session("bbb9"), state: store.JobDone, tenant: "school"},
		"another one's, by the history":     {before: session("bbb1"), state: store.JobFailed, reason: "is a recording of server bbb1, and server bbb2 has sent it" + ask},
		"owed by it":                        {before: known(func(r *store.Recording) { r.Server, r.Imported = "bbb2", time.Time{} }), state: store.JobDone},
		"owed by another one":               {before: known(func(r *store.Recording) { r.Server, r.Imported = "bbb1", time.Time{} }), state: store.JobFailed, reason: "is a recording of server bbb1"},
		"expected of nobody that is known":  {before: known(func(r *store.Recording) { r.Imported = time.Time{} }), state: store.JobDone},
		"here, and nobody knows from where": {before: known(func(*store.Recording) {}), state: store.JobFailed, reason: "is here already, and nobody knows that server bbb2 has made it" + ask},
		"going on elsewhere": {
			before: func(t *testing.T, r *rig) error {
				t.Helper()
				_, err := r.db.CreateClaim(t.Context(), store.Claim{
					MeetingKey: store.MeetingKey{Tenant: "school", MeetingID: "room"}, Server: "bbb1", InternalID: id,
				})
				return err
			},
			state: store.JobFailed, reason: "is a recording of server bbb1",
		},
		"yet to be created": {
			before: func(_ *testing.T, r *rig) error {
				r.now = time.UnixMilli(1_760_000_000_000)
				return nil
			},
			state: store.JobFailed, reason: "is of a meeting that is yet to be created, and server bbb2 has sent it" + ask,
		},
		"here, just so": {
			before: func(t *testing.T, r *rig) error {
				t.Helper()
				path := filepath.Join(t.TempDir(), "a.tar")
				write(t, path, packed(t, id, map[string]string{"bbbpool-tenant": "school"}, "video"))
				r.take(t, imports.Options{Path: path, Tenant: "default"})
				_, err := r.db.UpdateRecording(t.Context(), "school", id, func(r *store.Recording) error {
					r.Tenant = "default"
					return nil
				})
				return err
			},
			state: store.JobDropped, reason: "all that is in it is here already",
		},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t)
			_, err := r.db.CreateTenant(t.Context(), store.Tenant{ID: "school"})
			for _, server := range []string{"bbb1", "bbb2"} {
				err = errors.Join(err, r.db.CreateServer(t.Context(), store.Server{ID: server, URL: "https://" + server + "/bigbluebutton/api"}))
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.before != nil {
				if err := c.before(t, r); err != nil {
					t.Fatal(err)
				}
			}
			before, _ := r.db.Recording(t.Context(), id)
			job := r.accepted(t, "bbb2", 1, packed(t, id, map[string]string{"bbbpool-tenant": "school"}, "video"))
			got := r.Try(t.Context(), job)
			if got.State != c.state || !strings.Contains(got.Reason, c.reason) || (c.reason == "") != (got.Reason == "") {
				t.Errorf("%+v", got)
			}
			after, err := r.db.Recording(t.Context(), id)
			if c.state != store.JobDone {
				if fmt.Sprint(after) != fmt.Sprint(before) {
					t.Errorf("changed: %+v", after)
				}
				return
			}
			tenant, claimed := "default", "school"
			if c.tenant != "" {
				tenant, claimed = c.tenant, ""
			}
			if before.RecordID != "" {
				claimed = "" // somebody knew whose it is
			}
			if err != nil || after.Tenant != tenant || after.Claimed != claimed || after.State != store.Published || after.Meta["bbbpool-tenant"] != "" {
				t.Errorf("%+v %v", after, err)
			}
		})
	}
}

// What an operator imports belongs to the tenant that it names, else to the one that the operator names.
func TestCommit_Operator(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	for _, tenant := range []string{"school", "college"} {
		if _, err := r.db.CreateTenant(t.Context(), store.Tenant{ID: tenant}); err != nil {
			t.Fatal(err)
		}
	}
	for n, c := range []struct {
		meta                  map[string]string
		named, tenant, claims string
	}{
		{map[string]string{"bbbpool-tenant": "school", "tenant-id": "college"}, "college", "school", ""},
		{map[string]string{"tenant-id": "school"}, "college", "school", ""},
		{map[string]string{"tenant-id": "unknown"}, "college", "college", ""},
		{map[string]string{"tenant-id": "unknown"}, "", "default", "unknown"},
		{nil, "college", "college", ""},
		{nil, "", "default", ""},
	} {
		id, path := recordID(n), filepath.Join(dir, fmt.Sprint(n, ".tar"))
		write(t, path, packed(t, id, c.meta, "video"))
		r.take(t, imports.Options{Path: path, Tenant: c.named})
		got, err := r.db.Recording(t.Context(), id)
		if err != nil || got.Tenant != c.tenant || got.Claimed != c.claims || got.Meta["tenant-id"]+got.Meta["bbbpool-tenant"] != "" {
			t.Errorf("%v, named %q: %+v %v", c.meta, c.named, got, err)
		}
	}
}

// racing is an index in which somebody does something just before a commit.
type racing struct {
	imports.Index
	before func() // once
}

func (x *racing) Commit(
	ctx context.Context, j store.Job, ids []string, change func(*store.Recording) error, tell ...func(store.Recording) []store.Callback,
) ([]store.Recording, error) {
	if before := x.before; before != nil {
		x.before = nil
		before()
	}
	return x.Index.Commit(ctx, j, ids, change, tell...)
}

// A recording that is deleted in the very moment of its commit stays deleted, and the others of its archive come.
func TestCommit_Deleted(t *testing.T) {
	for _, others := range []int{0, 1} {
		r, path := newRig(t), filepath.Join(t.TempDir(), "a.tar")
		content := pack(t, recordID(1), "video")
		if others > 0 {
			content = append(content[:len(content)-1024], pack(t, recordID(2), "video")...) // without the mark of the end
		}
		write(t, path, content)
		r.Index = &racing{r.Index, func() {
			if err := r.db.CreateRecording(t.Context(), store.Recording{
				RecordID: recordID(1), Tenant: "default", State: store.Deleted,
			}); err != nil {
				t.Error(err)
			}
		}}
		report := r.take(t, imports.Options{Path: path})
		if len(report.Imported) != others || len(report.Skipped) != 1-others {
			t.Errorf("%d others: %+v", others, report)
		}
		if got, err := r.db.Recording(t.Context(), recordID(1)); err != nil || got.State != store.Deleted || len(got.Formats) != 0 {
			t.Errorf("%+v %v", got, err)
		}
		if _, ok := r.lib.Path(recordID(1), "video"); ok {
			t.Error("its files came")
		}
		if left, err := r.lib.Stagings(); len(left) != 0 || err != nil {
			t.Errorf("left: %v %v", left, err)
		}
	}
}
