// Package web is what people see in a browser: for now one page, which says what answers here and, to somebody whose
// join did not work, why. It shows nothing that is not in the request.
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

// New reads the templates.
func New() (*Web, error) {
	page, err := template.ParseFS(files, "page.html")
	return &Web{page: page}, err
}

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
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	_ = h.page.Execute(w, words(problems[:min(len(problems), maxProblems)])) // the reader hung up
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
