package bolt

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

var adminTokenTable = table[store.AdminToken]{
	bucket: adminTokens, noun: "admin token", encode: encodeAdminToken, decode: decodeAdminToken,
}

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

// adminTokenRole is [store.AdminTokens].
type adminTokenRole struct{ db *DB }

func (role adminTokenRole) AdminTokens(ctx context.Context) ([]store.AdminToken, error) {
	return all(ctx, role.db, adminTokenTable)
}

func (role adminTokenRole) CreateAdminToken(ctx context.Context, t store.AdminToken) error {
	_, err := create(ctx, role.db, adminTokenTable, []byte(t.Name), t)
	return err
}

func (role adminTokenRole) DeleteAdminToken(ctx context.Context, name string) error {
	return remove(ctx, role.db, adminTokenTable, []byte(name), anyway)
}
