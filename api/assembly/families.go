package assembly

import (
	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/poller"
)

// families are the metrics that a pool has, as its packages declare them.
func families() [][]exposition.Family {
	return [][]exposition.Family{
		api.Families, problems.Families,
		storeFamilies, gatewayFamilies, poller.Families, recordingsFamilies, volumeFamilies, uploadFamilies, playbackFamilies,
	}
}

// storeFamilies are those of package store/bolt, until it declares them.
var storeFamilies = []exposition.Family{
	{Name: "bbbpool_store_bytes", Type: exposition.Gauge, Help: "Size of the store's file."},
	{Name: "bbbpool_store_free_bytes", Type: exposition.Gauge, Help: "What of it is written to before it grows."},
	{Name: "bbbpool_store_writable", Type: exposition.Gauge, Help: "0 since a write has failed."},
	{Name: "bbbpool_store_writes_failed_total", Type: exposition.Counter, Help: "Transactions that the disk did not take."},
	{
		Name: "bbbpool_store_commit_duration_seconds", Type: exposition.Histogram,
		Help: "How long transactions took that changed something.",
	},
}

// gatewayFamilies are those of package api/gateway, until it declares them.
var gatewayFamilies = []exposition.Family{
	{Name: "bbbpool_requests_total", Type: exposition.Counter, Help: "Calls of front ends by what they got."},
	{Name: "bbbpool_request_duration_seconds", Type: exposition.Histogram, Help: "How long calls of front ends took."},
	{Name: "bbbpool_meetings_placed_total", Type: exposition.Counter, Help: "New meetings."},
	{
		Name: "bbbpool_creates_failed_over_total", Type: exposition.Counter,
		Help: "New meetings that needed another server than the first.",
	},
	{Name: "bbbpool_join_failures_total", Type: exposition.Counter, Help: "Joins that got nowhere, by cause."},
	{Name: "bbbpool_placement_refusals_total", Type: exposition.Counter, Help: "New meetings that no server could take, by cause."},
	{
		Name: "bbbpool_server_errors_total", Type: exposition.Counter,
		Help: "Calls that a server did not answer as it should, by what was wrong.",
	},
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

// uploadFamilies are those of package recordings/upload, until it declares them.
var uploadFamilies = []exposition.Family{
	{Name: "bbbpool_uploads_active", Type: exposition.Gauge, Help: "Archives that are being sent to us."},
	{Name: "bbbpool_upload_requests_total", Type: exposition.Counter, Help: "Requests of servers that send archives, by outcome."},
	{Name: "bbbpool_upload_bytes_total", Type: exposition.Counter, Help: "Bytes of archives that were sent to us."},
}

// playbackFamilies are those of package recordings/playback, until it declares them.
var playbackFamilies = []exposition.Family{
	{Name: "bbbpool_playback_requests_total", Type: exposition.Counter, Help: "Requests of viewers, by format and outcome."},
	{Name: "bbbpool_playback_bytes_total", Type: exposition.Counter, Help: "Bytes that viewers got."},
}
