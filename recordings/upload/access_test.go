package upload_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
)

// Only servers of the pool get in, also those that are disabled; who fails does not learn which servers there are.
func TestHandler_Token(t *testing.T) {
	p := start(t)
	token := func(id string, secret store.Secret) string {
		return "Bearer " + upload.Token(store.Server{ID: id, Secret: secret}).Reveal()
	}
	own := token(bbb1.ID, bbb1.Secret)
	tests := []struct {
		header string
		status int
	}{
		{own, http.StatusOK},
		{"bearer  " + strings.TrimPrefix(own, "Bearer "), http.StatusOK},
		{token("off", "s3cret"), http.StatusOK},
		{token("rekey", "new"), http.StatusOK}, // either of two, while its secret is being changed
		{token("rekey", "f0rmer"), http.StatusOK},
		{token("rekey", "s3cret"), http.StatusUnauthorized},
		{"Bearer rekey.", http.StatusUnauthorized},
		{"", http.StatusUnauthorized},
		{"Bearer", http.StatusUnauthorized},
		{"Bearer ", http.StatusUnauthorized},
		{"Bearer .", http.StatusUnauthorized},
		{"Bearer empty.", http.StatusUnauthorized},
		{token("empty", ""), http.StatusUnauthorized},
		{token("empty", "s3cret"), http.StatusUnauthorized},
		{token("unknown", "s3cret"), http.StatusUnauthorized},
		{token(bbb1.ID, "other"), http.StatusUnauthorized},
		{strings.Replace(own, bbb1.ID, "off", 1), http.StatusUnauthorized}, // another server's, with the same secret
		{"Bearer " + bbb1.ID + "." + bbb1.Secret.Reveal(), http.StatusUnauthorized},
		{"Basic " + strings.TrimPrefix(own, "Bearer "), http.StatusUnauthorized},
		{own + "0", http.StatusUnauthorized},
		{"Bearer " + strings.Repeat("a", 100_000) + ".b", http.StatusUnauthorized},
		{token("broken", "s3cret"), http.StatusServiceUnavailable}, // the store does not answer
	}
	said := map[string]bool{}
	for _, test := range tests {
		for method, path := range routes {
			r := request(t, method, p.url+path+"?"+query([]byte("x")), nil)
			r.Header.Set("Authorization", test.header)
			want := test.status
			if method == http.MethodPost && want == http.StatusOK {
				want = http.StatusAccepted // no byte has come yet
			}
			a := do(t, r)
			if a.status != want {
				t.Errorf("%s with %.60q: %+v, want %d", method, test.header, a, want)
			}
			if a.status == http.StatusUnauthorized {
				said[a.Error+a.header.Get("WWW-Authenticate")] = true
			}
		}
	}
	if len(said) != 1 {
		t.Errorf("refusals differ: %v", said)
	}
	for _, secret := range []string{bbb1.Secret.Reveal(), strings.TrimPrefix(own, "Bearer ")} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("%s is in the log:\n%s", secret, p.log)
		}
	}
}

// A token prints as nothing that could be used, and there is none for a server without a secret.
func TestToken(t *testing.T) {
	if token := upload.Token(bbb1); fmt.Sprint(token) != "***" || !strings.HasPrefix(token.Reveal(), bbb1.ID+".") {
		t.Errorf("token: %s", token.Reveal())
	}
	if token := upload.Token(store.Server{ID: "a"}); token != "" {
		t.Errorf("without a secret: %s", token.Reveal())
	}
	if token := upload.Token(store.Server{Secret: "a"}); token != "" {
		t.Errorf("without an ID: %s", token.Reveal())
	}
}

// routes are the paths of the package by their methods.
var routes = map[string]string{
	http.MethodGet:  "/api/v1/recordings/upload",
	http.MethodPost: "/api/v1/recordings",
}

// What does not make sense is refused before anything is read or written.
func TestHandler_Queries(t *testing.T) {
	p := start(t)
	sum := strings.Repeat("a", 64)
	good := "name=a.tar&length=5&sha256=" + sum
	const tooLarge = http.StatusRequestEntityTooLarge
	tests := []struct {
		query string
		get   int
		post  int
	}{
		{good, http.StatusOK, http.StatusAccepted},
		{"name=a.tar&length=5&sha256=" + strings.ToUpper(sum), http.StatusOK, http.StatusAccepted},
		{"", http.StatusBadRequest, http.StatusBadRequest},
		{"length=5&sha256=" + sum, http.StatusBadRequest, http.StatusBadRequest},
		{"name=a.tar&sha256=" + sum, http.StatusBadRequest, http.StatusLengthRequired},
		{"name=a.tar&length=5&offset=6&sha256=" + sum, http.StatusBadRequest, http.StatusBadRequest},
		{"name=a.tar&length=5&offset=1", http.StatusBadRequest, http.StatusBadRequest},
		{"name=a.tar&length=0&sha256=" + sum, http.StatusBadRequest, http.StatusBadRequest},
		{"name=a.tar&length=-1&sha256=" + sum, http.StatusBadRequest, http.StatusBadRequest},
		{"name=a.tar&length=%2B5&sha256=" + sum, http.StatusBadRequest, http.StatusBadRequest},
		{"name=a.tar&length=9223372036854775808&sha256=" + sum, http.StatusBadRequest, http.StatusBadRequest},
		{"name=a.tar&length=9223372036854775807&sha256=" + sum, tooLarge, tooLarge},
		{"name=a.tar&length=5&sha256=" + sum[1:], http.StatusBadRequest, http.StatusBadRequest},
		{"name=a.tar&length=5&sha256=g" + sum[1:], http.StatusBadRequest, http.StatusBadRequest},
		{good + "&name=b.tar", http.StatusBadRequest, http.StatusBadRequest},
		{good + "&tenant=b", http.StatusBadRequest, http.StatusBadRequest},
		{good + "&x=%zz", http.StatusBadRequest, http.StatusBadRequest},
		{good + ";a=b", http.StatusBadRequest, http.StatusBadRequest},
	}
	for _, test := range tests {
		if a := do(t, request(t, http.MethodGet, p.url+"/api/v1/recordings/upload?"+test.query, nil)); a.status != test.get {
			t.Errorf("GET %s: %+v, want %d", test.query, a, test.get)
		}
		if a := do(t, request(t, http.MethodPost, p.url+"/api/v1/recordings?"+test.query, nil)); a.status != test.post {
			t.Errorf("POST %s: %+v, want %d", test.query, a, test.post)
		}
	}
}

// hostile are names that no archive has.
var hostile = []string{
	"", ".", "..", ".tar", "../a.tar", "a/b.tar", "/etc/a.tar", `a\b.tar`, "-a.tar", ".a.tar", "a.tar/", "a.tar\n",
	"a\n.tar",
	"a.zip", "a.tar.exe", "a tar", "a.tarx", "a.TAR", "a\x00.tar", "ä.tar", "a$(id).tar", "a;b.tar", "a%2fb.tar",
	strings.Repeat("a", 202) + ".tar",
}

// Names that mean something to a file system or a shell are refused.
func TestHandler_Names(t *testing.T) {
	p := start(t)
	try := func(name string) int {
		query := url.Values{"name": {name}, "length": {"5"}, "sha256": {strings.Repeat("a", 64)}}.Encode()
		return do(t, request(t, http.MethodGet, p.url+"/api/v1/recordings/upload?"+query, nil)).status
	}
	for _, name := range hostile {
		if status := try(name); status != http.StatusBadRequest {
			t.Errorf("%q: %d", name, status)
		}
	}
	long := strings.Repeat("a", 201)
	for _, name := range []string{"a.tar", "A-1_b..c.tar", "a.tar.gz", "a.tgz", "a.tar.zst", long + ".tar"} {
		if status := try(name); status != http.StatusOK {
			t.Errorf("%q: %d", name, status)
		}
	}
}

// A form is no archive, whoever has made it one.
func TestHandler_ContentType(t *testing.T) {
	p := start(t)
	for kind, want := range map[string]int{
		"application/x-tar": http.StatusAccepted, "application/octet-stream": http.StatusAccepted, "": http.StatusAccepted,
		"application/gzip": http.StatusAccepted, "Application/X-Tar; a=b": http.StatusAccepted,
		"application/x-www-form-urlencoded": http.StatusUnsupportedMediaType,
		"multipart/form-data; boundary=a":   http.StatusUnsupportedMediaType, "/": http.StatusUnsupportedMediaType,
	} {
		r := request(t, http.MethodPost, p.url+"/api/v1/recordings?"+query([]byte("x")), nil)
		r.Header.Set("Content-Type", kind)
		if a := do(t, r); a.status != want {
			t.Errorf("%q: %+v, want %d", kind, a, want)
		}
	}
}

// The rest of the path belongs to the administration.
func TestHandler_Mount(t *testing.T) {
	p := start(t)
	for _, r := range []*http.Request{
		request(t, http.MethodGet, p.url+"/api/v1/recordings", nil),
		request(t, http.MethodPost, p.url+"/api/v1/servers", nil),
	} {
		response, err := http.DefaultClient.Do(r)
		if err != nil || response.StatusCode != http.StatusTeapot {
			t.Errorf("%s %s: %v %v", r.Method, r.URL.Path, response, err)
		}
		_ = response.Body.Close()
	}
}

// Whatever a query says, the answer is one of those that are documented, and nothing is accepted without bytes.
func FuzzHandler_Query(f *testing.F) {
	for _, name := range hostile {
		f.Add("name=" + url.QueryEscape(name) + "&length=5&sha256=" + strings.Repeat("a", 64))
	}
	f.Add("name=a.tar&length=5&offset=5&sha256=" + strings.Repeat("0", 64))
	f.Add("name=a.tar&length=9223372036854775807&offset=9223372036854775807")
	p := &pool{inbox: f.TempDir(), log: newLines()}
	p.Handler = &upload.Handler{
		Config: upload.Config{MaxUpload: 1 << 20, MaxUploads: 1}, Servers: servers{bbb1.ID: bbb1}, Dir: f.TempDir(),
		Room: func(int64) error { return nil }, Known: p.known, Accept: p.accept, Metrics: metrics.NewSet(),
	}
	mux := http.NewServeMux()
	p.Mount(mux)
	f.Fuzz(func(t *testing.T, query string) {
		for method, path := range routes {
			r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
			r.URL.RawQuery = query
			r.Header.Set("Authorization", "Bearer "+upload.Token(bbb1).Reveal())
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			switch w.Code {
			case http.StatusOK, http.StatusAccepted, http.StatusBadRequest, http.StatusConflict, http.StatusLengthRequired,
				http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
			default:
				t.Errorf("%s %q: %d %s", method, query, w.Code, w.Body)
			}
		}
		p.has(t)
	})
}
