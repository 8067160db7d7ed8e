package rows

import (
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

type jobRow struct {
	Path       text      `json:"path,omitempty"`
	Source     text      `json:"source,omitempty"`
	Keep       bool      `json:"keep,omitempty"`
	Notify     bool      `json:"notify,omitempty"`
	Tenant     text      `json:"tenant,omitempty"`
	Server     text      `json:"server,omitempty"`
	SHA256     text      `json:"sha256,omitempty"`
	State      text      `json:"state"`
	Attempts   int       `json:"attempts,omitempty"`
	Reason     text      `json:"reason,omitempty"`
	Next       time.Time `json:"next,omitzero"`
	Bytes      int64     `json:"bytes,omitempty"`
	Modified   time.Time `json:"modified,omitzero"`
	Staging    text      `json:"staging,omitempty"`
	Recordings []text    `json:"recordings,omitempty"`
	Created    time.Time `json:"created,omitzero"`
	Changed    time.Time `json:"changed,omitzero"`
}

func encodeJob(j store.Job) any {
	return jobRow{
		Path: text(j.Path), Source: text(j.Source), Keep: j.Keep, Notify: j.Notify, Tenant: text(j.Tenant), Server: text(j.Server),
		SHA256: text(j.SHA256), State: text(j.State), Attempts: j.Attempts, Reason: text(j.Reason),
		Next: j.Next.UTC(), Bytes: j.Bytes, Modified: j.Modified.UTC(), Staging: text(j.Staging),
		Recordings: texts(j.Recordings), Created: j.Created.UTC(), Changed: j.Changed.UTC(),
	}
}

func decodeJob(key, value []byte) (store.Job, error) {
	var r jobRow
	err := json.Unmarshal(value, &r)
	return store.Job{
		ID: string(key), Path: string(r.Path), Source: string(r.Source), Keep: r.Keep, Notify: r.Notify, Tenant: string(r.Tenant),
		Server: string(r.Server), SHA256: string(r.SHA256), State: store.JobState(r.State), Attempts: r.Attempts,
		Reason: string(r.Reason), Next: r.Next, Bytes: r.Bytes, Modified: r.Modified, Staging: string(r.Staging),
		Recordings: plain(r.Recordings), Created: r.Created, Changed: r.Changed,
	}, err
}
