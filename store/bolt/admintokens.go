package bolt

import (
	"context"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var adminTokenTable = table[store.AdminToken]{
	bucket: adminTokens, noun: "admin token", codec: rows.AdminTokens,
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
