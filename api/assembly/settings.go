package assembly

import (
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/roster"
	"github.com/bbbpool/bbbpool/api/admin/scalelite"
	"github.com/bbbpool/bbbpool/api/backups"
	"github.com/bbbpool/bbbpool/api/callbacks"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/api/fsapi"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/api/instances"
	"github.com/bbbpool/bbbpool/api/usage"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/bridges"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings"
	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/web"
)

// Settings are those of every part, as flags. The command line checks them; whoever makes them in Go answers for what he
// makes, and may choose what no operator can, as polls every few milliseconds.
type Settings struct {
	HTTP       api.Config        `embed:""`
	Poller     poller.Config     `embed:""`
	Servers    roster.Config     `embed:""`
	Placement  placement.Config  `embed:""`
	Gateway    gateway.Config    `embed:""`
	Recordings recordings.Config `embed:""`
	Playback   playback.Config   `embed:""`
	Access     access.Config     `embed:""`
	Usage      usage.Config      `embed:""`
	Pages      web.Config        `embed:""`
	Stores     driver.Settings   `embed:""`
	Instances  instances.Config  `embed:""`
	Backups    backups.Config    `embed:""`
	Callbacks  callbacks.Config  `embed:""`
	Outbox     outbox.Config     `embed:""`
	Scalelite  scalelite.Config  `embed:""`

	Bridges bridges.Config `embed:""`
	Phones  fsapi.Config   `embed:""`
}

// Defaults are the settings of a pool for which nobody has set any: those of the flags, whatever the environment says. A
// program that makes a pool without a command line, as tests do, changes in them what it wants otherwise.
func Defaults() (Settings, error) {
	var s Settings
	parser, err := kong.New(&s)
	if err != nil {
		return s, fmt.Errorf("read the defaults of the settings: %w", err)
	}
	for _, flag := range parser.Model.Flags {
		flag.Envs, flag.Tag.Envs = nil, nil
	}
	if _, err = parser.Parse(nil); err != nil {
		return s, fmt.Errorf("read the defaults of the settings: %w", err)
	}
	return s, nil
}
