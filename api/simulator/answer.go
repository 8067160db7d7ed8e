package simulator

import (
	"bytes"
	"io"
	"mime"
	"net/http"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

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

func succeed(w http.ResponseWriter, x *bbb.Builder) { bbb.WriteXML(w, http.StatusOK, x.Bytes()) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(rooms.EncodeJSON(v), '\n')) // the caller hung up: nobody is left to tell
}

// redirect sends a browser elsewhere.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}
