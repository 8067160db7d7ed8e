// Package web is what people see in a browser: one page, which says what answers here or, to somebody for whom something
// did not work, why, with a number by which the log knows the request, and whom to ask. It shows no word of an address:
// whoever makes one up cannot put words on the page.
package web

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed favicon.ico
	icon []byte
)

// robots keeps search engines away: links to recordings are for those who were given them.
const robots = "User-agent: *\nDisallow: /\n"

// Web serves the pages.
type Web struct {
	page    *template.Template
	contact *contact // nil: nobody
}

// New reads the template, which is part of the program. The configuration must be valid.
func New(c Config) *Web {
	return &Web{template.Must(template.New("page").Parse(pageHTML)), newContact(c.Contact)}
}

// Mount registers the pages, and what browsers and search engines look for.
func (h *Web) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", h.front)
	mux.HandleFunc("GET /robots.txt", fixed("text/plain; charset=utf-8", []byte(robots)))
	mux.HandleFunc("GET /favicon.ico", fixed("image/x-icon", icon))
}

// fixed serves something small that changes with releases only.
func fixed(mediaType string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", mediaType)
		h.Set("Cache-Control", "public, max-age=86400")
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(content) // the reader hung up
	}
}

// joinError is an error as BigBlueButton appends it to the address that a failed join leads to.
type joinError struct {
	Key string `json:"key"`
}

// maxJoinErrors is how many errors are shown: a join has one.
const maxJoinErrors = 5

// front says what is wrong with a join, or what this is.
func (h *Web) front(w http.ResponseWriter, r *http.Request) {
	var failed []joinError
	if text := r.URL.Query().Get("errors"); text != "" && json.Unmarshal([]byte(text), &failed) != nil {
		failed = []joinError{{}}
	}
	p := page{Title: "bbbpool", Heading: "BigBlueButton meetings", Texts: []string{"This address is for front ends. " +
		"Meetings are started and joined from the page of your school or university."}}
	if len(failed) > 0 {
		heading, texts := words(failed[:min(len(failed), maxJoinErrors)])
		p = h.withHelp(r, page{Title: "This did not work", Heading: heading, Texts: texts})
	}
	h.write(w, http.StatusOK, p)
}

// Problem writes a page that says to a person what did not work, and what to do about it. Neither title nor text may
// come from a request.
func (h *Web) Problem(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	h.write(w, status, h.withHelp(r, page{Title: title, Heading: title, Texts: []string{text}}))
}

// withHelp adds what helps those who help: the number that the log knows the request by, and who they are.
func (h *Web) withHelp(r *http.Request, p page) page {
	p.Reference, p.Contact = r.Header.Get("X-Request-Id"), h.contact
	return p
}

// page is what is on a page.
type page struct {
	Title     string
	Heading   string
	Texts     []string
	Reference string   // "": none
	Contact   *contact // nil: nobody
}

// write sends a page, which is never cached and may do nothing but show itself.
func (h *Web) write(w http.ResponseWriter, status int, p page) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors *")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_ = h.page.Execute(w, p) // the reader hung up
}

// saying is what an error means for the person in front of it, in plain words.
type saying struct{ heading, text string }

// sayings are those of the errors that a join may end in.
var sayings = map[string]saying{
	"invalidMeetingIdentifier": {"This meeting is not running", "It may not have started yet, or be over already. " +
		"Go back and try again in a moment, or ask whoever invited you."},
	"checksumError":        {"This link is not valid", "Go back to the page that it came from and follow it again."},
	"missingParamFullName": {"Who are you?", "The link does not say who you are. Go back and enter your name."},
	"serverUnavailable": {"The meeting cannot be reached at the moment", "It is just being started, or moves to another " +
		"server. Go back and try again in a few seconds."},
}

// unsaid is for everything else.
var unsaid = saying{"You could not join", "The link that brought you here did not work. " +
	"Go back to the page that it came from and try again."}

// words replaces what the address says by words of our own: anybody can make up an address, and must not be able to put
// words on this page.
func words(failed []joinError) (heading string, texts []string) {
	for _, e := range failed {
		said, ok := sayings[e.Key]
		if !ok {
			said = unsaid
		}
		if heading == "" {
			heading = said.heading
		}
		texts = append(texts, said.text)
	}
	return heading, texts
}
