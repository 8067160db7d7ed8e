package simulator

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
	"github.com/bbbpool/bbbpool/api/simulator/webhooks"
)

// api is the API of BigBlueButton in front of what a server holds, and the pages beside it. It finds what answers a
// request, sees to checksums, and counts.
type api struct {
	origin   string
	server   *Server
	browser  browser
	joins    joinCall
	pages    pages
	handlers map[string]handler
	counts   map[string]*atomic.Int64 // by name; fixed after newAPI
}

// handler answers a call whose checksum is right.
type handler func(w http.ResponseWriter, q *bbb.Request)

func newAPI(cfg *Config, holdings *holdings, origin string, server *Server) *api {
	b := browser{origin}
	meetings := meetingCalls{holdings, cfg.Life, cfg.Now, server.announce}
	recordings := recordingCalls{holdings, origin, server.changed}
	a := &api{
		origin: origin, server: server, browser: b, joins: joinCall{holdings, b, cfg.Life, cfg.Now},
		pages: pages{holdings, origin, cfg.Now},
	}
	// What only BigBlueButton's own client calls is missing, and unknown.
	a.handlers = map[string]handler{
		"create":                 meetings.create,
		"join":                   nil, // by joins: it is made by a browser, of which it wants to know more
		"isMeetingRunning":       meetings.isMeetingRunning,
		"end":                    meetings.end,
		"getMeetingInfo":         meetings.getMeetingInfo,
		"getMeetings":            meetings.getMeetings,
		"getSessions":            meetings.getSessions,
		"insertDocument":         meetings.insertDocument,
		"sendChatMessage":        meetings.sendChatMessage,
		"getRecordings":          recordings.getRecordings,
		"publishRecordings":      recordings.publishRecordings,
		"updateRecordings":       recordings.updateRecordings,
		"deleteRecordings":       recordings.deleteRecordings,
		"getRecordingTextTracks": recordings.getTextTracks,
		"putRecordingTextTrack":  recordings.putTextTrack,
	}
	a.counts = make(map[string]*atomic.Int64, len(a.handlers)+len(webhooks.Calls)+3)
	for _, name := range webhooks.Calls {
		a.counts[name] = new(atomic.Int64)
	}
	for name := range a.handlers {
		a.counts[name] = new(atomic.Int64)
	}
	a.counts["api"], a.counts["page"], a.counts["unknown"] = new(atomic.Int64), new(atomic.Int64), new(atomic.Int64)
	return a
}

// count returns how often a call was made.
func (a *api) count(name string) int {
	if n := a.counts[name]; n != nil {
		return int(n.Load())
	}
	return 0
}

// called returns how often each call was made, without those that were not.
func (a *api) called() map[string]int {
	calls := map[string]int{}
	for name, n := range a.counts {
		if n.Load() > 0 {
			calls[name] = int(n.Load())
		}
	}
	return calls
}

// route finds the name that a request counts as, counts it, and returns what answers it.
func (a *api) route(r *http.Request) (string, http.HandlerFunc) {
	name, answer := a.find(r.URL.Path)
	a.counts[name].Add(1)
	return name, answer
}

func (a *api) find(path string) (string, http.HandlerFunc) {
	rest, ok := strings.CutPrefix(path, "/bigbluebutton/")
	call, isCall := strings.CutPrefix(rest, "api/")
	switch {
	case ok && (rest == "" || rest == "api" || rest == "api/"):
		return "api", a.root
	case ok && isCall && a.knows(call):
		return call, func(w http.ResponseWriter, r *http.Request) { a.call(call, w, r) }
	case ok && isCall && slices.Contains(webhooks.Calls, call):
		return call, func(w http.ResponseWriter, r *http.Request) { a.server.hooks.Answer(call, w, r) }
	case ok && isCall:
		return "unknown", http.NotFound
	}
	return "page", a.pages.page
}

func (a *api) knows(call string) bool {
	_, ok := a.handlers[call]
	return ok
}

// originOf is where a join comes from.
func originOf(r *http.Request) rooms.Origin {
	bounded := func(s string) string { return strings.Clone(s[:min(len(s), 256)]) }
	return rooms.Origin{
		Address: hostOf("http://" + r.RemoteAddr), Agent: bounded(r.UserAgent()), Referer: bounded(r.Referer()),
	}
}

// hostOf returns the host of a URL, without the port.
func hostOf(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// call reads and verifies a call.
func (a *api) call(name string, w http.ResponseWriter, r *http.Request) {
	document, failed := takeDocument(name, r)
	if failed != nil {
		fail(w, failed)
		return
	}
	q, err := bbb.ReadRequest(r, name, maxBody)
	if errors.Is(err, bbb.ErrMethod) {
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	// A form without parameters in the query is under the checksum of nothing: so does BigBlueButton 3.0.
	if err == nil {
		_, err = q.Verify([]bbb.Secret{a.server.Secret()}, true)
	}
	if err != nil {
		a.refuse(name, w, q, err)
		return
	}
	if document != nil {
		q.Body = document
	}
	if name == "join" {
		a.joins.join(w, q, originOf(r))
		return
	}
	a.handlers[name](w, q)
}

// refuse answers a call that did not pass. A join tells the browser where to go, even then.
func (a *api) refuse(name string, w http.ResponseWriter, q *bbb.Request, err error) {
	failed, ok := errors.AsType[*bbb.Error](err)
	if !ok {
		failed = bbb.ErrInternal
	}
	if name == "join" {
		var params bbb.Params
		if q != nil {
			params = q.Params
		}
		a.browser.redirectError(w, params, failed)
		return
	}
	fail(w, failed)
}

// root answers with the version. Anybody may ask.
func (a *api) root(w http.ResponseWriter, r *http.Request) {
	host := strings.TrimPrefix(a.origin, "http://")
	socket, rest := "ws://"+host+"/graphql", a.origin+"/api/rest"
	is := a.server.release.Load()
	if r.Header.Get("Content-Type") == "application/json" {
		writeJSON(w, http.StatusOK, map[string]any{"response": map[string]string{
			"returncode": "SUCCESS", "version": apiVersion, "apiVersion": apiVersion, "bbbVersion": is.shown(),
			"graphqlWebsocketUrl": socket, "graphqlApiUrl": rest, "html5PluginSdkVersion": is.sdk(),
		}})
		return
	}
	bbb.WriteXML(w, http.StatusOK, bbb.Success().
		Text("version", apiVersion).Text("apiVersion", apiVersion).Text("bbbVersion", is.shown()).
		Text("html5PluginSdkVersion", is.sdk()).Text("graphqlWebsocketUrl", socket).Text("graphqlApiUrl", rest).
		Bytes())
}

// apiVersion is the same in all releases that are simulated.
const apiVersion = "2.0"
