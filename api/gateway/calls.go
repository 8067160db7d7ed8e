package gateway

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// handlers are the calls that bbbpool knows.
func (g *Gateway) handlers() map[string]handler {
	return map[string]handler{
		"create":                 g.create,
		"join":                   g.join,
		"isMeetingRunning":       g.isMeetingRunning,
		"end":                    g.end,
		"getMeetingInfo":         g.getMeetingInfo,
		"getMeetings":            g.getMeetings,
		"getSessions":            g.getSessions,
		"insertDocument":         g.insertDocument,
		"sendChatMessage":        g.sendChatMessage,
		"getRecordings":          g.getRecordings,
		"publishRecordings":      g.publishRecordings,
		"updateRecordings":       g.updateRecordings,
		"deleteRecordings":       g.deleteRecordings,
		"getRecordingTextTracks": g.getRecordingTextTracks,
		"putRecordingTextTrack":  g.putRecordingTextTrack,
		// The browser's own calls to its server, which nobody else can make for it.
		"getJoinUrl": unsupportedJSON, "learningDashboard": unsupportedJSON, "stuns": unsupportedJSON,
		"feedback": unsupportedJSON, "signOut": unsupported, "enter": unsupported, "guestWait": unsupported,
	}
}

// shape is what the names of BigBlueButton's calls look like. The calls of tomorrow will, too.
var shape = regexp.MustCompile(`^[a-z][A-Za-z]{2,39}$`)

// internals are names, in lower case, that have the shape of a call and are none: what else a server has at such
// addresses, for its own parts and for browsers, or had in earlier releases.
var internals = []string{
	"checkrecording", "configxml", "connection", "fsapi", "getdefaultconfigxml", "graphql", "guestwaithandler", "index",
	"presentation", "recording", "rest", "setconfigxml", "texttrack", "uploaddocuments",
}

// errElsewhere is what is said about an address at which no call can be: to programs that look at the status alone, too.
var errElsewhere = &bbb.Error{Key: bbb.ErrUnsupported.Key, Message: bbb.ErrUnsupported.Message, Status: http.StatusNotFound}

// elsewhere tells whether an address is none of the API's: it has more segments than a call has.
func elsewhere(name string) bool {
	return strings.Contains(name, "/") && !webhook(strings.ToLower(name))
}

// webhook tells whether a call, in lower case, is one of webhooks.
func webhook(folded string) bool { return folded == "hooks" || strings.HasPrefix(folded, "hooks/") }

// route finds what answers a call. Whatever a server is asked gets the server's signature, so that only two kinds of
// calls go on: those that bbbpool knows, and those that a newer release may have. A name that differs from a known one
// in case alone is no new call, whatever a server makes of it.
func (g *Gateway) route(name string) (handle handler, known bool) {
	if handle, known = g.calls[name]; known {
		return handle, true
	}
	folded := strings.ToLower(name)
	switch {
	case webhook(folded):
		return noWebhooks, false
	case !shape.MatchString(name) || slices.Contains(internals, folded):
		return unsupported, false
	}
	for call := range g.calls {
		if strings.EqualFold(call, name) {
			return unsupported, false
		}
	}
	return g.anyOther, false
}

func unsupported(context.Context, *call) error { return bbb.ErrUnsupported }

// unsupportedJSON is unsupported for calls that are answered in JSON.
func unsupportedJSON(_ context.Context, c *call) error {
	return c.json(bbb.ErrUnsupported.Key, bbb.ErrUnsupported.Message)
}

// noWebhooks refuses webhooks: a server's own know one server's meetings, of every tenant.
func noWebhooks(context.Context, *call) error {
	return &bbb.Error{Key: bbb.ErrUnsupported.Key, Message: "This pool does not offer webhooks."}
}

// callName takes the name of the call from the path. Front ends append "create" or "api/create" to a URL that they were
// given with or without "/api": all that comes of it ends up at the same place, and nothing else does.
func callName(path string) string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, strings.TrimSuffix(Path, "/")), "/")
	for range 2 {
		if rest, ok := strings.CutPrefix(path, "/api"); ok && (rest == "" || rest[0] == '/') {
			path = rest
		}
	}
	return strings.TrimPrefix(path, "/")
}
