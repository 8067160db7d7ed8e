package fault_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/fault"
)

// listen opens a port on which everything is answered with a little XML.
func listen(t *testing.T) *fault.Port {
	t.Helper()
	var port *fault.Port
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave, ok := port.Enter()
		if !ok {
			panic(http.ErrAbortHandler)
		}
		defer leave()
		port.Arrived()(strings.TrimPrefix(r.URL.Path, "/"), func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<response><returncode>SUCCESS</returncode></response>")
		}, w, r)
	})
	port, err := fault.Listen(fault.Options{
		Name: "sim1", Addr: "127.0.0.1:0", MaxBody: 1 << 10, Report: func(err error) { t.Error(err) },
		HTTP: func() *http.Server { return &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute} },
	})
	if err != nil {
		t.Fatal(err)
	}
	port.Start()
	return port
}

func get(t *testing.T, port *fault.Port, call string) (int, string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + port.Addr().String() + "/" + call)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// A port keeps its number through refusal, has one fault at a time, and only calls that it concerns suffer it.
func TestPort(t *testing.T) {
	port := listen(t)
	addr := port.Addr().String()
	fail := func(f fault.Fault) {
		t.Helper()
		if err := port.Fail(f); err != nil {
			t.Fatal(err)
		}
	}
	fail(fault.Fault{Kind: fault.ServerError, Calls: []string{"create"}, Status: 503})
	if status, _, err := get(t, port, "create"); status != 503 || err != nil {
		t.Errorf("create: %d, %v", status, err)
	}
	if status, _, err := get(t, port, "join"); status != 200 || err != nil {
		t.Errorf("join: %d, %v", status, err)
	}
	fail(fault.Fault{Kind: fault.Malformed})
	if _, body, err := get(t, port, "create"); !strings.Contains(body, "\x01\xff & <b") || err != nil {
		t.Errorf("malformed: %q, %v", body, err)
	}
	fail(fault.Fault{Kind: fault.Refuse})
	if _, _, err := get(t, port, "join"); err == nil {
		t.Error("it answers")
	}
	if f, ok := port.Current(); !ok || f.Kind != fault.Refuse {
		t.Errorf("the fault is %+v", f)
	}
	if err := port.Heal(); err != nil {
		t.Fatal(err)
	}
	if status, _, err := get(t, port, "join"); status != 200 || err != nil || port.Addr().String() != addr {
		t.Errorf("healed: %d, %v, at %s", status, err, port.Addr())
	}
	port.Close()
	if _, ok := port.Enter(); ok {
		t.Error("a request gets in after the end")
	}
	if err := port.Fail(fault.Fault{Kind: fault.Hang}); err == nil || err.Error() != "sim1: closed" {
		t.Errorf("closed: %v", err)
	}
}

// What the control port writes it reads.
func TestFault_JSON(t *testing.T) {
	for text, want := range map[string]fault.Fault{
		`{"kind":"slow","calls":["create"],"delay":"8s"}`: {Kind: fault.Slow, Calls: []string{"create"}, Delay: 8 * time.Second},
		`{"kind":"5xx","status":502}`:                     {Kind: fault.ServerError, Status: 502},
		`{"kind":"hang"}`:                                 {Kind: fault.Hang},
	} {
		var got fault.Fault
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Kind != want.Kind || got.Delay != want.Delay ||
			got.Status != want.Status || len(got.Calls) != len(want.Calls) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if b, err := json.Marshal(want); err != nil || string(b) != text {
			t.Errorf("%+v: %s, %v", want, b, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"kind":"slow","delays":"8s"}`), new(fault.Fault)); err == nil {
		t.Error("a misspelt name is lost")
	}
}
