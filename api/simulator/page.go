package simulator

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed client.html
var clientHTML embed.FS

var clientPage = template.Must(template.ParseFS(clientHTML, "client.html"))

// page answers what browsers ask for: the client, and recordings.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	switch name := path.Clean(r.URL.Path); {
	case name == "/html5client" && r.Method == http.MethodGet, name == "/html5client/join" && r.Method == http.MethodGet:
		s.showClient(w, r.URL.Query().Get("sessionToken"))
	case name == "/html5client/leave" && r.Method == http.MethodPost:
		s.leaveClient(w, r, false)
	case name == "/html5client/end" && r.Method == http.MethodPost:
		s.leaveClient(w, r, true)
	case name == "/" && r.Method == http.MethodGet:
		s.showPage(w, http.StatusOK, view{Home: true})
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	case strings.HasPrefix(name, "/bigbluebutton/textTrack/"):
		s.serveTrack(w, r, strings.TrimPrefix(name, "/bigbluebutton/textTrack/"))
	default:
		s.serveRecording(w, r, name)
	}
}

// view is what the client shows.
type view struct {
	Meeting, Name, Role, Session string
	People                       int
	Moderator, Waiting, Home     bool
}

func (s *Server) showClient(w http.ResponseWriter, session string) {
	s.mu.Lock()
	p := s.sessions[session]
	var v view
	if p != nil {
		v = view{
			Meeting: p.meeting.name, Name: p.name, Role: p.role(), Session: session, Moderator: p.moderator,
			People: len(p.meeting.people), Waiting: !p.isIn(),
		}
	}
	s.mu.Unlock()
	if p == nil {
		s.showPage(w, http.StatusNotFound, v)
		return
	}
	s.showPage(w, http.StatusOK, v)
}

func (s *Server) showPage(w http.ResponseWriter, status int, v view) {
	var b bytes.Buffer
	if err := clientPage.Execute(&b, v); err != nil {
		failPage(w, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser hung up: nobody is left to tell
}

// isIn tells somebody in the meeting from somebody who waits or is on the way.
func (p *person) isIn() bool { return p.meeting.byInternal(p.internal) != nil }

// leaveClient does what the buttons of the client do.
func (s *Server) leaveClient(w http.ResponseWriter, r *http.Request, end bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	session := r.PostFormValue("sessionToken")
	s.mu.Lock()
	p := s.sessions[session]
	switch {
	case p == nil || end && !p.moderator:
	case end:
		p.meeting.ordered = true
		s.end(p.meeting, s.sim.cfg.Now())
	default:
		delete(s.sessions, session)
		p.meeting.leave(s.sim.cfg.Now(), func(other *person) bool { return other == p })
	}
	s.mu.Unlock()
	switch {
	case p == nil:
		s.showClient(w, "")
	case end && !p.moderator:
		http.Error(w, "Only moderators can end a meeting.", http.StatusForbidden)
	default:
		w.Header().Set("Location", or(p.logoutURL, "/"))
		w.WriteHeader(http.StatusSeeOther)
	}
}

func (s *Server) serveTrack(w http.ResponseWriter, r *http.Request, name string) {
	id, file := path.Split(name)
	s.mu.Lock()
	rec := s.recording(strings.TrimSuffix(id, "/"))
	var content []byte
	if rec != nil {
		for _, t := range rec.tracks {
			if t.file() == file {
				content = t.vtt
			}
		}
	}
	s.mu.Unlock()
	if content == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/vtt; charset=utf-8")
	http.ServeContent(w, r, file, time.Time{}, bytes.NewReader(content))
}

// serveRecording serves the files of recordings, and leads from the addresses of players to them.
func (s *Server) serveRecording(w http.ResponseWriter, r *http.Request, name string) {
	name = strings.TrimPrefix(name, "/")
	if id, ok := strings.CutPrefix(name, "playback/presentation/2.3/"); ok {
		name = "presentation/" + id
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "playback/"), "recording/")
	parts := append(strings.SplitN(name, "/", 3), "", "")
	s.mu.Lock()
	var found recording
	if rec := s.recording(parts[1]); rec != nil && rec.state == statePublished {
		found = *rec
	}
	s.mu.Unlock()
	if found.id != "" && parts[2] == "" {
		redirect(w, "/"+name+"/index.html")
		return
	}
	for _, format := range found.formats {
		if format.name != parts[0] {
			continue
		}
		for _, f := range s.files(&found, format.name) {
			if f.name == parts[2] {
				http.ServeContent(w, r, path.Base(f.name), found.end, bytes.NewReader(f.content))
				return
			}
		}
	}
	http.NotFound(w, r)
}
