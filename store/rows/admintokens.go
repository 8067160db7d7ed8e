package rows

import (
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

type adminTokenRow struct {
	Hash    text      `json:"hash"`
	Scopes  []text    `json:"scopes,omitempty"`
	Tenant  text      `json:"tenant,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
}

func encodeAdminToken(t store.AdminToken) any {
	return adminTokenRow{text(t.Hash), texts(t.Scopes), text(t.Tenant), t.Created.UTC(), t.Expires.UTC()}
}

func decodeAdminToken(key, value []byte) (store.AdminToken, error) {
	var r adminTokenRow
	err := json.Unmarshal(value, &r)
	return store.AdminToken{
		Name: string(key), Hash: string(r.Hash), Scopes: plain(r.Scopes), Tenant: string(r.Tenant), Created: r.Created,
		Expires: r.Expires,
	}, err
}
