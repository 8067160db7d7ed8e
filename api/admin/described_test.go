package admin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// document is openapi.json, as far as requests and answers are held to it.
type document struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`

	routes *http.ServeMux // finds the path of a request
}

type operation struct {
	Parameters []parameter        `json:"parameters"`
	Body       content            `json:"requestBody"`
	Responses  map[string]content `json:"responses"`
}

type parameter struct {
	Name string `json:"name"`
	In   string `json:"in"`
}

type content struct {
	Content map[string]struct {
		Schema schema `json:"schema"`
	} `json:"content"`
}

// readDocument reads openapi.json once.
var readDocument = sync.OnceValues(func() (d document, err error) {
	text, err := os.ReadFile("openapi.json")
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	d.routes = http.NewServeMux()
	for path, methods := range d.Paths {
		for method := range methods {
			d.routes.HandleFunc(strings.ToUpper(method)+" "+v1.Prefix+path, func(http.ResponseWriter, *http.Request) {})
		}
	}
	return d, err
})

// hold holds every answer of a handler to openapi.json, and what was asked where that was done: whatever a test asks, callers
// that are made from the description would have understood it.
func hold(t *testing.T, h http.Handler) http.Handler {
	t.Helper()
	d, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked bytes.Buffer
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &asked), r.Body}
		seen := &witness{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(seen, r)
		for _, mistake := range d.mistakes(r, asked.Bytes(), seen) {
			t.Errorf("%s %s is not as it is described: %s", r.Method, r.URL, mistake)
		}
	})
}

// witness keeps what is answered.
type witness struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *witness) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *witness) Write(p []byte) (int, error) {
	w.body.Write(p)
	return w.ResponseWriter.Write(p)
}

func (d document) mistakes(r *http.Request, asked []byte, answer *witness) []string {
	_, pattern := d.routes.Handler(r)
	_, path, _ := strings.Cut(pattern, v1.Prefix)
	op, ok := d.Paths[path][strings.ToLower(r.Method)]
	if answer.status >= http.StatusBadRequest {
		return d.check("the error", d.Components.Schemas["Error"], answer.body.Bytes())
	}
	if !ok {
		return []string{"there is no such operation"}
	}
	var list []string
	for name := range r.URL.Query() {
		ours := r.Host == "bbbpool" // the client's; others ask for what they like, and get what is there
		if ours && !slices.Contains(op.Parameters, parameter{name, "query"}) && !strings.HasPrefix(name, "meta.") {
			list = append(list, "parameter "+name)
		}
	}
	body, taken := op.Body.Content["application/json"]
	switch asked := bytes.TrimSpace(asked); {
	case len(asked) == 0:
	case taken:
		list = append(list, d.check("the body", body.Schema, asked)...)
	case string(asked) != "{}" && string(asked) != "null":
		list = append(list, "it has a body")
	}
	return append(list, d.answered(op, answer)...)
}

// answered tells what is wrong with an answer to something that was done.
func (d document) answered(op operation, answer *witness) (list []string) {
	described, ok := op.Responses[fmt.Sprint(answer.status)]
	if !ok {
		return []string{fmt.Sprintf("status %d", answer.status)}
	}
	if len(described.Content) == 0 && answer.body.Len() == 0 {
		return nil
	}
	kind := answer.Header().Get("Content-Type")
	body, ok := described.Content[kind]
	switch {
	case !ok:
		return []string{fmt.Sprintf("content type %q", kind)}
	case kind == "application/octet-stream": // a file that says itself whether it is whole
		return nil
	case kind == "application/json":
		return d.check("the answer", body.Schema, answer.body.Bytes())
	}
	for line := range bytes.Lines(answer.body.Bytes()) {
		if !bytes.HasPrefix(line, []byte(`{"code":`)) { // an error that comes too late for a status
			list = append(list, d.check("a line", body.Schema, line)...)
		}
	}
	return list
}

// check tells what is wrong with a value in JSON.
func (d document) check(what string, s schema, text []byte) []string {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return []string{fmt.Sprintf("%s is no JSON: %v", what, err)}
	}
	return d.fits(what, s, value)
}

// fits tells where a value is not as its schema says.
func (d document) fits(at string, s schema, value any) (list []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.fits(at, d.Components.Schemas[name], value)
	}
	for _, part := range s.AllOf {
		list = append(list, d.fits(at, part, value)...)
	}
	if len(s.AnyOf) > 0 && !slices.ContainsFunc(s.AnyOf, func(one schema) bool { return len(d.fits(at, one, value)) == 0 }) {
		return []string{at + " fits none"}
	}
	if s.Enum != nil && !slices.Contains(s.Enum, value) {
		list = append(list, fmt.Sprintf("%s: %v is none of %v", at, value, s.Enum))
	}
	if !s.takes(value) {
		return append(list, fmt.Sprintf("%s: %v is no %v", at, value, s.Type))
	}
	switch value := value.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, value); s.Format == "date-time" && (err != nil || !strings.HasSuffix(value, "Z")) {
			list = append(list, at+": no time in UTC: "+value)
		}
	case []any:
		for i, one := range value {
			if s.Items != nil {
				list = append(list, d.fits(fmt.Sprintf("%s[%d]", at, i), *s.Items, one)...)
			}
		}
	case map[string]any:
		list = append(list, d.fitsObject(at, s, value)...)
	}
	return list
}

// fitsObject is fits of an object. One of which no property is described may have any.
func (d document) fitsObject(at string, s schema, value map[string]any) (list []string) {
	for _, name := range s.Required {
		if _, ok := value[name]; !ok {
			list = append(list, at+"."+name+" is missing")
		}
	}
	for name, one := range value {
		property, ok := s.Properties[name]
		switch {
		case ok:
			list = append(list, d.fits(at+"."+name, property, one)...)
		case s.Values != nil:
			list = append(list, d.fits(at+"."+name, *s.Values, one)...)
		case s.Type == "object" && s.Properties != nil:
			list = append(list, at+"."+name+" is not described")
		}
	}
	return list
}

// takes tells whether a value has the type of a schema, or one of its types; one without takes all.
func (s schema) takes(value any) bool {
	words, _ := s.Type.([]any)
	if word, ok := s.Type.(string); ok {
		words = []any{word}
	}
	kinds := []any{"object"}
	switch value := value.(type) {
	case nil:
		kinds = []any{"null"}
	case string:
		kinds = []any{"string"}
	case bool:
		kinds = []any{"boolean"}
	case json.Number:
		kinds = []any{"number"}
		if _, err := value.Int64(); err == nil {
			kinds = append(kinds, "integer")
		}
	case []any:
		kinds = []any{"array"}
	}
	return words == nil || slices.ContainsFunc(words, func(word any) bool { return slices.Contains(kinds, word) })
}

// What does not fit a description is found: a missing name, one too many, another kind, a word that is none of those.
func TestDocument_Check(t *testing.T) {
	d, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		`{"code":"path","error":"y"}`:       "",
		`{"code":"path"}`:                   "it.error is missing",
		`{"code":"path","error":"y","z":1}`: "it.z is not described",
		`{"code":"path","error":5}`:         "it.error: 5 is no string",
		`{"code":"path","error":null}`:      "it.error: <nil> is no string",
		`["code"]`:                          "it: [code] is no object",
		`{"code":`:                          "it is no JSON: unexpected EOF",
	}
	for text, want := range tests {
		if got := strings.Join(d.check("it", d.Components.Schemas["Error"], []byte(text)), "; "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	subject := d.Components.Schemas["Subject"]
	if got := d.check("it", subject, []byte(`{"kind":"planet"}`)); len(got) != 1 || !strings.Contains(got[0], "planet is none of") {
		t.Errorf("a word that is none of those: %q", got)
	}
	if got := d.check("it", d.Components.Schemas["Fullness"].Properties["at"], []byte(`"2026-03-01T09:00:00+02:00"`)); len(got) != 1 {
		t.Errorf("a time elsewhere: %q", got)
	}
}
