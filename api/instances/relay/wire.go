package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// What a request has lost by being handed on. Requests that come in elsewhere are never read for these.
const (
	uriHeader    = "Bbbpool-Uri"
	hostHeader   = "Bbbpool-Host"
	remoteHeader = "Bbbpool-Remote"
	schemeHeader = "Bbbpool-Tls"
	againHeader  = "Bbbpool-Again" // another may have done it, as the gateway wants to know; or has who answers that he cannot
)

// hops are headers of one connection.
var hops = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Expect", "Content-Length",
}

// once are calls that read, by their method, and do something each time they are made.
var once = map[string]bool{"sendChatMessage": true, "insertDocument": true, "putRecordingTextTrack": true}

// posted are calls that may be made again although they came as a POST: a create has an ID, what has ended has ended.
var posted = map[string]bool{
	"create": true, "end": true, "join": true, "isMeetingRunning": true, "getMeetings": true, "getMeetingInfo": true,
	"getRecordings": true, "getRecordingTextTracks": true,
}

// repeatable tells whether a request may be sent to a second leader when it is not known what became of it at the first.
func repeatable(r *http.Request) bool {
	name := path.Base(r.URL.Path)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return !once[name]
	case http.MethodPost:
		return posted[name] && strings.HasSuffix(path.Dir(r.URL.Path), "/api")
	}
	return false
}

// outgoing is the request as it goes to the leader.
func (e *errand) outgoing(ctx context.Context, addr string) (*http.Request, error) {
	out, err := http.NewRequestWithContext(ctx, e.req.Method, "https://"+addr+Path, bytes.NewReader(e.body))
	if err != nil {
		return nil, err
	}
	out.Header = e.req.Header.Clone()
	strip(out.Header)
	if _, said := out.Header["User-Agent"]; !said {
		out.Header["User-Agent"] = nil // or Go would say its own
	}
	uri := url.URL{Path: e.req.URL.Path, RawPath: e.req.URL.RawPath, RawQuery: e.req.URL.RawQuery}
	out.Header.Set(uriHeader, uri.RequestURI())
	out.Header.Set(hostHeader, e.req.Host)
	out.Header.Set(remoteHeader, e.req.RemoteAddr)
	out.Header.Del(schemeHeader)
	if e.req.TLS != nil {
		out.Header.Set(schemeHeader, "1")
	}
	e.sayAgain(out.Header)
	return out, nil
}

// own is the request as this instance answers it, that has come to lead meanwhile.
func (e *errand) own() *http.Request {
	r := e.req.Clone(markHanded(e.req.Context()))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(e.body)), int64(len(e.body))
	e.sayAgain(r.Header)
	return r
}

// sayAgain marks a request that a leader of before may have got, and done, and no other.
func (e *errand) sayAgain(h http.Header) {
	h.Del(againHeader)
	if e.sent > 0 || e.perhaps {
		h.Set(againHeader, time.Since(e.began).String())
	}
}

// errRequest is for what no instance sends.
var errRequest = errors.New("this is no request that an instance has handed on")

// restore makes of what another instance has sent the request that it was given.
func restore(in *http.Request) (*http.Request, error) {
	uri, err := url.ParseRequestURI(in.Header.Get(uriHeader))
	if err != nil || !strings.HasPrefix(uri.Path, "/") || uri.Host != "" || uri.Scheme != "" {
		return nil, errRequest
	}
	r := in.WithContext(markHanded(in.Context()))
	r.URL, r.RequestURI, r.Host = uri, in.Header.Get(uriHeader), in.Header.Get(hostHeader)
	if r.RemoteAddr = in.Header.Get(remoteHeader); r.RemoteAddr != "" {
		if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil {
			r.RemoteAddr = "@" // a socket's, or nobody's
		}
	}
	if in.Header.Get(schemeHeader) == "" {
		r.TLS = nil
	}
	for _, name := range []string{uriHeader, hostHeader, remoteHeader, schemeHeader} {
		r.Header.Del(name)
	}
	return r, nil
}

// bodyWithin is how long another instance may take to send a body that it has in memory.
const bodyWithin = 30 * time.Second

// ServeHTTP takes what another instance hands on, if this one leads.
func (r *Relay) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	if !r.Leaders.Leading() || r.Here == nil {
		http.Error(w, "this instance does not lead", NotLeader)
		return
	}
	out, err := restore(in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	size := max(0, in.ContentLength)
	defer r.bodies.Add(-size)
	if !r.room(size) {
		http.Error(w, "too many bodies at once", http.StatusServiceUnavailable)
		return
	}
	if err := receive(w, in, out, r.largest()); err != nil {
		http.Error(w, "the body did not come whole", http.StatusBadRequest)
		return
	}
	r.Here.ServeHTTP(w, out)
}

// receive reads the body of a request. A deadline for reading that stayed would end the request itself, which may take longer.
func receive(w http.ResponseWriter, in, out *http.Request, largest int64) error {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyWithin))
	body, err := io.ReadAll(http.MaxBytesReader(w, in.Body, largest))
	if err != nil {
		return err
	}
	_ = control.SetReadDeadline(time.Time{})
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// strip takes headers away that belong to a connection.
func strip(h http.Header) {
	for _, list := range slices.Clone(h["Connection"]) {
		for name := range strings.SplitSeq(list, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hops {
		h.Del(name)
	}
}
