package scalelite_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store/storetest/daemon"
	"github.com/bbbpool/bbbpool/store/storetest/scalelite"
)

const fixture = "../../../testdata/scalelite"

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// load fills databases of its own with the fixture.
func load(t *testing.T) (redis, postgres string) {
	t.Helper()
	redis, postgres = servers.Redis(t).URL(), servers.Postgres(t).URL(t)
	if err := scalelite.LoadRedis(t.Context(), redis, fixture, nil); err != nil {
		t.Fatal(err)
	}
	if err := scalelite.LoadPostgres(t.Context(), postgres, fixture); err != nil {
		t.Fatal(err)
	}
	return redis, postgres
}

// blocks are the paragraphs of a task's output, each from a line that is not indented on.
func blocks(text string) (list []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "\t") || strings.HasPrefix(line, " ") {
			list[len(list)-1] += line
		} else if !strings.HasPrefix(line, "Total") && strings.TrimSpace(line) != "" {
			list = append(list, line)
		}
	}
	slices.Sort(list)
	return list
}

// The reader sees in what a real Scalelite has left what that has seen in it itself.
func TestRead(t *testing.T) {
	redis, postgres := load(t)
	site, err := scalelite.Read(t.Context(), redis, "scalelite", postgres)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := scalelite.Answers(fixture)
	if err != nil {
		t.Fatal(err)
	}
	if len(site.Problems) > 0 {
		t.Errorf("problems: %q", site.Problems)
	}
	if diff := cmp.Diff(blocks(answers["servers"]), blocks(serversTask(site))); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(blocks(answers["tenants"]), blocks(tenantsTask(site))); diff != "" {
		t.Errorf("tenants (-want +got):\n%s", diff)
	}
	for tenant, id := range map[string]string{"alpha": "166dd60f-ea11-48af-a15d-94ca449ebf27", "beta": "3625d940-a7ff-40d4-a356-411e97c698a8"} {
		listed, err := scalelite.ReadListed(answers[tenant+` getRecordings {"state": "any"}`])
		if err != nil || len(listed) == 0 {
			t.Fatalf("%d recordings, %v", len(listed), err)
		}
		for _, l := range listed {
			if r := site.Recordings[l.RecordID]; r.Meta["tenant-id"] != id && r.State != "deleted" || r.Name != l.Name || r.State != l.State ||
				fmt.Sprint(r.Published, r.Start.UnixMilli()) != l.Published+" "+l.StartTime || len(r.Formats) != len(l.Formats) {
				t.Errorf("%s: %+v, want %s", tenant, r, l)
			}
		}
		listedThere := answers[tenant+" getMeetings {}"]
		meetings := 0
		for name, m := range site.Meetings {
			if m.Tenant != id {
				continue
			}
			if meetings++; !strings.Contains(listedThere, "<meetingID>"+name+"</meetingID>") {
				t.Errorf("%s of %s was not listed", name, tenant)
			}
		}
		// One was ended, and its server went on telling of it for a while.
		if want := strings.Count(listedThere, "<meeting>") - strings.Count(listedThere, "<meetingID>alpha-room-1</meetingID>"); meetings != want {
			t.Errorf("%d meetings of %s, want %d", meetings, tenant, want)
		}
	}
	if len(site.Settings) != 2 || len(site.Callbacks) != 15 || len(site.Recordings) != 15 {
		t.Errorf("%d settings, %d callbacks, %d recordings", len(site.Settings), len(site.Callbacks), len(site.Recordings))
	}
}

// serversTask is what Scalelite's task of that name says.
func serversTask(site scalelite.Site) string {
	var b strings.Builder
	for id, s := range site.Servers {
		load, online := "unavailable", "offline"
		if s.Load != nil {
			load = fmt.Sprintf("%.1f", *s.Load)
		}
		if s.Online {
			online = "online"
		}
		fmt.Fprintf(&b, "id: %s\n\turl: %s\n\tsecret: %s\n\t%s\n\tload: %s\n\tload multiplier: %s\n\tbbb version: %s\n\ttag: %s\n\t%s\n",
			id, s.URL, s.Secret, s.State, load, s.Multiplier, s.Version, s.Tag, online)
	}
	return b.String()
}

func tenantsTask(site scalelite.Site) string {
	var b strings.Builder
	for id, tenant := range site.Tenants {
		fmt.Fprintf(&b, "id: %s\n\tname: %s\n\tsecrets: %s\n", id, tenant.Name, strings.Join(tenant.Secrets, ":"))
		for _, name := range []string{"lrs_endpoint", "lrs_username", "lrs_password"} {
			if tenant.Extra[name] != "" {
				fmt.Fprintf(&b, "\t%s: %s\n", name, tenant.Extra[name])
			}
		}
	}
	return b.String()
}

// What Scalelite could not go on with is told.
func TestRead_Problems(t *testing.T) {
	redis, postgres := servers.Redis(t).URL(), servers.Postgres(t).URL(t)
	odd := func(line []byte) []byte {
		text := string(line)
		text = strings.Replace(text, `"load_multiplier": "2.5"`, `"load_multiplier": "-1", "weight": "1"`, 1)
		text = strings.Replace(text, `"state": "cordoned"`, `"state": "draining"`, 1)
		return []byte(strings.Replace(text, `"voice_bridge": "409423429"`, `"voice_bridge": ""`, 1))
	}
	if err := scalelite.LoadRedis(t.Context(), redis, fixture, odd); err != nil {
		t.Fatal(err)
	}
	if err := scalelite.LoadPostgres(t.Context(), postgres, fixture); err != nil {
		t.Fatal(err)
	}
	if err := scalelite.Exec(t.Context(), postgres, `ALTER TABLE public.recordings ADD COLUMN more int;
		DELETE FROM public.recordings WHERE id = 1; UPDATE public.recordings SET state = 'odd' WHERE id = 2`); err != nil {
		t.Fatal(err)
	}
	site, err := scalelite.Read(t.Context(), redis, "scalelite", postgres)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(site.Problems, "\n")
	for _, want := range []string{
		`field "weight"`, `load multiplier "-1"`, `state "draining"`, `cordoned_server_load has`, `meeting alpha-room-10: voice bridge ""`,
		"columns deleted_at endtime id meeting_id more", "of recording 1, which there is not", `its state is "odd"`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing is said of %s:\n%s", want, all)
		}
	}
}

// A made site is one that Scalelite could go on with, and one of before reads alike.
func TestMake(t *testing.T) {
	redis, postgres := servers.Redis(t).URL(), servers.Postgres(t).URL(t)
	size := scalelite.Size{Servers: 20, Meetings: 300, Tenants: 4, Recordings: 500}
	if err := scalelite.Make(t.Context(), redis, postgres, fixture, size); err != nil {
		t.Fatal(err)
	}
	if err := scalelite.Older(t.Context(), postgres, false); err != nil {
		t.Fatal(err)
	}
	site, err := scalelite.Read(t.Context(), redis, "scalelite", postgres)
	if err != nil || len(site.Problems) > 0 {
		t.Fatalf("%q, %v", site.Problems, err)
	}
	if len(site.Servers) != 20 || len(site.Meetings) != 300 || len(site.Tenants) != 4 || len(site.Recordings) != 500 {
		t.Errorf("%d servers, %d meetings, %d tenants, %d recordings", len(site.Servers), len(site.Meetings), len(site.Tenants), len(site.Recordings))
	}
	if r := site.Recordings[scalelite.RecordID(9)]; r.Published || r.State != "unpublished" || len(r.Formats["presentation"].Images) != 1 {
		t.Errorf("%+v", r)
	}
}
