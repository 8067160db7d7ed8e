package assembly

import (
	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/backups"
	"github.com/bbbpool/bbbpool/api/callbacks/hooks"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/api/callbacks/receiver"
	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/api/gateway/lrs"
	"github.com/bbbpool/bbbpool/api/gateway/throttle"
	"github.com/bbbpool/bbbpool/api/instances"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/usage"
	"github.com/bbbpool/bbbpool/poller/series"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/mirror"
	"github.com/bbbpool/bbbpool/store/waiting"
)

// families are the metrics that a pool has, as its packages declare them.
func families() [][]exposition.Family {
	return [][]exposition.Family{
		api.Families, problems.Families, driver.Families, counts.Families, throttle.Families, series.Families,
		upload.Families, playback.Families, recordings.Families, access.Families, usage.Families, backups.Families,
		instances.Families, receiver.Families, hooks.Families, outbox.Families, lrs.Families,
		mirror.Families, waiting.Families,
	}
}
