package bbb_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// echo is what a server answers: about the meeting that it is asked for, and that alone.
func echo(r *http.Request) string {
	params, _ := bbb.ParseParams(r.URL.RawQuery) // as a server reads it
	id := params.Get("meetingID")
	x := bbb.Success()
	switch call := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; {
	case id == "unknown":
		x = (&bbb.Builder{}).Open("response").Text("returncode", "FAILED").Message("notFound", "No such meeting")
	case call == "getMeetings":
		x.Open("meetings").Open("meeting").Text("meetingID", "listed").Text("internalMeetingID", "i").
			Close("meeting").Close("meetings")
	case call == "isMeetingRunning":
		x.Text("running", "true")
	case call == "end":
		x.Message("sentEndMeetingRequest", "A request was sent")
	case call == "create":
		x.Text("meetingID", id).Text("internalMeetingID", "i-"+id).Text("createTime", "1")
	case call == "getMeetingInfo":
		x.Text("meetingName", id).Text("meetingID", id).Text("internalMeetingID", "i-"+id).Text("running", "true")
	default:
		x.Text("version", "2.0")
	}
	return plainReply("200 OK", string(x.Bytes()))
}

func plainReply(status, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// talk answers the requests of connections, all of them at the same time.
func talk(t *testing.T, serve func(c net.Conn, next func() (*http.Request, bool))) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				r := bufio.NewReader(c)
				serve(c, func() (*http.Request, bool) {
					req, err := http.ReadRequest(r)
					if err != nil {
						return nil, false
					}
					_, err = io.Copy(io.Discard, req.Body)
					return req, err == nil
				})
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		wg.Wait()
	})
	return "http://" + listener.Addr().String()
}

// strays are servers, or proxies before them, that say more on a connection than they are asked, or less.
var strays = map[string]func(c net.Conn, next func() (*http.Request, bool)){
	"twice at once":                  each(func(c net.Conn, _, answer string) { _, _ = io.WriteString(c, answer+answer) }),
	"twice, the second for the next": each(func(c net.Conn, last, answer string) { _, _ = io.WriteString(c, last+answer) }),
	"408 at once": each(func(c net.Conn, _, answer string) {
		_, _ = io.WriteString(c, answer+plainReply("408 Request Timeout", "slow"))
	}),
	"408 for the next": each(func(c net.Conn, last, answer string) {
		if last == "" {
			_, _ = io.WriteString(c, answer)
			return
		}
		_, _ = io.WriteString(c, plainReply("408 Request Timeout", "slow"))
		_ = c.Close()
	}),
	"garbage for the next": each(func(c net.Conn, last, answer string) {
		if last != "" {
			answer = "\x00\x01\x02" + answer
		}
		_, _ = io.WriteString(c, answer)
	}),
	"closes": each(func(c net.Conn, _, answer string) {
		_, _ = io.WriteString(c, answer)
		_ = c.Close()
	}),
	"closes at the next": each(func(c net.Conn, last, answer string) {
		if last == "" {
			_, _ = io.WriteString(c, answer)
			return
		}
		_ = c.Close()
	}),
	"cut off at the next": each(func(c net.Conn, last, answer string) {
		if last == "" {
			_, _ = io.WriteString(c, answer)
			return
		}
		_, _ = io.WriteString(c, answer[:len(answer)-5])
		_ = c.Close()
	}),
}

// each says something for each request of a connection: it is given the answer, and the one before.
func each(say func(c net.Conn, last, answer string)) func(net.Conn, func() (*http.Request, bool)) {
	return func(c net.Conn, next func() (*http.Request, bool)) {
		last := ""
		for req, ok := next(); ok; req, ok = next() {
			answer := echo(req)
			say(c, last, answer)
			last = answer
		}
	}
}

// Whatever is on a connection besides, an answer is about the meeting that was asked for, no create fails, and nothing
// is said against the server.
func TestClient_Strays(t *testing.T) {
	for name, serve := range strays {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, talk(t, serve))
			for i := range 60 {
				id := fmt.Sprint("room-", i)
				for _, call := range []string{"create", "getMeetingInfo"} {
					answer, err := client.Answer(t.Context(), call, "name=a&meetingID="+id)
					if err != nil || answer.Err != nil || answer.Get("meetingID") != id {
						t.Fatalf("%s of %s: %v %v, about %s", call, id, err, answer.Err, answer.Get("meetingID"))
					}
				}
				reply, err := client.Do(t.Context(), "getMeetings", "", "", nil)
				if err != nil {
					t.Fatal(err)
				}
				if list, _, err := bbb.ParseMeetings(reply.Body); err != nil || len(list) != 1 {
					t.Fatalf("getMeetings: %d meetings, %v", len(list), err)
				}
				if answer, err := client.Answer(t.Context(), "end", "meetingID="+id); err != nil || !ended(answer) {
					t.Fatalf("end: %v %v", err, answer)
				}
				if answer, err := client.Probe(t.Context()); err != nil || answer.Get("version") == "" {
					t.Fatalf("probe: %v", err)
				}
				if answer, err := client.Answer(t.Context(), "getMeetingInfo", "meetingID=unknown"); err != nil || answer.Err == nil {
					t.Fatalf("getMeetingInfo of an unknown meeting: %v %v", err, answer.Get("meetingID"))
				}
			}
		})
	}
}

func ended(a bbb.Answer) bool { return a.Err == nil && a.Get("messageKey") == "sentEndMeetingRequest" }

// The same for many callers at once.
func TestClient_StraysConcurrent(t *testing.T) {
	for name, serve := range strays {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, talk(t, serve))
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					for j := range 30 {
						id := fmt.Sprintf("room-%d-%d", i, j)
						call := []string{"create", "getMeetingInfo"}[j%2]
						answer, err := client.Answer(t.Context(), call, "meetingID="+id)
						if err != nil || answer.Err != nil || answer.Get("meetingID") != id {
							t.Errorf("%s of %s: %v %v, about %s", call, id, err, answer.Err, answer.Get("meetingID"))
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// A server that is asked once more is asked over a connection of its own, and what it says there counts.
func TestClient_StrayOnce(t *testing.T) {
	var asked atomic.Int32
	client := newClient(t, talk(t, func(c net.Conn, next func() (*http.Request, bool)) {
		for _, ok := next(); ok; _, ok = next() {
			asked.Add(1)
			_, _ = io.WriteString(c, plainReply("200 OK", string(bbb.Success().Text("meetingID", "another").Bytes())))
		}
	}))
	for range 2 {
		answer, err := client.Answer(t.Context(), "getMeetingInfo", "meetingID=room")
		if err != nil || answer.Get("meetingID") != "another" {
			t.Errorf("%v, about %q", err, answer.Get("meetingID"))
		}
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("asked %d times, want 3", n)
	}
}

// An answer to the call is not asked for twice, however the call is spelled.
func TestClient_NoStray(t *testing.T) {
	var asked atomic.Int32
	client := newClient(t, talk(t, func(c net.Conn, next func() (*http.Request, bool)) {
		for req, ok := next(); ok; req, ok = next() {
			asked.Add(1)
			_, _ = io.WriteString(c, echo(req))
		}
	}))
	queries := []string{
		"meetingID=room", "meeting%49D=room", "name=a&meetingID=%20r%26%3Co+m%20&x=1", "meetingID+=r%C3%B6m%00", "meetingID=%C2%A0room",
	}
	for _, call := range []string{"create", "getMeetingInfo", "getMeetings", "isMeetingRunning", "end", ""} {
		for _, query := range queries {
			if _, err := client.Answer(t.Context(), call, query); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, want := int(asked.Load()), 6*len(queries); n != want {
		t.Errorf("asked %d times, want %d", n, want)
	}
}

// What a used connection says that is the answer to another call is not taken for one: the call is asked once more, over a
// connection of its own.
func TestClient_StrayOfAnotherCall(t *testing.T) {
	for call, has := range map[string]func(bbb.Answer) bool{
		"getMeetings":      func(a bbb.Answer) bool { return a.Get("version") == "" },
		"isMeetingRunning": func(a bbb.Answer) bool { return a.Get("running") == "true" },
		"getMeetingInfo":   func(a bbb.Answer) bool { return a.Get("meetingID") == "room" },
		"end":              ended,
	} {
		var asked atomic.Int32
		client := newClient(t, talk(t, func(c net.Conn, next func() (*http.Request, bool)) {
			used := false
			for req, ok := next(); ok; req, ok = next() {
				asked.Add(1)
				answer := echo(req)
				if used {
					answer = plainReply("200 OK", string(bbb.Success().Text("version", "2.0").Bytes()))
				}
				used = true
				_, _ = io.WriteString(c, answer)
			}
		}))
		for range 2 {
			if answer, err := client.Answer(t.Context(), call, "meetingID=room"); err != nil || !has(answer) {
				t.Errorf("%s: %v, version %q", call, err, answer.Get("version"))
			}
		}
		if n := asked.Load(); n != 3 {
			t.Errorf("%s: asked %d times, want 3", call, n)
		}
	}
}
