package assembly

import (
	"github.com/bbbpool/bbbpool/api"
	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
)

// families are the metrics that a pool has, as its packages declare them.
func families() [][]exposition.Family {
	return [][]exposition.Family{
		api.Families, problems.Families,
		storeFamilies, gatewayFamilies, pollerFamilies, recordingsFamilies, volumeFamilies, uploadFamilies, playbackFamilies,
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

// pollerFamilies are those of package poller, until it declares them.
var pollerFamilies = []exposition.Family{
	{Name: "bbbpool_capacity_people", Type: exposition.Gauge, Help: "People that the servers which take new meetings carry."},
	{Name: "bbbpool_capacity_without_largest_people", Type: exposition.Gauge, Help: "The same without the largest of them."},
	{Name: "bbbpool_people", Type: exposition.Gauge, Help: "People here and still expected."},
	{Name: "bbbpool_meetings", Type: exposition.Gauge, Help: "Meetings that run."},
	{Name: "bbbpool_headroom_people", Type: exposition.Gauge, Help: "How many more people fit."},
	{
		Name: "bbbpool_headroom_without_largest_people", Type: exposition.Gauge,
		Help: "How many more people fit without the largest server.",
	},
	{
		Name: "bbbpool_tightest_people", Type: exposition.Gauge,
		Help: "People at the busiest time of the coming week, as it was in the last five.",
	},
	{Name: "bbbpool_tightest_headroom_people", Type: exposition.Gauge, Help: "How many more people fit then."},
	{
		Name: "bbbpool_tightest_headroom_without_largest_people", Type: exposition.Gauge,
		Help: "How many more people fit then without the largest server.",
	},
	{Name: "bbbpool_tightest_timestamp_seconds", Type: exposition.Gauge, Help: "When that is."},
	{Name: "bbbpool_own_network_suspect", Type: exposition.Gauge, Help: "1 while more than half of the pool fails at once."},
	{Name: "bbbpool_dns_failing", Type: exposition.Gauge, Help: "1 while the names of several servers do not resolve."},
	{Name: "bbbpool_server_health", Type: exposition.Gauge, Help: "1 for the health that a server has."},
	{Name: "bbbpool_server_state", Type: exposition.Gauge, Help: "1 for the state that a server was set to."},
	{Name: "bbbpool_server_weight", Type: exposition.Gauge, Help: "Share of meetings that a server takes."},
	{Name: "bbbpool_server_capacity_people", Type: exposition.Gauge, Help: "People that a server carries."},
	{Name: "bbbpool_server_people", Type: exposition.Gauge, Help: "People here and on their way."},
	{Name: "bbbpool_server_expected", Type: exposition.Gauge, Help: "People still expected."},
	{Name: "bbbpool_server_kept", Type: exposition.Gauge, Help: "Room held for regular meetings."},
	{Name: "bbbpool_server_meetings", Type: exposition.Gauge, Help: "Meetings seen at the last poll."},
	{Name: "bbbpool_server_users", Type: exposition.Gauge, Help: "People seen at the last poll."},
	{Name: "bbbpool_server_videos", Type: exposition.Gauge, Help: "Cameras seen at the last poll."},
	{Name: "bbbpool_server_largest_meeting", Type: exposition.Gauge, Help: "People in the largest meeting at the last poll."},
	{Name: "bbbpool_server_split_meetings", Type: exposition.Gauge, Help: "Meetings that are on another server, too."},
	{
		Name: "bbbpool_server_unreadable_meetings", Type: exposition.Gauge,
		Help: "Meetings in the last answer that could not be read.",
	},
	{Name: "bbbpool_server_last_poll_age_seconds", Type: exposition.Gauge, Help: "Time since the last poll that worked."},
	{Name: "bbbpool_server_poll_latency_seconds", Type: exposition.Gauge, Help: "How long the last poll took."},
	{
		Name: "bbbpool_server_patience_seconds", Type: exposition.Gauge,
		Help: "How long a probe may take, by how fast the server has answered of late.",
	},
	{Name: "bbbpool_server_warnings", Type: exposition.Gauge, Help: "What will break unless somebody looks after it."},
	{Name: "bbbpool_server_clock_skew_seconds", Type: exposition.Gauge, Help: "How far a server's clock is ahead of ours."},
	{Name: "bbbpool_server_certificate_expires_seconds", Type: exposition.Gauge, Help: "What is left of a server's certificate."},
	{Name: "bbbpool_server_events_total", Type: exposition.Counter, Help: "What happened to a server, by kind."},
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
