package upload

import (
	"encoding/hex"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/quantity"
)

// archiveName is what an archive may be called: nothing that means something to a file system, a shell or a log.
var archiveName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.(tar|tar\.gz|tgz|tar\.zst)$`)

// contentTypes are what archives are sent as. A form is none: what a browser or a careless client makes of an archive
// there is no archive any more.
var contentTypes = []string{
	"application/x-tar", "application/octet-stream", "application/gzip", "application/x-gzip", "application/zstd",
}

// request is what a sender says of an archive.
type request struct {
	name   string
	sha256 string // "" if the sender does not know
	length int64
	offset int64 // of the first byte of the body
}

// parseGet reads a question for what is here.
func (h *Handler) parseGet(r *http.Request) (request, error) {
	q, err := h.parse(r, "name", "length", "sha256")
	if err != nil {
		return q, err
	}
	if q.sha256 == "" || q.length < 0 {
		return q, invalid("name, length and sha256 are needed to find an upload")
	}
	return q, nil
}

// parsePost reads what comes with a body.
func (h *Handler) parsePost(r *http.Request) (request, error) {
	if kind := r.Header.Get("Content-Type"); kind != "" {
		media, _, err := mime.ParseMediaType(kind)
		if err != nil || !slices.Contains(contentTypes, media) {
			return request{}, refuse(http.StatusUnsupportedMediaType, "content-type",
				"send the archive itself as the body, with Content-Type: application/x-tar")
		}
	}
	q, err := h.parse(r, "name", "length", "sha256", "offset")
	if err != nil {
		return q, err
	}
	switch {
	case q.length < 0:
		return q, refuse(http.StatusLengthRequired, "length", "tell the length of the archive, as length or Content-Length")
	case q.offset > q.length:
		return q, invalid("offset %d is behind the end: the length is %d", q.offset, q.length)
	case r.ContentLength > q.length-q.offset:
		return q, invalid("%d bytes from offset %d on are more than the length %d", r.ContentLength, q.offset, q.length)
	case q.sha256 == "" && q.offset > 0:
		return q, invalid("without sha256 an archive is sent whole, from offset 0")
	}
	return q, nil
}

// parse reads a query strictly: a name that is misspelt, or there twice, is not guessed at.
func (h *Handler) parse(r *http.Request, names ...string) (request, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return request{}, invalid("the query cannot be read: percent-encode the values")
	}
	for name, values := range query {
		if !slices.Contains(names, name) || len(values) != 1 {
			return request{}, invalid("the query takes each of these once: %s", strings.Join(names, ", "))
		}
	}
	q := request{name: query.Get("name"), sha256: strings.ToLower(query.Get("sha256")), length: -1}
	if r.Method == http.MethodPost && r.ContentLength > 0 {
		q.length = r.ContentLength
	}
	for name, target := range map[string]*int64{"length": &q.length, "offset": &q.offset} {
		if text, given := query[name]; given {
			n, err := strconv.ParseUint(text[0], 10, 63)
			if err != nil {
				return q, invalid("%s: want a number of bytes", name)
			}
			*target = int64(n)
		}
	}
	return q, h.validate(q)
}

// validate tells what is wrong with an archive, whatever is done with it.
func (h *Handler) validate(q request) error {
	if !archiveName.MatchString(q.name) {
		return invalid("name: want that of an archive, such as RECORDID.tar, of at most 200 letters, digits and . _ -")
	}
	if digest, err := hex.DecodeString(q.sha256); err != nil || q.sha256 != "" && len(digest) != 32 {
		return invalid("sha256: want 64 hexadecimal digits")
	}
	if q.length == 0 {
		return invalid("length: an archive is not empty")
	}
	if q.length > int64(h.Config.MaxUpload) {
		return refuse(http.StatusRequestEntityTooLarge, "too-large",
			"the archive has %d bytes (%s), and --max-upload of the pool is %s: raise it there, or send less at once",
			q.length, quantity.Size(q.length), h.Config.MaxUpload)
	}
	return nil
}
