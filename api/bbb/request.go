package bbb

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb/budget"
	"github.com/bbbpool/bbbpool/api/bbb/document"
)

// The bodies that calls take, by media type.
const (
	formType      = "application/x-www-form-urlencoded"
	multipartType = "multipart/form-data"
	xmlType       = "application/xml"
	textXMLType   = "text/xml"
)

var (
	forms      = []string{formType, multipartType}
	get        = []string{http.MethodGet}
	post       = []string{http.MethodPost}
	getAndPost = []string{http.MethodGet, http.MethodPost}
	reads      = []string{http.MethodGet, http.MethodHead, http.MethodPost} // HEAD must change nothing
)

// callName is what the name of a call looks like: "create", "hooks/list". It ends up in the URLs of servers.
var callName = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$`)

// shape is which methods a call is routed for, and which bodies it takes.
type shape struct {
	methods []string
	bodies  []string
}

// shapes are the calls of BigBlueButton 3.0. A call that is not listed is taken with GET and POST and any body: new
// releases bring some.
var shapes = map[string]shape{
	"create":                 {getAndPost, []string{formType, multipartType, xmlType, textXMLType}},
	"join":                   {get, forms},
	"isMeetingRunning":       {reads, forms},
	"end":                    {getAndPost, forms},
	"getMeetingInfo":         {reads, forms},
	"getMeetings":            {reads, forms},
	"getSessions":            {reads, forms},
	"insertDocument":         {post, []string{xmlType, textXMLType}}, // passed on as the former, the one that servers take
	"sendChatMessage":        {get, forms},
	"getRecordings":          {reads, forms},
	"updateRecordings":       {getAndPost, forms},
	"publishRecordings":      {get, forms},
	"deleteRecordings":       {get, forms},
	"getRecordingTextTracks": {reads, forms},
	"putRecordingTextTrack":  {post, []string{multipartType}},
}

// Methods returns the methods that a call is taken with.
func Methods(call string) []string {
	if want, known := shapes[call]; known {
		return want.methods
	}
	return getAndPost
}

// Request is a call as it came in. Until Verify has succeeded nothing in it can be trusted.
type Request struct {
	Call        string
	Params      Params
	ContentType string // of the body, as it was sent; "" without one
	Body        []byte // what is passed on beside the parameters: XML, a file; nil for forms, which are parameters

	KeepRaw bool   // set before ReadBody, Raw has the body as it came, whatever it is
	Raw     []byte // for whoever passes on the whole request

	checksum  string
	checksums int    // how many came
	query     string // what the checksum covers
	form      string // a form body, raw
	formAlone bool   // no parameters came in the query
	hasForm   bool   // the body, if there is one, is a form
	unfit     bool   // the body, if there is one, is of a type that the call does not take
	fields    Params // of a form of either kind
}

// ReadRequest reads a call of the API from HTTP: name, method, media type and size are checked, nothing is verified
// yet. Its errors are of type *Error.
func ReadRequest(r *http.Request, call string, maxBody int64) (*Request, error) {
	q, err := NewRequest(r, call)
	if err != nil {
		return nil, err
	}
	return q, q.ReadBody(r, maxBody)
}

// NewRequest is ReadRequest but for the body, which ReadBody reads. In between, a request that does not need its body
// for that can be verified, so that nobody who cannot sign makes us take in more than a query.
func NewRequest(r *http.Request, call string) (*Request, error) {
	if len(call) > 64 || !callName.MatchString(call) {
		return nil, ErrUnsupported
	}
	if !slices.Contains(Methods(call), r.Method) {
		return nil, ErrMethod
	}
	q := &Request{Call: call}
	if q.twoChecksums(countChecksums(r.URL.RawQuery)) {
		return nil, q.checksumError()
	}
	q.query, q.checksum = SplitChecksum(r.URL.RawQuery)
	q.formAlone = strings.Trim(q.query, "&") == ""
	var err error
	if q.Params, err = ParseParams(q.query); err != nil {
		return nil, err
	}
	media := mediaType(r.Header.Get("Content-Type"))
	q.hasForm = slices.Contains(forms, media)
	want, known := shapes[call]
	q.unfit = known && !slices.Contains(want.bodies, media)
	return q, nil
}

// NeedsBody tells whether the checksum may cover the body: where the query has no parameters and the body is a form.
func (q *Request) NeedsBody() bool { return q.formAlone && q.hasForm }

// ReadBody reads the body, up to a limit, and checks that it is what the call takes.
func (q *Request) ReadBody(r *http.Request, limit int64) error {
	body, err := readBody(r, limit)
	if q.KeepRaw {
		q.Raw = body
	}
	switch {
	case err != nil || len(body) == 0:
		return err
	case q.unfit:
		return ErrContentType
	}
	return q.setBody(r.Header.Get("Content-Type"), body)
}

// twoChecksums counts what a query or a form has, and tells whether that is more than one: then none of them verifies
// anything, as in BigBlueButton since 3.0.37, because readers may differ about which one counts. That of a form beside a
// signed query is dropped like all the form.
func (q *Request) twoChecksums(more int) bool {
	if q.formAlone {
		more += q.checksums
	}
	q.checksums = more
	return more > 1
}

// mediaType returns a Content-Type without its attributes, which BigBlueButton does not look at either.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// isXML tells whether a body of that type is read as XML by anybody: a call of tomorrow may take other types of it than
// those of today.
func isXML(media string) bool {
	return strings.HasSuffix(media, "/xml") || strings.HasSuffix(media, "+xml")
}

// readBody reads the body whole, up to a limit.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, ErrTooLarge
	}
	body, _, err := budget.Fill(r.Body, nil, limit+1) // a length that is only claimed gets no memory
	if err != nil {
		return nil, &Error{Key: "validationError", Message: "The request body ended early"}
	}
	if int64(len(body)) > limit {
		return nil, ErrTooLarge
	}
	return body, nil
}

// setBody keeps a form for Verify and everything else as the body to pass on.
func (q *Request) setBody(contentType string, body []byte) error {
	media := mediaType(contentType)
	if isXML(media) {
		if failed := unsound(document.Check(contentType, body)); failed != nil {
			return failed
		}
	}
	switch {
	case media == formType:
		return q.setForm(string(body))
	case media == multipartType && q.Call != "putRecordingTextTrack":
		return q.setMultipart(contentType, body)
	default:
		q.ContentType, q.Body = contentType, body
	}
	if media == textXMLType && q.Call == "insertDocument" {
		q.ContentType = xmlType + contentType[len(textXMLType)+strings.Index(strings.ToLower(contentType), textXMLType):]
	}
	return nil
}

// setForm reads a form, and keeps its text for Verify.
func (q *Request) setForm(body string) (err error) {
	if q.twoChecksums(countChecksums(body)) {
		return q.checksumError()
	}
	form, checksum := SplitChecksum(body)
	if q.checksum == "" {
		q.checksum = checksum
	}
	q.form = form
	q.fields, err = ParseParams(form)
	return err
}

// setMultipart reads the fields of a multipart form. Files in it belong to no call and are dropped.
func (q *Request) setMultipart(contentType string, body []byte) error {
	errMultipart := &Error{Key: "validationError", Message: "The multipart form cannot be read"}
	_, attrs, err := mime.ParseMediaType(contentType)
	if err != nil {
		return errMultipart
	}
	var params Params
	checksums := 0
	for reader := multipart.NewReader(bytes.NewReader(body), attrs["boundary"]); ; {
		part, err := reader.NextPart()
		if err == io.EOF { //nolint:errorlint // a form that is cut off ends with io.EOF wrapped
			break
		}
		if err != nil {
			return errMultipart
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return errMultipart
		}
		if len(params) == MaxParams {
			return errTooManyParams
		}
		if part.FileName() != "" {
			continue
		}
		p := Param{Name: clean(part.FormName()), Value: clean(string(value))}
		if p.Name == "checksum" {
			checksums++
			q.checksum = cmp.Or(q.checksum, p.Value)
		}
		params = append(params, p)
	}
	if q.twoChecksums(checksums) {
		return q.checksumError()
	}
	q.fields = params.distinct()
	return nil
}

// Verify tells which of the secrets signed the call, as an index, or fails with ErrChecksum.
//
// The parameters are those that the checksum covers. That is the query; only where the query has none, and the body is
// a form, may the checksum cover the form instead: as it was sent, or as BigBlueButton up to 2.7 rebuilt it, sorted and
// encoded anew. Form fields beside a signed query are not signed and are dropped. BigBlueButton 3.0 also takes a form
// under the checksum of an empty query, which anyone who ever saw one can replay with other fields: unsignedForms
// allows that.
func (q *Request) Verify(secrets []Secret, unsignedForms bool, allowed ...Algorithm) (int, error) {
	return q.VerifyWhere(secrets, nil, unsignedForms, allowed...)
}

// VerifyWhere is Verify where a secret may not count any more, or not now: that is asked of those alone that have made the
// checksum, so that a call signed with such a one takes as long as any other that is turned away.
func (q *Request) VerifyWhere(
	secrets []Secret, counts func(i int) bool, unsignedForms bool, allowed ...Algorithm,
) (int, error) {
	for _, way := range q.ways(unsignedForms) {
		if i := verify(q.Call, way.text, q.checksum, secrets, counts, allowed); i >= 0 {
			q.Params = way.params
			return i, nil
		}
	}
	return -1, q.checksumError()
}

// way is a text that the checksum may cover, and the parameters in it.
type way struct {
	text   string
	params Params
}

// ways are the texts that the checksum may cover, in the order in which they are tried.
func (q *Request) ways(unsignedForms bool) []way {
	if !q.formAlone || len(q.fields) == 0 {
		return []way{{q.query, q.Params}}
	}
	var ways []way
	if q.form != "" {
		ways = append(ways, way{q.form, q.fields})
	}
	ways = append(ways, way{sortedForm(q.fields), q.fields})
	if unsignedForms {
		ways = append(ways, way{q.query, q.fields})
	}
	return ways
}

// sortedForm is the query that BigBlueButton up to 2.7 made of a form: names ascending, values in Java's encoding.
func sortedForm(params Params) string {
	sorted := slices.Clone(params)
	slices.SortFunc(sorted, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	java := strings.NewReplacer("%2A", "*", "~", "%7E")
	var b strings.Builder
	for i, p := range sorted {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.Name + "=" + java.Replace(url.QueryEscape(p.Value)))
	}
	return b.String()
}

// checksumError is the error in the words of the call.
func (q *Request) checksumError() *Error {
	switch q.Call {
	case "getRecordings", "publishRecordings", "updateRecordings", "deleteRecordings",
		"getRecordingTextTracks", "putRecordingTextTrack":
		return ErrRecordingsChecksum
	}
	return ErrChecksum
}

var (
	errMalformed = &Error{Key: "malformedXml", Message: "The request body contains malformed XML."}
	errEncoding  = &Error{
		Key: "validationError", Message: "The request body is in an encoding that is not supported: use UTF-8",
	}
)

// unsound is what a front end is told of a body that is not XML for everybody.
func unsound(err error) *Error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, document.ErrEncoding):
		return errEncoding
	}
	return errMalformed
}
