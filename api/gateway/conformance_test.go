package gateway_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// node is an element of XML.
type node struct {
	name, attrs, text string
	children          []*node
}

// parse reads an answer as a tree.
func parse(t *testing.T, body string) *node {
	t.Helper()
	stack := []*node{{}}
	for d := xml.NewDecoder(strings.NewReader(body)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return stack[0]
		}
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		top := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			n := &node{name: token.Name.Local, attrs: fmt.Sprint(token.Attr)}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(token)
		}
	}
}

// child returns the first element with that path, or an empty one.
func (n *node) child(path ...string) *node {
	for _, name := range path {
		i := slices.IndexFunc(n.children, func(c *node) bool { return c.name == name })
		if i < 0 {
			return &node{}
		}
		n = n.children[i]
	}
	return n
}

// canonical prints a tree. What BigBlueButton leaves to chance is sorted, and the breakout of what is none left out.
func (n *node) canonical() string {
	var parts []string
	for _, c := range n.children {
		if c.name != "breakout" || c.child("parentId").text != "unknown" {
			parts = append(parts, c.canonical())
		}
	}
	if n.name == "recordings" || n.name == "metadata" {
		slices.Sort(parts)
	}
	return "<" + n.name + n.attrs + ">" + n.text + strings.Join(parts, "\n") + "</" + n.name + ">"
}

func (n *node) number(t *testing.T, path ...string) int64 {
	t.Helper()
	i, err := strconv.ParseInt(n.child(path...).text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// imported makes the record of a recording that a server shows.
func imported(t *testing.T, n *node, origin string) store.Recording {
	t.Helper()
	r := store.Recording{
		RecordID: n.child("recordID").text, Tenant: store.DefaultTenant, MeetingID: n.child("meetingID").text,
		Name: n.child("name").text, State: store.RecordingState(n.child("state").text),
		Start: time.UnixMilli(n.number(t, "startTime")), End: time.UnixMilli(n.number(t, "endTime")),
		Participants: int(n.number(t, "participants")), RawSize: n.number(t, "rawSize"), Meta: map[string]string{},
	}
	for _, m := range n.child("metadata").children {
		r.Meta[m.name] = m.text
	}
	if n.child("isBreakout").text == "true" {
		r.Breakout = &store.Breakout{
			Parent: n.child("breakout", "parentId").text, Sequence: int(n.number(t, "breakout", "sequence")),
		}
	}
	for _, f := range n.child("playback").children {
		format := store.Format{
			Type: f.child("type").text, Path: strings.TrimPrefix(f.child("url").text, origin), Size: f.number(t, "size"),
			Length:         time.Duration(f.number(t, "length")) * time.Minute,
			ProcessingTime: time.Duration(f.number(t, "processingTime")) * time.Millisecond,
		}
		for _, i := range f.child("preview", "images").children {
			format.Images = append(format.Images, store.Image{
				Width: 176, Height: 136, Alt: "Welcome to " + r.Name, Path: strings.TrimPrefix(i.text, origin),
			})
		}
		r.Formats = append(r.Formats, format)
	}
	return r
}

// exam is a simulated server and a pool with the same recordings.
type exam struct {
	*pool
	server *simulator.Server
	origin string
	ids    []string
}

func newExam(t *testing.T) *exam {
	t.Helper()
	var now atomic.Int64 // in milliseconds
	now.Store(1_760_000_000_123)
	sim, err := simulator.New(simulator.Config{Now: func() time.Time { return time.UnixMilli(now.Load()) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	sim.Start()
	e := &exam{pool: bare(&pool{tb: t}, settings{}), server: sim.Servers()[0]}
	e.origin = strings.TrimSuffix(e.server.URL(), "/bigbluebutton/api")
	for i, more := range []string{
		"&meta_topic=Go", "&meta_topic=Go+on&meta_Course=A1", "&meta_course=A1&meta_empty=", "&meta_topic=%3Cxml%3E+%26",
		"&isBreakout=true&sequence=2&parentMeetingID=room-0&meta_topic=Go", "",
	} {
		now.Add(time.Minute.Milliseconds())
		e.ask(t, "create", fmt.Sprintf("meetingID=room-%d&name=Room+%%26+%d&record=true&attendeePW=ap&moderatorPW=mp%s", i, i, more))
		e.ask(t, "join", fmt.Sprintf("meetingID=room-%d&fullName=Ada&password=mp", i))
	}
	now.Add(90 * time.Minute.Milliseconds())
	sim.Tick(t.Context())
	for i := range 6 {
		e.ask(t, "end", fmt.Sprintf("meetingID=room-%d&password=mp", i))
	}
	for range 3 {
		now.Add(time.Minute.Milliseconds())
		sim.Tick(t.Context())
	}
	e.ids = e.server.Recordings()
	e.ask(t, "publishRecordings", "publish=false&recordID="+e.ids[1])
	e.ask(t, "deleteRecordings", "recordID="+e.ids[5])
	for _, n := range parse(t, e.ask(t, "getRecordings", "state=any")).child("response", "recordings").children {
		e.stock(imported(t, n, e.origin))
	}
	if all := listed(e.own("getRecordings", "state=any")); len(all) != 6 {
		t.Fatalf("recordings: %v", all)
	}
	return e
}

// ask makes a call on the server.
func (e *exam) ask(t *testing.T, call, query string) string {
	t.Helper()
	resp, err := e.client.Get(e.server.URL() + "/" + call + "?" + bbb.SHA256.Sign(call, query, e.server.Secret()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || strings.Contains(string(body), "FAILED") {
		t.Fatalf("%s?%s: %v %s", call, query, err, body)
	}
	return strings.ReplaceAll(string(body), e.origin, "")
}

func (e *exam) own(call, query string) string {
	return strings.ReplaceAll(e.call(call, query).body, e.http.URL, "")
}

// Whatever is asked for, pool and server answer the same.
func TestGetRecordings_Conformance(t *testing.T) {
	e := newExam(t)
	asked := 0
	for _, ids := range []string{
		"", "meetingID=room-0", "meetingID=room-1,room-4,nowhere", "meetingID=nowhere", "recordID=" + e.ids[0],
		"recordID=" + e.ids[0][:12] + "," + e.ids[4], "recordID=" + e.ids[5] + "&meetingID=room-0", "recordID=x",
	} {
		for _, state := range []string{"", "state=any", "state=published", "state=unpublished,deleted", "state=processing", "state=x"} {
			for _, meta := range []string{
				"", "meta_topic=Go", "meta_Topic=Go%25", "meta_topic=%25n", "meta_topic=%25o%25&meta_course=A1", "meta_course=a1",
				"meta_topic=" + url.QueryEscape("<xml> &"), "meta_meetingId=room-0",
			} {
				query := strings.Join(slices.DeleteFunc([]string{ids, state, meta}, func(s string) bool { return s == "" }), "&")
				want, got := parse(t, e.ask(t, "getRecordings", query)), parse(t, e.own("getRecordings", query))
				if diff := cmp.Diff(want.canonical(), got.canonical()); diff != "" {
					t.Fatalf("%s: (-server +pool)\n%s", query, diff)
				}
				for _, page := range []string{"limit=2", "limit=2&offset=1", "limit=100&offset=4", "limit=1&offset=9"} {
					e.samePage(t, query+"&"+page)
				}
				asked++
			}
		}
	}
	t.Logf("%d combinations", asked)
}

// samePage compares all of a page but which recordings are on it: the order is BigBlueButton's secret.
func (e *exam) samePage(t *testing.T, query string) {
	t.Helper()
	trees := []*node{parse(t, e.ask(t, "getRecordings", query)), parse(t, e.own("getRecordings", query))}
	var rests []string
	for _, tree := range trees {
		list := tree.child("response", "recordings")
		n := len(list.children)
		list.children = nil
		rests = append(rests, fmt.Sprint(n, tree.canonical()))
	}
	if diff := cmp.Diff(rests[0], rests[1]); diff != "" {
		t.Fatalf("%s: (-server +pool)\n%s", query, diff)
	}
}

// Changes are answered alike, and leave the same behind.
func TestChangeRecordings_Conformance(t *testing.T) {
	e := newExam(t)
	for _, c := range []struct{ call, query string }{
		{"publishRecordings", "publish=true&recordID=" + e.ids[1] + ",nowhere"},
		{"publishRecordings", "publish=FALSE&recordID=" + e.ids[0] + "," + e.ids[2]},
		{"updateRecordings", "recordID=" + e.ids[0][:40] + "&meta_Topic=Rust&meta_new=%3C%26%3E&meta_course="},
		{"updateRecordings", "recordID=" + e.ids[3] + "," + e.ids[4] + "&meta_topic="},
		{"deleteRecordings", "recordID=" + e.ids[3]},
	} {
		want, got := e.ask(t, c.call, c.query), e.own(c.call, c.query)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s?%s: (-server +pool)\n%s", c.call, c.query, diff)
		}
		wantAll, gotAll := parse(t, e.ask(t, "getRecordings", "state=any")), parse(t, e.own("getRecordings", "state=any"))
		if diff := cmp.Diff(wantAll.canonical(), gotAll.canonical()); diff != "" {
			t.Errorf("after %s?%s: (-server +pool)\n%s", c.call, c.query, diff)
		}
	}
}
