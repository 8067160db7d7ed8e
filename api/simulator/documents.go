package simulator

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/fault"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// modules are what stands in the body of a create or an insertDocument.
type modules struct {
	names        []string // in the order they came in
	presentation *module
}

type module struct {
	Name      string     `xml:"name,attr"`
	Documents []document `xml:"document"`
}

type document struct {
	URL          string  `xml:"url,attr"`
	FileName     string  `xml:"filename,attr"`
	Name         string  `xml:"name,attr"`
	Current      string  `xml:"current,attr"`
	Downloadable string  `xml:"downloadable,attr"`
	Removable    *string `xml:"removable,attr"`
	Text         string  `xml:",chardata"`
}

var errModules = errors.New("modules: not well-formed")

// readModules reads the body. Of modules of the same name the last one counts.
func readModules(body []byte) (modules, error) {
	var mods modules
	if len(body) == 0 {
		return mods, nil
	}
	d := xml.NewDecoder(bytes.NewReader(body)) //nolint:gosec // bounded, into types of our own
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	seen := map[string]bool{}
	for depth := 0; ; {
		token, err := d.Token()
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth != 2 {
				continue
			}
			var m module
			if err := d.DecodeElement(&m, &t); err != nil {
				return modules{}, errModules
			}
			depth--
			if !seen[m.Name] && len(seen) < rooms.MaxDocuments {
				seen[m.Name] = true
				mods.names = append(mods.names, m.Name)
			}
			if m.Name == "presentation" {
				mods.presentation = &m
			}
		case xml.EndElement:
			depth--
		}
		switch {
		case errors.Is(err, io.EOF):
			return mods, nil
		case err != nil:
			return modules{}, errModules
		}
	}
}

// documentsOf returns the documents of a new meeting, the one to be shown first in front.
func documentsOf(mods modules, p bbb.Params) ([]rooms.Document, *bbb.Error) {
	documents, err := mods.documents()
	if err != nil {
		return nil, err
	}
	if link := p.Get("preUploadedPresentation"); rooms.IsURL(link) {
		documents = append(documents, rooms.Document{
			Name: cmp.Or(p.Get("preUploadedPresentationName"), path.Base(link)), URL: link, Removable: true,
		})
	}
	if len(documents) > 0 {
		documents[0].Current = true
	}
	return documents, nil
}

func (mods modules) documents() ([]rooms.Document, *bbb.Error) {
	if mods.presentation == nil {
		return nil, nil
	}
	var documents []rooms.Document
	for _, d := range mods.presentation.Documents {
		doc, ok, err := d.read()
		switch {
		case err != nil:
			return nil, err
		case !ok || len(documents) == rooms.MaxDocuments:
		case doc.Current && len(documents) > 0:
			documents = append([]rooms.Document{doc}, documents...)
		default:
			documents = append(documents, doc)
		}
	}
	return documents, nil
}

// read makes a Document of a <document>. BigBlueButton ignores one without content, or without a file extension.
func (d document) read() (doc rooms.Document, ok bool, err *bbb.Error) {
	doc = rooms.Document{
		Name: d.Name, URL: d.URL, Current: truth(d.Current, false), Downloadable: truth(d.Downloadable, false),
		Removable: d.Removable == nil || truth(*d.Removable, true),
	}
	if d.URL != "" {
		name := cmp.Or(d.FileName, path.Base(strings.SplitN(d.URL, "?", 2)[0]))
		if doc.Name, ok = decodeName(name); !ok {
			return rooms.Document{}, false, errFileName
		}
	} else {
		text := strings.Map(func(r rune) rune {
			if strings.ContainsRune(" \t\r\n", r) {
				return -1
			}
			return r
		}, d.Text)
		doc.Size = base64.StdEncoding.DecodedLen(len(text))
		if text == "" {
			return rooms.Document{}, false, nil
		}
	}
	return doc, path.Ext(doc.Name) != "", nil
}

func decodeName(s string) (string, bool) {
	name, err := url.QueryUnescape(s)
	return name, err == nil
}

// insertDocument adds documents to a meeting that goes on.
func (c *meetingCalls) insertDocument(w http.ResponseWriter, q *bbb.Request) {
	mods, err := readModules(q.Body)
	if err != nil {
		fault.WritePage(w, http.StatusInternalServerError)
		return
	}
	documents, _ := mods.documents()
	held, unlock := c.holdings.lock()
	defer unlock()
	id := q.Params.Get("meetingID")
	m := held.rooms.Find(id)
	x := &bbb.Builder{}
	x.Open("response")
	switch {
	case !m.GoesOn():
		succeed(w, x.Text("returncode", "FAILED").Text("message", "Meeting with id ["+id+"] not found."))
	case disabled(m.Params, "presentation"):
		succeed(w, x.Text("returncode", "FAILED").Text("message", "Presentation feature is disabled, ignoring."))
	case mods.presentation == nil:
		w.WriteHeader(http.StatusOK)
	default:
		m.AddDocuments(documents)
		succeed(w, bbb.Success().Text("message", "Presentation is being uploaded"))
	}
}
