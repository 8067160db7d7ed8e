package scalelite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Site is what Scalelite sees in its Redis and its PostgreSQL.
type Site struct {
	Servers    map[string]Server
	Meetings   map[string]Meeting // by meetingID
	Bridges    map[string]string  // meetingIDs by the numbers of their voice bridges
	Tenants    map[string]Tenant
	Settings   map[string]Setting
	Recordings map[string]Recording // by record ID
	Callbacks  []Callback           // in the order of their IDs
	Problems   []string             // what Scalelite could not go on with, in no order
}

// Server is a server as Scalelite knows it.
type Server struct {
	URL, Secret, Tag, Version string
	Multiplier                string // as written
	State                     string // enabled, cordoned or disabled; of what is absent, what it takes it for
	Online                    bool
	Load                      *float64 // nil where it is not known
	Meetings, Users           int
}

// Meeting is where a meeting is.
type Meeting struct {
	Server, Moderator, Bridge, Tenant string
	Expires                           bool // its hash has an end, as Scalelite gives it
}

// Tenant is a front end.
type Tenant struct {
	Name    string
	Secrets []string
	Extra   map[string]string // of its learning records and its Keycloak
}

// Setting is a parameter that a tenant's calls have.
type Setting struct {
	Tenant, Param, Value string
	Override             bool
}

// fields are those that Scalelite's models have; a hash with another makes it raise.
var fields = map[string][]string{
	"server": {
		"url", "secret", "tag", "online", "load_multiplier", "state", "enabled", "bbb_version", "meetings", "users",
		"largest_meeting", "videos",
	},
	"meeting": {"server_id", "moderator_pw", "voice_bridge", "tenant_id"},
	"tenant": {
		"name", "secrets", "lrs_endpoint", "lrs_username", "lrs_password", "kc_token_url", "kc_client_id", "kc_client_secret",
		"kc_username", "kc_password",
	},
	"tenant_setting": {"param", "value", "override", "tenant_id"},
	"tenant_name":    {"id"},
}

// Read reads a site. Namespace is that of its Redis, without the colon; "" for none.
func Read(ctx context.Context, redisURL, namespace, databaseURL string) (Site, error) {
	s := Site{
		Servers: map[string]Server{}, Meetings: map[string]Meeting{}, Tenants: map[string]Tenant{}, Settings: map[string]Setting{},
		Recordings: map[string]Recording{},
	}
	client, err := connect(redisURL)
	if err != nil {
		return s, err
	}
	defer func() { _ = client.Close() }()
	r := reader{ctx: ctx, client: client, prefix: namespace, site: &s}
	if namespace != "" {
		r.prefix += ":"
	}
	for _, read := range []func() error{r.servers, r.meetings, r.tenants} {
		if err := read(); err != nil {
			return s, err
		}
	}
	return s, s.readIndex(ctx, databaseURL)
}

// reader reads Redis, a key at a time: it need not be fast.
type reader struct {
	ctx    context.Context
	client *redis.Client
	prefix string
	site   *Site
}

func (r reader) problem(format string, args ...any) {
	r.site.Problems = append(r.site.Problems, fmt.Sprintf(format, args...))
}

func (r reader) members(name string) ([]string, error) {
	list, err := r.client.SMembers(r.ctx, r.prefix+name).Result()
	slices.Sort(list)
	return list, err
}

// hash reads one of the hashes of a model, nil where there is none.
func (r reader) hash(model, id string) (map[string]string, error) {
	h, err := r.client.HGetAll(r.ctx, r.prefix+model+":"+id).Result()
	for name := range h {
		if !slices.Contains(fields[model], name) {
			r.problem("%s:%s has a field %q, on which Scalelite raises", model, id, name)
		}
	}
	if len(h) == 0 {
		h = nil
	}
	return h, err
}

func (r reader) scores(name string) (map[string]float64, error) {
	list, err := r.client.ZRangeWithScores(r.ctx, r.prefix+name, 0, -1).Result()
	scores := map[string]float64{}
	for _, z := range list {
		scores[fmt.Sprint(z.Member)] = z.Score
	}
	return scores, err
}

func (r reader) servers() error {
	ids, err := r.members("servers")
	enabled, err2 := r.members("server_enabled")
	loads, err3 := r.scores("server_load")
	cordoned, err4 := r.scores("cordoned_server_load")
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return err
	}
	for _, id := range ids {
		h, err := r.hash("server", id)
		if err != nil {
			return err
		}
		if h == nil {
			r.problem("the set servers has %s, of which there is no hash", id)
			continue
		}
		s := Server{
			URL: h["url"], Secret: h["secret"], Tag: h["tag"], Version: h["bbb_version"], Multiplier: h["load_multiplier"],
			State: r.stateOf(id, h, slices.Contains(enabled, id)), Online: h["online"] == "true",
		}
		s.Meetings, s.Users = r.count(id, "meetings", h), r.count(id, "users", h)
		r.count(id, "largest_meeting", h)
		r.count(id, "videos", h)
		s.Load = load1(s.State, id, loads, cordoned)
		r.judge(id, s)
		r.site.Servers[id] = s
	}
	for name, scores := range map[string]map[string]float64{"server_load": loads, "cordoned_server_load": cordoned} {
		for id := range scores {
			want := map[string]string{"server_load": "enabled", "cordoned_server_load": "cordoned"}[name]
			if r.site.Servers[id].State != want {
				r.problem("%s has %s, which is %q", name, id, r.site.Servers[id].State)
			}
		}
	}
	for _, id := range enabled {
		if r.site.Servers[id].State != "enabled" {
			r.problem("server_enabled has %s, which is %q", id, r.site.Servers[id].State)
		}
	}
	return nil
}

// stateOf is the state of a server; of a legacy one what the set says.
func (r reader) stateOf(id string, h map[string]string, enabled bool) string {
	switch state := h["state"]; state {
	case "enabled", "cordoned", "disabled":
		return state
	case "":
	default:
		r.problem("server %s: state %q", id, state)
	}
	if enabled {
		return "enabled"
	}
	return "disabled"
}

func load1(state, id string, loads, cordoned map[string]float64) *float64 {
	score, ok := loads[id]
	if state == "cordoned" {
		score, ok = cordoned[id]
	}
	if !ok {
		return nil
	}
	return &score
}

func (r reader) judge(id string, s Server) {
	if !strings.HasPrefix(s.URL, "http") || s.Secret == "" {
		r.problem("server %s: URL %q, or no secret", id, s.URL)
	}
	if f, err := strconv.ParseFloat(s.Multiplier, 64); s.Multiplier != "" && (err != nil || f <= 0) {
		r.problem("server %s: load multiplier %q", id, s.Multiplier)
	}
}

func (r reader) count(id, name string, h map[string]string) int {
	n, err := strconv.Atoi(h[name])
	if err != nil && h[name] != "" {
		r.problem("server %s: %s %q", id, name, h[name])
	}
	return n
}

func (r reader) meetings() error {
	ids, err := r.members("meetings")
	bridges, err2 := r.client.HGetAll(r.ctx, r.prefix+"voice_bridges").Result()
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	r.site.Bridges = bridges
	for _, id := range ids {
		h, err := r.hash("meeting", id)
		if err != nil {
			return err
		}
		if h == nil {
			continue // it has expired
		}
		ttl, err := r.client.TTL(r.ctx, r.prefix+"meeting:"+id).Result()
		if err != nil {
			return err
		}
		m := Meeting{
			Server: h["server_id"], Moderator: h["moderator_pw"], Bridge: h["voice_bridge"], Tenant: h["tenant_id"], Expires: ttl > 0,
		}
		if ttl > 24*time.Hour || !m.Expires {
			r.problem("meeting %s: it expires in %v", id, ttl)
		}
		if _, ok := r.site.Servers[m.Server]; !ok {
			r.problem("meeting %s is on %q, which is no server", id, m.Server)
		}
		if m.Bridge == "" || bridges[m.Bridge] != id {
			r.problem("meeting %s: voice bridge %q is of %q", id, m.Bridge, bridges[m.Bridge])
		}
		r.site.Meetings[id] = m
	}
	return nil
}

func (r reader) tenants() error {
	ids, err := r.members("tenants")
	if err != nil {
		return err
	}
	for _, id := range ids {
		h, err := r.hash("tenant", id)
		if err != nil {
			return err
		}
		named, err := r.hash("tenant_name", h["name"])
		if err != nil {
			return err
		}
		if h == nil || named["id"] != id {
			r.problem("tenant %s: no hash, or its name %q is of %q", id, h["name"], named["id"])
		}
		t := Tenant{Name: h["name"], Secrets: strings.Split(h["secrets"], ":"), Extra: maps.Clone(h)}
		delete(t.Extra, "name")
		delete(t.Extra, "secrets")
		if slices.Contains(t.Secrets, "") {
			r.problem("tenant %s: an empty secret", id)
		}
		r.site.Tenants[id] = t
		if err := r.settings(id); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) settings(tenant string) error {
	ids, err := r.members("tenant_settings:" + tenant)
	if err != nil {
		return err
	}
	for _, id := range ids {
		h, err := r.hash("tenant_setting", id)
		if err != nil {
			return err
		}
		if h == nil || h["tenant_id"] != tenant || h["param"] == "" {
			r.problem("setting %s of tenant %s: %d fields, of tenant %q", id, tenant, len(h), h["tenant_id"])
		}
		r.site.Settings[id] = Setting{Tenant: h["tenant_id"], Param: h["param"], Value: h["value"], Override: h["override"] == "true"}
	}
	return nil
}
