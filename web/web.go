// Package web is what people see in a browser: for now one page, which says what answers here or, to somebody for whom
// something did not work, why. It shows no word of a request: whoever makes up an address cannot put words on it.
package web

import (
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
)

//go:embed page.html
var files embed.FS

// Web serves the pages.
type Web struct{ page *template.Template }

// New reads the templates, which are part of the program.
func New() *Web { return &Web{page: template.Must(template.ParseFS(files, "page.html"))} }

// Mount registers the pages.
func (h *Web) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", h.front)
}

// problem is an error as BigBlueButton appends it to the address that a failed join leads to.
type problem struct {
	Key string `json:"key"`
}

// maxProblems is how many errors are shown: a join has one.
const maxProblems = 5

// front says what is wrong with a join, or what this is.
func (h *Web) front(w http.ResponseWriter, r *http.Request) {
	var problems []problem
	if text := r.URL.Query().Get("errors"); text != "" && json.Unmarshal([]byte(text), &problems) != nil {
		problems = []problem{{}}
	}
	p := page{"bbbpool", "BigBlueButton meetings", []string{"This address is for front ends. " +
		"Meetings are started and joined from the page of your school or university."}}
	if len(problems) > 0 {
		p = page{"This did not work", "You could not join", words(problems[:min(len(problems), maxProblems)])}
	}
	h.write(w, http.StatusOK, p)
}

// Problem writes a page that says to a person what did not work, and what to do about it. Neither title nor text may
// come from a request.
func (h *Web) Problem(w http.ResponseWriter, _ *http.Request, status int, title, text string) {
	h.write(w, status, page{title, title, []string{text}})
}

// page is what is on a page.
type page struct {
	Title   string
	Heading string
	Texts   []string
}

func (h *Web) write(w http.ResponseWriter, status int, p page) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_ = h.page.Execute(w, p) // the reader hung up
}

// sentences say in plain words what an error means for the person in front of it.
var sentences = map[string]string{
	"invalidMeetingIdentifier": "This meeting is not running. It may not have started yet, or be over already. " +
		"Go back and try again in a moment, or ask whoever invited you.",
	"checksumError":        "This link is not valid. Go back to the page that it came from and follow it again.",
	"missingParamFullName": "The link does not say who you are. Go back and enter your name.",
	"serverUnavailable":    "The meeting is just being started. Go back and try again in a few seconds.",
}

// words replaces what the address says by sentences of our own: anybody can make up an address, and must not be able
// to put words on this page.
func words(problems []problem) []string {
	var list []string
	for _, p := range problems {
		sentence := sentences[p.Key]
		if sentence == "" {
			sentence = "The link that brought you here did not work. Go back to the page that it came from and try again."
		}
		list = append(list, sentence)
	}
	return list
}
