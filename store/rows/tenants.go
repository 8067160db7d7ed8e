package rows

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

type tenantRow struct {
	Name        text        `json:"name,omitempty"`
	Secrets     []text      `json:"secrets,omitempty"` // of before schema 5; never written any more
	Created     time.Time   `json:"created,omitzero"`
	Tag         text        `json:"tag,omitempty"`
	IgnoreHints bool        `json:"ignore_hints,omitempty"`
	Disabled    bool        `json:"disabled,omitempty"`
	Hosts       []text      `json:"hosts,omitempty"`
	URL         text        `json:"url,omitempty"`
	Named       []secretRow `json:"named,omitempty"`
	Scoped      bool        `json:"scoped,omitempty"`
	Params      []paramRow  `json:"params,omitempty"`
	Limits      limitsRow   `json:"limits,omitzero"`
	Callbacks   backingRow  `json:"callbacks,omitzero"`
	LRS         lrsRow      `json:"lrs,omitzero"`
}

type backingRow struct {
	Names     []text `json:"names,omitempty"`
	Algorithm text   `json:"algorithm,omitempty"`
	Insecure  bool   `json:"insecure,omitempty"`
	Analytics bool   `json:"analytics,omitempty"`
}

// IsZero tells whether there is nothing to write.
func (r backingRow) IsZero() bool {
	return len(r.Names) == 0 && r.Algorithm == "" && !r.Insecure && !r.Analytics
}

type lrsRow struct {
	Endpoint      text `json:"endpoint,omitempty"`
	User          text `json:"user,omitempty"`
	Password      text `json:"password,omitempty"`
	TokenURL      text `json:"token_url,omitempty"`
	ClientID      text `json:"client_id,omitempty"`
	ClientSecret  text `json:"client_secret,omitempty"`
	TokenUser     text `json:"token_user,omitempty"`
	TokenPassword text `json:"token_password,omitempty"`
}

func encodeLRS(l store.LRS) lrsRow {
	return lrsRow{
		text(l.Endpoint), text(l.User), text(l.Password.Reveal()), text(l.TokenURL), text(l.ClientID),
		text(l.ClientSecret.Reveal()), text(l.TokenUser), text(l.TokenPassword.Reveal()),
	}
}

func (r lrsRow) lrs() store.LRS {
	return store.LRS{
		Endpoint: string(r.Endpoint), User: string(r.User), Password: store.Secret(r.Password), TokenURL: string(r.TokenURL),
		ClientID: string(r.ClientID), ClientSecret: store.Secret(r.ClientSecret), TokenUser: string(r.TokenUser),
		TokenPassword: store.Secret(r.TokenPassword),
	}
}

type secretRow struct {
	Name    text      `json:"name"`
	Secret  text      `json:"secret"`
	Created time.Time `json:"created,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
}

type paramRow struct {
	Call  text          `json:"call"`
	Op    store.ParamOp `json:"op"`
	Name  text          `json:"name"`
	Value text          `json:"value,omitempty"`
}

type limitsRow struct {
	Meetings      int           `json:"meetings,omitempty"`
	People        int           `json:"people,omitempty"`
	MeetingPeople int           `json:"meeting_people,omitempty"`
	PerHour       int           `json:"per_hour,omitempty"`
	Duration      time.Duration `json:"duration,omitempty"`
	NoRecording   bool          `json:"no_recording,omitempty"`
	Tags          []text        `json:"tags,omitempty"`
	Requests      float64       `json:"requests,omitempty"`
	Statuses      bool          `json:"statuses,omitempty"`
}

func encodeTenant(t store.Tenant) any {
	r := tenantRow{
		Name: text(t.Name), Created: t.Created.UTC(), Tag: text(t.Tag), IgnoreHints: t.IgnoreHints, Disabled: t.Disabled,
		Hosts: texts(t.Hosts), URL: text(t.URL), Scoped: t.Scoped, Limits: encodeLimits(t.Limits),
		Callbacks: backingRow{
			texts(t.Callbacks.Names), text(t.Callbacks.Algorithm), t.Callbacks.Insecure, t.Callbacks.Analytics,
		},
		LRS: encodeLRS(t.LRS),
	}
	for _, s := range t.Secrets {
		r.Named = append(r.Named, secretRow{text(s.Name), text(s.Secret.Reveal()), s.Created.UTC(), s.Expires.UTC()})
	}
	for _, p := range t.Params {
		r.Params = append(r.Params, paramRow{text(p.Call), p.Op, text(p.Name), text(p.Value)})
	}
	return r
}

func encodeLimits(l store.Limits) limitsRow {
	return limitsRow{
		l.Meetings, l.People, l.MeetingPeople, l.PerHour, l.Duration, l.NoRecording, texts(l.Tags), l.Requests, l.Statuses,
	}
}

func decodeTenant(key, value []byte) (store.Tenant, error) {
	var r tenantRow
	err := json.Unmarshal(value, &r)
	l := r.Limits
	t := store.Tenant{
		ID: string(key), Name: string(r.Name), Created: r.Created, Tag: string(r.Tag), IgnoreHints: r.IgnoreHints,
		Disabled: r.Disabled, Hosts: plain(r.Hosts), URL: string(r.URL), Scoped: r.Scoped,
		Limits: store.Limits{
			Meetings: l.Meetings, People: l.People, MeetingPeople: l.MeetingPeople, PerHour: l.PerHour, Duration: l.Duration,
			NoRecording: l.NoRecording, Tags: plain(l.Tags), Requests: l.Requests, Statuses: l.Statuses,
		},
		Callbacks: store.TenantCallbacks{
			Names: plain(r.Callbacks.Names), Algorithm: string(r.Callbacks.Algorithm), Insecure: r.Callbacks.Insecure,
			Analytics: r.Callbacks.Analytics,
		},
		LRS: r.LRS.lrs(),
	}
	for _, s := range append(named(r.Secrets, r.Created), r.Named...) {
		t.Secrets = append(t.Secrets, store.TenantSecret{
			Name: string(s.Name), Secret: store.Secret(s.Secret), Created: s.Created, Expires: s.Expires,
		})
	}
	for _, p := range r.Params {
		t.Params = append(t.Params, store.ParamRule{Call: string(p.Call), Op: p.Op, Name: string(p.Name), Value: string(p.Value)})
	}
	return t, err
}

// named gives names to secrets that have none: there was but one, which the first start had made.
func named(secrets []text, created time.Time) (rows []secretRow) {
	for i, s := range secrets {
		name := store.GeneratedSecret
		if i > 0 {
			name = fmt.Sprintf("%s-%d", name, i+1)
		}
		rows = append(rows, secretRow{Name: text(name), Secret: s, Created: created})
	}
	return rows
}

// TenantKey is nil for an ID that no tenant can have, because nothing could be stored under it.
func TenantKey(id string) []byte {
	if OfTenant(id) == nil {
		return nil
	}
	return []byte(id)
}
