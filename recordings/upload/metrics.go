package upload

import (
	"fmt"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// The names of the metrics.
const (
	uploadsActive = "bbbpool_uploads_active"
	requestsTotal = "bbbpool_upload_requests_total"
	bytesTotal    = "bbbpool_upload_bytes_total"
)

// Families are the metrics of uploads.
var Families = []exposition.Family{
	{Name: uploadsActive, Type: exposition.Gauge, Help: "Archives that are being sent to us."},
	{Name: requestsTotal, Type: exposition.Counter, Help: "Requests of servers that send archives, by outcome."},
	{Name: bytesTotal, Type: exposition.Counter, Help: "Bytes of archives that were sent to us."},
}

// count counts a request by its outcome: one of our own words.
func (h *Handler) count(outcome string) {
	h.Metrics.GetOrCreateCounter(fmt.Sprintf("%s{outcome=%q}", requestsTotal, outcome)).Inc()
}
