package postgres_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
)

// The tenants in testdata, which a real Scalelite has left.
const (
	alpha = "166dd60f-ea11-48af-a15d-94ca449ebf27"
	beta  = "3625d940-a7ff-40d4-a356-411e97c698a8"
)

// run runs statements as somebody else.
func run(t testing.TB, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%.200s: %v", sql, err)
	}
}

// filled is the address of a database that Scalelite has filled.
func filled(t testing.TB) string {
	t.Helper()
	sql, err := os.ReadFile("../../testdata/scalelite/postgres.sql")
	if err != nil {
		t.Fatal(err)
	}
	url := servers.Postgres(t).URL(t)
	run(t, url, string(sql))
	return url
}

// left are all rows of Scalelite's tables, as text, by table and number.
func left(t testing.TB, url string) map[string]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	all := map[string]string{}
	for _, table := range []string{"recordings", "metadata", "playback_formats", "thumbnails", "callback_data", "schema_migrations", "ar_internal_metadata"} {
		rows, err := conn.Query(t.Context(), fmt.Sprintf("SELECT COALESCE(to_jsonb(x)->>'id', x::text), x::text FROM public.%s x", table))
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, row string
			if err := rows.Scan(&id, &row); err != nil {
				t.Fatal(err)
			}
			all[table+" "+id] = row
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// changes are the rows that are not as they were: "-" before what is gone or was, "+" before what has come or is.
func changes(before, after map[string]string) (list []string) {
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if after[id] != before[id] {
			list = append(list, "-"+id+" "+before[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(after)) {
		if after[id] != before[id] {
			list = append(list, "+"+id+" "+after[id])
		}
	}
	return list
}

// answer is what Scalelite says of recordings.
type answer struct {
	Recordings []struct {
		RecordID     string `xml:"recordID"`
		MeetingID    string `xml:"meetingID"`
		Name         string `xml:"name"`
		Published    bool   `xml:"published"`
		Protected    bool   `xml:"protected"`
		State        string `xml:"state"`
		StartTime    int64  `xml:"startTime"`
		EndTime      int64  `xml:"endTime"`
		Participants int    `xml:"participants"`
		Metadata     struct {
			Fields []struct {
				XMLName xml.Name
				Value   string `xml:",chardata"`
			} `xml:",any"`
		} `xml:"metadata"`
		Formats []struct {
			Type   string `xml:"type"`
			URL    string `xml:"url"`
			Length int    `xml:"length"`
			Images []struct {
				Width  int    `xml:"width,attr"`
				Height int    `xml:"height,attr"`
				Alt    string `xml:"alt,attr"`
				URL    string `xml:",chardata"`
			} `xml:"preview>images>image"`
		} `xml:"playback>format"`
	} `xml:"recordings>recording"`
}

// answered reads what Scalelite has answered. The paths of protected recordings are not in there.
func answered(t *testing.T, call, tenant string) (list []store.Recording) {
	t.Helper()
	data, err := os.ReadFile("../../testdata/scalelite/answers.json")
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]string
	var a answer
	if err := json.Unmarshal(data, &answers); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal([]byte(answers[call]), &a); err != nil {
		t.Fatal(err)
	}
	for _, r := range a.Recordings {
		is := store.Recording{
			RecordID: r.RecordID, Tenant: tenant, MeetingID: r.MeetingID, Name: r.Name, State: store.RecordingState(r.State),
			Protected: r.Protected, Start: time.UnixMilli(r.StartTime).UTC(), End: time.UnixMilli(r.EndTime).UTC(),
			Participants: r.Participants, Meta: map[string]string{},
		}
		for _, f := range r.Metadata.Fields {
			is.Meta[f.XMLName.Local] = strings.TrimSpace(f.Value)
		}
		for _, f := range r.Formats {
			is.Formats = append(is.Formats, store.Format{Type: f.Type, Length: time.Duration(f.Length) * time.Minute})
		}
		list = append(list, is)
	}
	return list
}

// seen takes out of recordings what answers do not tell.
func seen(list []store.Recording) (bare []store.Recording) {
	for _, r := range list {
		r.Edits.State, r.Formats = false, slices.Clone(r.Formats)
		for i := range r.Formats {
			r.Formats[i].Path, r.Formats[i].Images = "", nil
		}
		bare = append(bare, r)
	}
	return bare
}

// What Scalelite has left is answered as it has answered itself, and opening it changes nothing of it.
func TestScalelite_Answers(t *testing.T) {
	url := filled(t)
	before := left(t, url)
	db := open(t, postgres.Config{URL: store.Secret(url)})
	shown := []store.RecordingState{store.Published, store.Unpublished}
	for _, c := range []struct {
		call, tenant string
		states       []store.RecordingState
	}{
		{"alpha getRecordings {}", alpha, shown},
		{`alpha getRecordings {"state": "any"}`, alpha, nil},
		{"beta getRecordings {}", beta, shown},
		{`beta getRecordings {"state": "any"}`, beta, nil},
	} {
		want := answered(t, c.call, c.tenant)
		if len(want) < 4 {
			t.Errorf("%s: only %d answered", c.call, len(want))
		}
		got, total, err := db.Index().Recordings(t.Context(), store.RecordingFilter{Tenant: c.tenant, States: c.states})
		if err != nil || total != len(want) {
			t.Errorf("%s: total %d of %d, %v", c.call, total, len(want), err)
		}
		if diff := cmp.Diff(want, seen(got), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.call, diff)
		}
	}
	if diff := changes(before, left(t, url)); diff != nil {
		t.Errorf("changed: %s", diff)
	}
}

// What one change changes is its own rows, and of these the columns that it is about.
func TestScalelite_OnlyWhatChanged(t *testing.T) {
	const first, other, unpublished, deleted = "0e0bc6e491e3135e84a9f030a5e5bd9350930fd0-1795934533877",
		"1b3af81668808cbfd1784746bd3d9a561fd997c5-1795934534414", "df3a304180d159336a778cb03e8413553d734bc6-1795934533404",
		"6f2f5fd26b1badb197dbe460aedaf7bea8a9084f-1795934533670"
	url := filled(t)
	db := open(t, postgres.Config{URL: store.Secret(url)})
	for _, c := range []struct {
		name string
		id   string
		edit func(r *store.Recording)
		want []string
	}{
		{"nothing", first, func(*store.Recording) {}, nil},
		{"what is ours alone", first, func(r *store.Recording) { r.Server, r.Formats[0].Bytes = "bbb1", 100 }, nil},
		{"publish", unpublished, func(r *store.Recording) { r.State, r.Edits.State = store.Published, true }, []string{
			`-recordings 15 (15,df3a304180d159336a778cb03e8413553d734bc6-1795934533404,alpha-room-4,"Kurs 4",f,3,unpublished,"2026-11-29 06:42:13.404","2026-11-29 07:42:13.404",,t,t)`,
			`+recordings 15 (15,df3a304180d159336a778cb03e8413553d734bc6-1795934533404,alpha-room-4,"Kurs 4",t,3,published,"2026-11-29 06:42:13.404","2026-11-29 07:42:13.404",,t,t)`,
		}},
		{"metadata", first, func(r *store.Recording) {
			delete(r.Meta, "leer")
			r.Meta["gl-listed"], r.Meta["neu"] = "false", "Ä"
		}, []string{
			`-metadata 3 (3,1,gl-listed,true)`, `-metadata 4 (4,1,leer,"")`,
			`+metadata 3 (3,1,gl-listed,false)`, `+metadata 62 (62,1,neu,Ä)`,
		}},
		{"unprotect and rename", other, func(r *store.Recording) { r.Protected, r.Name = false, "Neu" }, []string{
			`-recordings 2 (2,1b3af81668808cbfd1784746bd3d9a561fd997c5-1795934534414,alpha-room-44,"Kurs 44",t,3,published,"2026-11-29 06:42:14.414","2026-11-29 07:42:14.414",,t,f)`,
			`+recordings 2 (2,1b3af81668808cbfd1784746bd3d9a561fd997c5-1795934534414,alpha-room-44,Neu,t,3,published,"2026-11-29 06:42:14.414","2026-11-29 07:42:14.414",,f,f)`,
		}},
		{"another format", other, func(r *store.Recording) {
			r.Formats = append(r.Formats, store.Format{Type: "video", Path: "/video/x/?a=b", Length: 89 * time.Second, Images: []store.Image{{Path: "/t.png"}}})
		}, []string{
			`+playback_formats 24 (24,2,video,/video/x/?a=b,1,)`, `+thumbnails 24 (24,24,,,,/t.png,0)`,
		}},
		{"delete", other, func(r *store.Recording) {
			*r = store.Recording{Tenant: r.Tenant, MeetingID: r.MeetingID, State: store.Deleted, Start: r.Start, End: r.End, Protected: r.Protected, Name: r.Name, Participants: r.Participants}
		}, []string{
			`-metadata 5 (5,2,tenant-id,166dd60f-ea11-48af-a15d-94ca449ebf27)`, `-metadata 6 (6,2,bbb-context,ctx-4)`,
			`-metadata 7 (7,2,gl-listed,true)`, `-metadata 8 (8,2,leer,"")`,
			`-playback_formats 2 (2,2,presentation,/playback/presentation/2.3/1b3af81668808cbfd1784746bd3d9a561fd997c5-1795934534414,2,)`,
			`-playback_formats 24 (24,2,video,/video/x/?a=b,1,)`,
			`-recordings 2 (2,1b3af81668808cbfd1784746bd3d9a561fd997c5-1795934534414,alpha-room-44,Neu,t,3,published,"2026-11-29 06:42:14.414","2026-11-29 07:42:14.414",,f,f)`,
			`-thumbnails 2 (2,2,176,136,"Folie & Bild",/presentation/1b3af81668808cbfd1784746bd3d9a561fd997c5-1795934534414/presentation/p/thumbnails/thumb-1.png,0)`,
			`-thumbnails 24 (24,24,,,,/t.png,0)`,
			`+recordings 2 (2,1b3af81668808cbfd1784746bd3d9a561fd997c5-1795934534414,alpha-room-44,Neu,f,3,deleted,"2026-11-29 06:42:14.414","2026-11-29 07:42:14.414",,f,f)`,
		}},
		{"one that Scalelite has deleted", deleted, func(r *store.Recording) { r.Server = "bbb1" }, nil},
	} {
		r, err := db.Index().Recording(t.Context(), c.id)
		if err != nil {
			t.Fatal(err)
		}
		before := left(t, url)
		want := r
		want.Meta, want.Formats = maps.Clone(r.Meta), slices.Clone(r.Formats)
		c.edit(&want)
		want.RecordID = r.RecordID
		_, err = db.Index().UpdateRecording(t.Context(), r.Tenant, c.id, func(r *store.Recording) error { *r = want; return nil })
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		slices.Sort(c.want)
		got := changes(before, left(t, url))
		slices.Sort(got)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		again, err := db.Index().Recording(t.Context(), c.id)
		if diff := cmp.Diff(want, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: read again: %v (-want +got):\n%s", c.name, err, diff)
		}
	}
}
