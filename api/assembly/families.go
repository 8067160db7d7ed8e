package assembly

import (
	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/gateway"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store/driver"
)

// families are the metrics that a pool has, as its packages declare them.
func families() [][]exposition.Family {
	return [][]exposition.Family{
		api.Families, problems.Families, driver.Families, gateway.Families, poller.Families, upload.Families, playback.Families,
		recordingsFamilies, volumeFamilies,
	}
}

// recordingsFamilies are those of package recordings, until it declares them.
var recordingsFamilies = []exposition.Family{
	{Name: "bbbpool_recordings", Type: exposition.Gauge, Help: "Recordings in the index."},
	{Name: "bbbpool_recordings_bytes", Type: exposition.Gauge, Help: "What the recordings in the index take."},
	{
		Name: "bbbpool_recordings_owed", Type: exposition.Gauge,
		Help: "Recordings that servers still have to deliver, by how far they are.",
	},
	{Name: "bbbpool_recordings_overdue", Type: exposition.Gauge, Help: "Recordings that should have been delivered by now."},
	{Name: "bbbpool_recordings_inconsistent", Type: exposition.Gauge, Help: "Where index and disk differed at the last comparison."},
	{Name: "bbbpool_import_jobs", Type: exposition.Gauge, Help: "Archives on their way in."},
	{Name: "bbbpool_import_oldest_seconds", Type: exposition.Gauge, Help: "How long the oldest archive has waited."},
	{Name: "bbbpool_imports_total", Type: exposition.Counter, Help: "Archives imported."},
	{Name: "bbbpool_imports_failed_total", Type: exposition.Counter, Help: "Archives that could not be imported."},
	{Name: "bbbpool_import_bytes_total", Type: exposition.Counter, Help: "Bytes of the archives imported."},
	{Name: "bbbpool_import_seconds_total", Type: exposition.Counter, Help: "Time that imports took."},
}

// volumeFamilies are those of package recordings/volume, until it declares them.
var volumeFamilies = []exposition.Family{
	{Name: "bbbpool_volume_up", Type: exposition.Gauge, Help: "1 while a directory of recordings can be used."},
	{Name: "bbbpool_volume_free_bytes", Type: exposition.Gauge, Help: "Room that is left there."},
	{Name: "bbbpool_volume_total_bytes", Type: exposition.Gauge, Help: "Room that there is."},
	{Name: "bbbpool_volume_free_inodes", Type: exposition.Gauge, Help: "How many more files can be made there."},
	{Name: "bbbpool_volume_latency_seconds", Type: exposition.Gauge, Help: "How long it took to write a small file there."},
}
