package callback

import "time"

// Kind says what a callback is about.
type Kind string

// The kinds of callbacks.
const (
	KindEnd       Kind = "end"       // to meetingEndedURL, which gets nothing added
	KindMarks     Kind = "marks"     // to meta_endCallbackUrl, with recordingmarks and meetingID
	KindReady     Kind = "ready"     // to meta_bbb-recording-ready-url or one of its like, for each format
	KindAnalytics Kind = "analytics" // to meta_analytics-callback-url
	KindHook      Kind = "hook"      // a delivery of bbb-webhooks; package webhooks sends it
)

var kinds = []Kind{KindEnd, KindMarks, KindReady, KindAnalytics, KindHook}

// Callback is something to tell a front end.
type Callback struct {
	Kind    Kind
	Meeting string // its meetingID

	url         string
	form        []byte // a POST of this body; nil: a GET
	contentType string
	bearer      string
	due         time.Time
	attempts    int
}

// retries is how long after each failed attempt an end is told again. What scripts send they try once.
var retries = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}

// again returns when the callback is sent again, now that an attempt has failed.
func (c *Callback) again(now time.Time) (at time.Time, ok bool) {
	if c.form != nil || c.attempts > len(retries) {
		return time.Time{}, false
	}
	return now.Add(retries[c.attempts-1]), true
}
