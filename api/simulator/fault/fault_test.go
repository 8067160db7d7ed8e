package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/fault"
)

// quiet returns a port that nobody answers at, to ask it for answers directly.
func quiet(t *testing.T) *fault.Port {
	t.Helper()
	port, err := fault.Listen(fault.Options{
		Name: "sim1", Addr: "127.0.0.1:0", MaxBody: 10, Report: func(err error) { t.Error(err) },
		HTTP: func() *http.Server { return &http.Server{ReadHeaderTimeout: time.Minute} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// ask has a call answered as the fault would have it. What is cut off has no answer.
func ask(ctx context.Context, port *fault.Port, call string, answer http.HandlerFunc) (w *httptest.ResponseRecorder) {
	defer func() {
		if err, ok := recover().(error); ok && errors.Is(err, http.ErrAbortHandler) {
			w = nil
		}
	}()
	w = httptest.NewRecorder()
	port.Arrived()(call, answer, w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/"+call, strings.NewReader("body")))
	return w
}

// found answers with a page that is not found, and says what was sent.
func found(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(append([]byte("<response><meetingName>Maths</meetingName>"), append(body, "</response>"...)...))
}

// What cannot go wrong so is refused, with what it would have to be.
func TestPort_Refused(t *testing.T) {
	port := quiet(t)
	defer port.Close()
	for says, f := range map[string]fault.Fault{
		`fault "": want one of`:                  {},
		`fault "flood": want one of`:             {Kind: "flood"},
		"status 404: want one from 500 to 599":   {Kind: fault.ServerError, Status: 404},
		"status 600: want one from 500 to 599":   {Kind: fault.ServerError, Status: 600},
		"delay -1s: want one from 0 to 1h":       {Kind: fault.Slow, Delay: -time.Second},
		"delay 1h0m1s: want one from 0 to 1h":    {Kind: fault.Slow, Delay: time.Hour + time.Second},
		`fault "refuse": concerns all calls`:     {Kind: fault.Refuse, Calls: []string{"create"}},
		`fault "black-hole": concerns all calls`: {Kind: fault.BlackHole, Calls: []string{"create"}},
	} {
		if err := port.Fail(f); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if f, ok := port.Current(); ok {
		t.Errorf("it suffers %+v", f)
	}
	if err := port.Fail(fault.Fault{Kind: fault.ServerError}); err != nil {
		t.Fatal(err)
	}
	if f, _ := port.Current(); f.Status != http.StatusInternalServerError {
		t.Errorf("without a status it is %d", f.Status)
	}
	for _, text := range []string{`{"kind":"slow","delay":"soon"}`, `{"kind":1}`, `[]`} {
		if err := json.Unmarshal([]byte(text), new(fault.Fault)); err == nil {
			t.Errorf("%s is read", text)
		}
	}
}

// What is spoilt keeps its status and headers, and has the length that it has.
func TestAnswer_Spoilt(t *testing.T) {
	port := quiet(t)
	defer port.Close()
	const whole = "<response><meetingName>Maths</meetingName>body</response>"
	for kind, body := range map[fault.Kind]string{
		fault.Garbage:     "\x00\x9f\x92\x96 <<< this is not the answer that you are looking for",
		fault.Truncated:   whole[:len(whole)/2],
		fault.Malformed:   "<response><meetingName>Maths \x01\xff & <b</meetingName>body</response>",
		fault.ServerError: "<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>\n",
	} {
		if err := port.Fail(fault.Fault{Kind: kind, Status: 502}); err != nil {
			t.Fatal(err)
		}
		w := ask(t.Context(), port, "create", found)
		status, media := http.StatusNotFound, "text/xml"
		if kind == fault.ServerError {
			status, media = http.StatusBadGateway, "text/html; charset=utf-8"
		}
		if w.Code != status || w.Body.String() != body || w.Header().Get("Content-Type") != media {
			t.Errorf("%s: %d, %q, %v", kind, w.Code, w.Body, w.Header())
		}
	}
	if err := port.Fail(fault.Fault{Kind: fault.Malformed}); err != nil {
		t.Fatal(err)
	}
	for answer, want := range map[string]string{
		"<returncode>SUCCESS</returncode>x": "<returncode>SUCCESS</returncode> \x01\xff & <bx",
		"{}":                                " \x01\xff & <b{}",
	} {
		w := ask(t.Context(), port, "create", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d, %q", answer, w.Code, w.Body)
		}
	}
}

// A slow answer comes whatever becomes of the caller or the fault, unless the port is closed. What hangs is cut off, by
// healing as well.
func TestAnswer_Waits(t *testing.T) {
	for name, c := range map[string]struct {
		fault   fault.Fault
		happens func(port *fault.Port, hangUp func()) // after a minute
		after   time.Duration                         // the answer; 0 is none
	}{
		"slow":                {fault.Fault{Kind: fault.Slow, Delay: 8 * time.Second}, nil, 8 * time.Second},
		"slow, hung up":       {fault.Fault{Kind: fault.Slow, Delay: 2 * time.Minute}, func(_ *fault.Port, hangUp func()) { hangUp() }, 2 * time.Minute},
		"slow, healed":        {fault.Fault{Kind: fault.Slow, Delay: 2 * time.Minute}, func(p *fault.Port, _ func()) { _ = p.Heal() }, 2 * time.Minute},
		"slow, closed":        {fault.Fault{Kind: fault.Slow, Delay: 2 * time.Minute}, func(p *fault.Port, _ func()) { p.Close() }, 0},
		"slow, other calls":   {fault.Fault{Kind: fault.Slow, Delay: time.Hour, Calls: []string{"end"}}, nil, time.Nanosecond},
		"hang, healed":        {fault.Fault{Kind: fault.Hang}, func(p *fault.Port, _ func()) { _ = p.Heal() }, 0},
		"hang, hung up":       {fault.Fault{Kind: fault.Hang}, func(_ *fault.Port, hangUp func()) { hangUp() }, 0},
		"hang, closed":        {fault.Fault{Kind: fault.Hang}, func(p *fault.Port, _ func()) { p.Close() }, 0},
		"hang, another fault": {fault.Fault{Kind: fault.Hang}, func(p *fault.Port, _ func()) { _ = p.Fail(fault.Fault{Kind: fault.Garbage}) }, 0},
		"refuse, healed":      {fault.Fault{Kind: fault.Refuse}, func(p *fault.Port, _ func()) { _ = p.Heal() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				port := quiet(t)
				if err := port.Fail(c.fault); err != nil {
					t.Fatal(err)
				}
				waits(t, port, c.happens, c.after)
				if leave, open := port.Enter(); open {
					leave()
					port.Close()
				}
			})
		})
	}
}

// waits checks when a call is answered, and that it gets the body that came with it.
func waits(t *testing.T, port *fault.Port, happens func(*fault.Port, func()), after time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began, answered := time.Now(), make(chan *httptest.ResponseRecorder, 1)
	go func() { answered <- ask(ctx, port, "create", found) }()
	if happens != nil {
		time.Sleep(time.Minute)
		happens(port, cancel)
	}
	w := <-answered
	switch took := time.Since(began); {
	case after == 0 && w != nil:
		t.Errorf("it is answered, after %s: %d", took, w.Code)
	case after == 0 && took != time.Minute:
		t.Errorf("it is cut off after %s", took)
	case after != 0 && (w == nil || took.Round(time.Second) != after.Round(time.Second) || !strings.Contains(w.Body.String(), "body")):
		t.Errorf("after %s: %v", took, w)
	}
}
