package assembly

import (
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/instances"
	"github.com/bbbpool/bbbpool/store/driver"
)

// Leader is the way in to the administration of a pool that runs on other machines, as the instance that leads has it; nil where
// the state is not shared, or no instance is there. Only what instances share is opened, and no lease is taken.
func Leader(ctx context.Context, o Options) (http.Handler, func() error, error) {
	shared, err := driver.OpenShared(ctx, driver.Config{Settings: o.Settings.Stores})
	if shared == nil || err != nil {
		return nil, nil, err
	}
	v, err := instances.Visit(ctx, instances.Parts{
		Leases: shared.Leases, Instances: shared.Instances, Keys: shared.Redis, Dial: o.Dial, Log: o.Log,
	})
	if v == nil || err != nil {
		return nil, nil, errors.Join(err, shared.Close())
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "none"
	}
	way := &frame.Elsewhere{Leader: v, ID: host}
	return way.OverTrusted(nil), func() error { return errors.Join(v.Close(), shared.Close()) }, nil
}
