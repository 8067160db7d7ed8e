package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// refuseCall answers a call that did not pass. A join tells the browser where to go, even then.
func (s *Server) refuseCall(name string, w http.ResponseWriter, q *bbb.Request, err error) {
	failed, ok := errors.AsType[*bbb.Error](err)
	if !ok {
		failed = bbb.ErrInternal
	}
	if name == "join" {
		var params bbb.Params
		if q != nil {
			params = q.Params
		}
		s.redirectError(w, params, failed)
		return
	}
	fail(w, failed)
}

// takeDocument takes the body of a create or an insertDocument from the request if it is XML. BigBlueButton answers
// malformed XML with status 500, once the checksum is right, so package bbb must not see it: it is kinder, to text/xml
// for an insertDocument as well.
func takeDocument(name string, r *http.Request) ([]byte, *bbb.Error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == "text/xml" && name == "insertDocument" {
		return nil, bbb.ErrContentType
	}
	isXML := media == "application/xml" || media == "text/xml"
	if r.Method != http.MethodPost || !isXML || name != "create" && name != "insertDocument" {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxBody)) // who still sends would not hear the answer
		return nil, bbb.ErrTooLarge
	}
	r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil
	return bytes.TrimSpace(body), nil
}

func fail(w http.ResponseWriter, e *bbb.Error) { bbb.WriteError(w, e) }

// failPage is what BigBlueButton shows when something went wrong that it did not expect.
func failPage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>"+http.StatusText(status)+"</title></head><body><h1>"+
		http.StatusText(status)+"</h1></body></html>\n")
}

func succeed(w http.ResponseWriter, x *bbb.Builder) { bbb.WriteXML(w, http.StatusOK, x.Bytes()) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(encode(v), '\n')) // the caller hung up: nobody is left to tell
}

// encode returns one of our own values as JSON, without escaping "&" and the like.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // a channel in it, or a function: a mistake of ours
	}
	return bytes.TrimSpace(b.Bytes())
}
