package simulator

import (
	"bytes"
	"cmp"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/fault"
	"github.com/bbbpool/bbbpool/api/simulator/recorded"
)

//go:embed client.html
var clientHTML embed.FS

var clientPage = template.Must(template.ParseFS(clientHTML, "client.html"))

// pages are what people see of a server.
type pages struct {
	holdings *holdings
	origin   string
	now      func() time.Time
}

// page answers what browsers ask for: the client, and recordings.
func (g *pages) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	switch name := path.Clean(r.URL.Path); {
	case name == "/html5client" && r.Method == http.MethodGet, name == "/html5client/join" && r.Method == http.MethodGet:
		g.showClient(w, r.URL.Query().Get("sessionToken"))
	case name == "/html5client/leave" && r.Method == http.MethodPost:
		g.leaveClient(w, r, false)
	case name == "/html5client/end" && r.Method == http.MethodPost:
		g.leaveClient(w, r, true)
	case name == "/html5client/record" && r.Method == http.MethodPost:
		g.recordClient(w, r)
	case name == "/" && r.Method == http.MethodGet:
		g.showPage(w, http.StatusOK, view{Home: true})
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	case strings.HasPrefix(name, "/bigbluebutton/textTrack/"):
		g.serveTrack(w, r, strings.TrimPrefix(name, "/bigbluebutton/textTrack/"))
	default:
		g.serveRecording(w, r, name)
	}
}

// view is what the client shows.
type view struct {
	Meeting, Name, Role, Session string
	People                       int
	Moderator, Waiting, Home     bool
	Recordable, Recording        bool
}

func (g *pages) showClient(w http.ResponseWriter, session string) {
	held, unlock := g.holdings.lock()
	p := held.rooms.Session(session)
	var v view
	if p != nil {
		v = view{
			Meeting: p.Meeting.Name, Name: p.Name, Role: p.Role(), Session: session, Moderator: p.Moderator,
			People: len(p.Meeting.People.In()), Waiting: !p.IsIn(),
			Recordable: p.Meeting.Record, Recording: p.Meeting.IsRecording(),
		}
	}
	unlock()
	if p == nil {
		g.showPage(w, http.StatusNotFound, v)
		return
	}
	g.showPage(w, http.StatusOK, v)
}

func (g *pages) showPage(w http.ResponseWriter, status int, v view) {
	var b bytes.Buffer
	if err := clientPage.Execute(&b, v); err != nil {
		fault.WritePage(w, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser hung up: nobody is left to tell
}

// leaveClient does what the buttons of the client do.
func (g *pages) leaveClient(w http.ResponseWriter, r *http.Request, end bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	session := r.PostFormValue("sessionToken")
	held, unlock := g.holdings.lock()
	p := held.rooms.Session(session)
	switch {
	case p == nil || end && !p.Moderator:
	case end:
		held.rooms.End(p.Meeting, g.now())
	default:
		held.rooms.Dismiss(p, g.now())
	}
	unlock()
	switch {
	case p == nil:
		g.showClient(w, "")
	case end && !p.Moderator:
		http.Error(w, "Only moderators can end a meeting.", http.StatusForbidden)
	default:
		w.Header().Set("Location", cmp.Or(p.LogoutURL, "/"))
		w.WriteHeader(http.StatusSeeOther)
	}
}

// recordClient presses the button that starts and stops the recording.
func (g *pages) recordClient(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	session := r.PostFormValue("sessionToken")
	held, unlock := g.holdings.lock()
	p := held.rooms.Session(session)
	if p != nil && p.Moderator {
		_ = held.rooms.Record(p.Meeting.Internal, !p.Meeting.IsRecording(), g.now()) // where it cannot be there is no button
	}
	unlock()
	if p == nil {
		g.showClient(w, "")
		return
	}
	w.Header().Set("Location", "/html5client?sessionToken="+url.QueryEscape(session))
	w.WriteHeader(http.StatusSeeOther)
}

func (g *pages) serveTrack(w http.ResponseWriter, r *http.Request, name string) {
	id, file := path.Split(name)
	held, unlock := g.holdings.lock()
	rec := held.shelf.Find(strings.TrimSuffix(id, "/"))
	var content []byte
	if rec != nil {
		for _, t := range rec.Tracks {
			if t.File() == file {
				content = t.VTT
			}
		}
	}
	unlock()
	if content == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/vtt; charset=utf-8")
	http.ServeContent(w, r, file, time.Time{}, bytes.NewReader(content))
}

// serveRecording serves the files of recordings, and leads from the addresses of players to them.
func (g *pages) serveRecording(w http.ResponseWriter, r *http.Request, name string) {
	name = strings.TrimPrefix(name, "/")
	if id, ok := strings.CutPrefix(name, "playback/presentation/2.3/"); ok {
		name = "presentation/" + id
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "playback/"), "recording/")
	parts := append(strings.SplitN(name, "/", 3), "", "")
	held, unlock := g.holdings.lock()
	var found recorded.Recording
	if rec := held.shelf.Find(parts[1]); rec != nil && rec.State == recorded.Published {
		found = *rec
	}
	unlock()
	if found.ID != "" && parts[2] == "" {
		redirect(w, "/"+name+"/index.html")
		return
	}
	for _, format := range found.Formats {
		if format.Name != parts[0] {
			continue
		}
		for _, f := range found.Files(format.Name, g.origin) {
			if f.Name == parts[2] {
				http.ServeContent(w, r, path.Base(f.Name), found.End, bytes.NewReader(f.Content))
				return
			}
		}
	}
	http.NotFound(w, r)
}
