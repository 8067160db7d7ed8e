package rows

import (
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

type serverRow struct {
	URL      text              `json:"url"`
	Secret   text              `json:"secret"`
	Checksum string            `json:"checksum,omitempty"`
	State    store.ServerState `json:"state"`
	Weight   float64           `json:"weight"`
	Capacity int               `json:"capacity,omitempty"`
	Hard     bool              `json:"hard,omitempty"`
	Tag      text              `json:"tag,omitempty"`
	Created  time.Time         `json:"created,omitzero"`
	Admitted time.Time         `json:"admitted,omitzero"`
	Former   text              `json:"former,omitempty"`
	Until    time.Time         `json:"former_until,omitzero"`
	Switched time.Time         `json:"switched,omitzero"`
}

func encodeServer(s store.Server) any {
	return serverRow{
		URL: text(s.URL), Secret: text(s.Secret.Reveal()), Checksum: s.Checksum, State: s.State, Weight: s.Weight,
		Capacity: s.Capacity, Hard: s.Hard, Tag: text(s.Tag), Created: s.Created.UTC(), Admitted: s.Admitted.UTC(),
		Former: text(s.Former.Reveal()), Until: s.FormerUntil.UTC(), Switched: s.Switched.UTC(),
	}
}

func decodeServer(key, value []byte) (store.Server, error) {
	var r serverRow
	err := json.Unmarshal(value, &r)
	return store.Server{
		ID: string(key), URL: string(r.URL), Secret: store.Secret(r.Secret), Checksum: r.Checksum, State: r.State,
		Weight: r.Weight, Capacity: r.Capacity, Hard: r.Hard, Tag: string(r.Tag), Created: r.Created, Admitted: r.Admitted,
		Former: store.Secret(r.Former), FormerUntil: r.Until, Switched: r.Switched,
	}, err
}
