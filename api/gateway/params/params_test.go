package params_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/params"
	"github.com/bbbpool/bbbpool/store"
)

// pool reads settings that must be good.
func pool(tb testing.TB, c params.Config) params.Pool {
	tb.Helper()
	p, err := c.Pool()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// parse reads a query.
func parse(tb testing.TB, query string) bbb.Params {
	tb.Helper()
	list, err := bbb.ParseParams(query)
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

// rules reads rules in our own form.
func rules(tb testing.TB, call, text string) []store.ParamRule {
	tb.Helper()
	list, err := params.Parse(call, text)
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

// What counts more than what: each row has the settings of the pool, those of the tenant, a create, and what becomes of it.
func TestRules_Apply(t *testing.T) {
	for _, c := range []struct {
		name   string
		pool   params.Config
		tenant string
		limits store.Limits
		sent   string
		want   string
	}{
		{"nothing", params.Config{}, "", store.Limits{}, "name=A+b&x=%7e", "name=A+b&x=%7e"},
		{"a default", params.Config{DefaultCreate: "a=1,b=2"}, "", store.Limits{}, "b=3", "b=3&a=1"},
		{"an empty parameter is there", params.Config{DefaultCreate: "a=1"}, "", store.Limits{}, "a=", "a="},
		{"the tenant's default before the pool's", params.Config{DefaultCreate: "a=pool"}, "a?=tenant", store.Limits{}, "", "a=tenant"},
		{"the request before the tenant's default", params.Config{}, "a?=tenant", store.Limits{}, "a=sent", "a=sent"},
		{"an override", params.Config{OverrideCreate: "a=pool"}, "a?=tenant", store.Limits{}, "a=sent", "a=pool"},
		{"the tenant's override before the pool's", params.Config{OverrideCreate: "a=pool"}, "a=tenant", store.Limits{}, "a=sent", "a=tenant"},
		{"what is excluded is the request's", params.Config{ExcludeCreate: "a,b", DefaultCreate: "a=pool"}, "", store.Limits{}, "a=1&b=1&c=1", "c=1&a=pool"},
		{"what is removed is everybody's", params.Config{DefaultCreate: "a=pool", CreateRules: "-a"}, "", store.Limits{}, "b=1", "b=1"},
		{"the tenant removes what the pool sets", params.Config{OverrideCreate: "a=pool"}, "-a", store.Limits{}, "a=1&b=1", "b=1"},
		{
			"lists",
			params.Config{CreateRules: "disabledFeatures+=chat,polls"},
			"disabledFeatures-=chat,timer",
			store.Limits{},
			"disabledFeatures=timer%2C+polls,plugins", "disabledFeatures=polls%2Cplugins",
		},
		{"a list that is not there", params.Config{CreateRules: "disabledFeatures+=chat,polls"}, "", store.Limits{}, "b=1", "b=1&disabledFeatures=chat%2Cpolls"},
		{"the last of a list", params.Config{}, "disabledFeatures-=chat", store.Limits{}, "a=1&disabledFeatures=%5Bchat%5D", "a=1"},
		{"nothing to take", params.Config{}, "disabledFeatures-=chat", store.Limits{}, "disabledFeatures=polls%2c", "disabledFeatures=polls%2c"},
		{"removed, then added", params.Config{}, "disabledFeatures+=chat;-disabledFeatures", store.Limits{}, "disabledFeatures=polls", "disabledFeatures=chat"},
		{"a cap", params.Config{}, "userCameraCap<=3", store.Limits{}, "userCameraCap=4", "userCameraCap=3"},
		{"within a cap", params.Config{}, "userCameraCap<=3", store.Limits{}, "userCameraCap=2", "userCameraCap=2"},
		{"0 is unlimited", params.Config{}, "userCameraCap<=3", store.Limits{}, "userCameraCap=0", "userCameraCap=3"},
		{"and so is what is absent", params.Config{}, "userCameraCap<=3", store.Limits{}, "", "userCameraCap=3"},
		{"or negative", params.Config{}, "userCameraCap<=3", store.Limits{}, "userCameraCap=-1", "userCameraCap=3"},
		{"or no number", params.Config{}, "userCameraCap<=3", store.Limits{}, "userCameraCap=1e0", "userCameraCap=3"},
		{"or too large for one", params.Config{}, "userCameraCap<=3", store.Limits{}, "userCameraCap=99999999999999999999", "userCameraCap=3"},
		{"both cap", params.Config{CreateRules: "duration<=60"}, "duration<=90", store.Limits{}, "duration=100", "duration=60"},
		{"the longest duration", params.Config{MaxDuration: 60}, "duration=90", store.Limits{}, "", "duration=60"},
		{"no rule gets round it", params.Config{MaxDuration: 60}, "-duration", store.Limits{}, "duration=5", "duration=60"},
		{"nor round the tenant's", params.Config{MaxDuration: 60}, "-duration", store.Limits{Duration: 30 * time.Minute}, "", "duration=30"},
		{"less than a minute is not endless", params.Config{}, "", store.Limits{Duration: time.Second}, "duration=0", "duration=1"},
		{"people in a meeting", params.Config{}, "maxParticipants=200", store.Limits{MeetingPeople: 100}, "", "maxParticipants=100"},
		{
			"no recording",
			params.Config{OverrideCreate: "record=true"},
			"record=true",
			store.Limits{NoRecording: true},
			"record=true&breakoutRoomsRecord=true",
			"record=false&breakoutRoomsRecord=false&autoStartRecording=false&allowStartStopRecording=false",
		},
		{"metadata is one in all spellings", params.Config{}, "meta_Course=x", store.Limits{}, "meta_COURSE=a&b=1&meta_course=c", "meta_course=x&b=1"},
		{"of which the first counts", params.Config{DefaultCreate: "Meta_course=x"}, "", store.Limits{}, "meta_COURSE=a&b=1&meta_course=c", "meta_course=a&b=1"},
		{"excluded in all spellings", params.Config{ExcludeCreate: "meta_Course"}, "", store.Limits{}, "meta_COURSE=a&b=1&meta_course=c", "b=1"},
		{"no others are touched", params.Config{}, "meta_a=x", store.Limits{}, "meta_B=1&meta_b=%7e", "meta_B=1&meta_b=%7e&meta_a=x"},
		{"what is ours is nobody's", params.Config{}, "", store.Limits{}, "Meta_BBBpool-tenant=a&meta_tenant-ID=b&meta_bbbpool-keep=c", "meta_bbbpool-keep=c"},
		{"names are told apart by case", params.Config{OverrideCreate: "record=true"}, "", store.Limits{}, "Record=false", "Record=false&record=true"},
		{"text with commas", params.Config{CreateRules: `welcome=Hello, world\; hello; -logo`}, "", store.Limits{}, "logo=a", "welcome=Hello%2C+world%3B+hello"},
		// A server that does not drop what we drop would see another value than the rule has.
		{"hidden characters", params.Config{MaxDuration: 60, OverrideCreate: "record=false"}, "", store.Limits{}, "duration=60%01&record=false%01", "duration=60&record=false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tenant := store.Tenant{ID: "a", Params: rules(t, "create", c.tenant), Limits: c.limits}
			got := parse(t, c.sent)
			pool(t, c.pool).For(tenant).Create.Apply(&got)
			if got.Encode() != c.want {
				t.Errorf("%s, want %s", got.Encode(), c.want)
			}
		})
	}
}

// Scalelite's order for the tag that a create asks for: tenant's override, override, request, tenant's default, default.
func TestRules_ServerTag(t *testing.T) {
	const tag = params.TagName
	config := params.Config{DefaultCreate: tag + "=default", OverrideCreate: tag + "=override"}
	tenant := store.Tenant{Tag: "tenant", Params: []store.ParamRule{
		{Call: "create", Op: store.ParamOverride, Name: "meta_Server-Tag", Value: "tenant-override"},
	}}
	sent := "meta_server-Tag=sent"
	for _, c := range []struct {
		want string
		next func() // takes that away
	}{
		{"tenant-override", func() { tenant.Params = nil }},
		{"override", func() { config.OverrideCreate = "" }},
		{"sent", func() { sent = "" }},
		{"tenant", func() { tenant.Tag = "" }},
		{"default", func() { config.DefaultCreate = "" }},
		{"", func() {}},
	} {
		got := parse(t, sent)
		pool(t, config).For(tenant).Create.Apply(&got)
		if got.Get(tag) != c.want || len(got) > 1 {
			t.Errorf("%v, want %s", got, c.want)
		}
		c.next()
	}
}

// Joins have rules of their own, and none of a tenant's limits.
func TestRules_Joins(t *testing.T) {
	tenant := store.Tenant{
		ID: "a", Tag: "gpu", Limits: store.Limits{Duration: time.Hour, MeetingPeople: 5, NoRecording: true},
		Params: append(rules(t, "join", "userdata-bbb_skip_check_audio?=true; -avatarURL"), rules(t, "create", "logo=/x.png")...),
	}
	config := params.Config{MaxDuration: 60, OverrideJoin: "redirect=true", JoinRules: "guest=true"}
	got := parse(t, "avatarURL=x&fullName=Ada")
	pool(t, config).For(tenant).Join.Apply(&got)
	if want := "fullName=Ada&userdata-bbb_skip_check_audio=true&redirect=true&guest=true"; got.Encode() != want {
		t.Errorf("%s, want %s", got.Encode(), want)
	}
}

// A rule that cannot work is left out, and keeps no front end from its meetings.
func TestPool_ForABrokenTenant(t *testing.T) {
	got := parse(t, "record=false&meetingID=room")
	pool(t, params.Config{}).For(store.Tenant{Params: []store.ParamRule{
		{Call: "create", Op: store.ParamOverride, Name: "meetingID", Value: "other"},
		{Call: "create", Op: store.ParamCap, Name: "record", Value: "x"},
		{Call: "leave", Op: store.ParamOverride, Name: "record", Value: "x"},
		{Call: "create", Op: "double", Name: "duration", Value: "2"},
		{Call: "create", Op: store.ParamOverride, Name: "record", Value: "true"},
	}}).Create.Apply(&got)
	if want := "record=true&meetingID=room"; got.Encode() != want {
		t.Errorf("%s, want %s", got.Encode(), want)
	}
}

// Every rule that changes something says so, in the order in which it happens.
func TestRules_Explain(t *testing.T) {
	config := params.Config{
		DefaultCreate: "muteOnStart=true", ExcludeCreate: "logo", MaxDuration: 60, CreateRules: "disabledFeatures+=chat",
	}
	tenant := store.Tenant{ID: "a", Tag: "gpu", Params: rules(t, "create", "welcome=Hi; muteOnStart?=false; duration<=90")}
	sent := parse(t, "logo=x&duration=0&meta_Server-Tag=cpu&meta_tenant-id=b&name=Room")
	all := pool(t, config).For(tenant).Create
	var got []string
	show := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	for _, s := range all.Explain(sent) {
		got = append(got, fmt.Sprintf("%s: %s to %s by %s of %s", s.Name, show(s.Before), show(s.After), s.Rule, s.Whose))
	}
	want := []string{
		"meta_tenant-id: b to - by metadata that only bbbpool sets of bbbpool",
		"meta_Server-Tag: cpu to - by servers keep metadata in lower case of bbbpool",
		"meta_server-tag: - to cpu by servers keep metadata in lower case of bbbpool",
		"logo: x to - by -logo (--exclude-create-params) of pool",
		"muteOnStart: - to false by muteOnStart?=false of tenant",
		"welcome: - to Hi by welcome=Hi of tenant",
		"disabledFeatures: - to chat by disabledFeatures+=chat (--create-param-rules) of pool",
		"duration: 0 to 90 by duration<=90 of tenant",
		"duration: 90 to 60 by duration<=60 (--max-meeting-duration) of pool",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if sent.Get("logo") != "x" {
		t.Error("what was explained has been changed")
	}
}

// Settings that cannot work are named; Scalelite's values are taken as they are, and warned of.
func TestConfig_Pool(t *testing.T) {
	_, err := params.Config{
		DefaultCreate: "a=1,b", OverrideCreate: "meetingID=x", ExcludeJoin: "checksum", OverrideJoin: "=", MaxDuration: 5,
		CreateRules: "duration<=x; -a; -a", JoinRules: "what",
	}.Pool()
	for _, want := range []string{
		`--default-create-params: "b": want name=value`, "--override-create-params: meetingID", "--exclude-join-params: checksum",
		`--override-join-params: "=": want name=value`, `--create-param-rules: duration: cap "x"`, "remove a: there are two",
		`--join-param-rules: "what": want name=value`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	p := pool(t, params.Config{DefaultCreate: "record=yes,odd=1,muteOnStart=true", CreateRules: "odder=1"})
	if got := strings.Join(p.Warnings(), "\n"); strings.Count(got, "\n") != 2 || !strings.Contains(got, "record=yes: want true or false") ||
		!strings.Contains(got, "--default-create-params: odd:") || !strings.Contains(got, "--create-param-rules: odder:") {
		t.Errorf("warnings: %s", got)
	}
	sent := parse(t, "")
	p.For(store.Tenant{}).Create.Apply(&sent)
	if sent.Get("record") != "yes" {
		t.Errorf("%v", sent)
	}
}

// A call that nothing is to be done about costs nothing but the look.
func TestRules_ApplyAllocatesNothing(t *testing.T) {
	join, sent := idle(t)
	if n := testing.AllocsPerRun(100, func() { join.Apply(&sent) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// idle are rules that have nothing to do, and the call they have nothing to do about.
func idle(tb testing.TB) (params.Rules, bbb.Params) {
	config := params.Config{DefaultJoin: "userdata-a=1", ExcludeJoin: "avatarURL", JoinRules: "-logoutURL"}
	tenant := pool(tb, config).For(store.Tenant{Params: rules(tb, "join", "userdata-b?=2; userdata-c<=5; userdata-d-=x; userdata-e+=y")})
	return tenant.Join, parse(tb, "meetingID=room&fullName=Ada&userdata-a=1&userdata-b=2&userdata-c=5&userdata-e=x,y")
}

func BenchmarkApply(b *testing.B) {
	join, sent := idle(b)
	b.ReportAllocs()
	for b.Loop() {
		join.Apply(&sent)
	}
}
