package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store"
)

// many is an index with many recordings, newest first, which a test may change before each look at it.
type many struct {
	index
	list   []store.Recording
	calls  int
	before func(call int) error
	asked  []int // how many recordings, look by look
}

// numbered makes a recording whose place goes by its number, the highest first. Three at a time began together.
func numbered(i int) store.Recording {
	return store.Recording{
		RecordID: fmt.Sprintf("%07d", 9_999_999-i), State: store.Published, Name: "Lecture",
		Start: time.UnixMilli(int64(i/3) * 1000), Meta: map[string]string{"description": strings.Repeat("x", 100)},
	}
}

func newMany(n int) *many {
	m := &many{}
	for i := range n {
		m.list = append(m.list, numbered(10*(n-i)))
	}
	return m
}

func (m *many) Recordings(_ context.Context, f store.RecordingFilter) ([]store.Recording, int, error) {
	m.calls++
	if m.before != nil {
		if err := m.before(m.calls); err != nil {
			return nil, 0, err
		}
	}
	m.asked = append(m.asked, f.Limit)
	from := min(f.Offset, len(m.list))
	return slices.Clone(m.list[from:min(from+f.Limit, len(m.list))]), len(m.list), nil
}

func (m *many) ids() (ids []string) {
	for _, r := range m.list {
		ids = append(ids, r.RecordID)
	}
	return ids
}

// A list of any length is answered, in pieces that fit into memory.
func TestGetRecordings_Long(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	for _, n := range []int{0, 1, 499, 500, 501, 4000} {
		m := newMany(n)
		p.gateway.RecordingCalls.Recordings = m
		a := p.call("getRecordings", "")
		if diff := cmp.Diff(m.ids(), listed(a.body)); diff != "" || a.Returncode != "SUCCESS" {
			t.Errorf("%d: %s", n, diff)
		}
		if slices.Max(m.asked) > 1000 || m.asked[0] > 100 {
			t.Errorf("%d: %d recordings at once", n, m.asked)
		}
	}
}

// Recordings may be large: a list of them is read a few at a time.
func TestGetRecordings_Large(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	m := newMany(150)
	large := strings.Repeat("x", 200<<10)
	for i := range m.list {
		m.list[i].Meta["description"] = large
	}
	p.gateway.RecordingCalls.Recordings = m
	if diff := cmp.Diff(m.ids(), listed(p.call("getRecordings", "").body)); diff != "" {
		t.Error(diff)
	}
	if m.asked[0] > 100 || slices.Max(m.asked[1:]) > 10 {
		t.Errorf("%d recordings at once", m.asked)
	}
}

// A list that is short has a length, so that whoever reads it knows that it is whole.
func TestGetRecordings_Length(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	for n, known := range map[int]bool{0: true, 99: true, 500: true, 5000: false} {
		p.gateway.RecordingCalls.Recordings = newMany(n)
		resp, err := p.client.Get(p.url("getRecordings", ""))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if (resp.ContentLength > 0) != known {
			t.Errorf("%d: length %d", n, resp.ContentLength)
		}
	}
}

// Recordings that come and go while a list is being answered make nothing else appear twice or not at all.
func TestGetRecordings_Shifting(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	gone, came := map[string]bool{}, map[string]bool{}
	add := func(m *many, numbers ...int) {
		for _, i := range numbers {
			r := numbered(i)
			if !came[r.RecordID] {
				m.list = append(m.list, r)
			}
			came[r.RecordID] = true
		}
		slices.SortFunc(m.list, func(a, b store.Recording) int { return strings.Compare(a.RecordID, b.RecordID) })
	}
	remove := func(m *many, from, to int) {
		for _, r := range m.list[from:to] {
			gone[r.RecordID] = true
		}
		m.list = slices.Delete(m.list, from, to)
	}
	for name, change := range map[string]func(m *many, call int){
		"one comes":         func(m *many, call int) { add(m, 1_000_000+call) },
		"many come":         func(m *many, call int) { add(m, newer(call)...) },
		"one goes":          func(m *many, _ int) { remove(m, 0, 1) },
		"many go":           func(m *many, _ int) { remove(m, 0, 300) },
		"those just met go": func(m *many, _ int) { remove(m, 400, 600) },
		"nearly all go":     func(m *many, _ int) { remove(m, 1, max(1, len(m.list)-10)) },
		"all go":            func(m *many, _ int) { remove(m, 0, len(m.list)) },
		"both": func(m *many, _ int) {
			for range 20 {
				at := rand.IntN(len(m.list))
				remove(m, at, at+1)
				add(m, 10*rand.IntN(3000)+5)
			}
		},
	} {
		clear(gone)
		clear(came)
		m := newMany(3000)
		all := m.ids()
		m.before = func(call int) error {
			if call > 1 && call < 12 && len(m.list) > 700 {
				change(m, call)
			}
			return nil
		}
		p.gateway.RecordingCalls.Recordings = m
		got := listed(p.call("getRecordings", "").body)
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%s: out of order, or twice", name)
		}
		for _, id := range all {
			if _, listed := slices.BinarySearch(got, id); !listed && !gone[id] {
				t.Errorf("%s: %s is missing", name, id)
			}
		}
		for _, id := range got {
			if _, known := slices.BinarySearch(all, id); !known && !came[id] {
				t.Errorf("%s: %s was never there", name, id)
			}
		}
	}
}

// newer are the numbers of so many new recordings that they fill several pages.
func newer(call int) (numbers []int) {
	if call > 3 {
		return nil
	}
	for i := range 2500 {
		numbers = append(numbers, 1_000_000+call*10_000+i)
	}
	return numbers
}

var errDisk = errors.New("input/output error")

// When the index fails in the middle the front end gets no sound XML, and the operator is told why.
func TestGetRecordings_CutOff(t *testing.T) {
	for call, whole := range map[int]bool{1: true, 2: true, 5: false, 6: false} {
		log := &syncBuffer{}
		p := bare(&pool{tb: t}, settings{log: log})
		m := newMany(5000)
		m.before = func(n int) error {
			if n == call {
				return errDisk
			}
			return nil
		}
		p.gateway.RecordingCalls.Recordings = m
		resp, err := p.client.Get(p.url("getRecordings", ""))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if (err == nil) != whole || strings.HasSuffix(string(body), "</response>") != whole {
			t.Errorf("failing at call %d: %d bytes, %v", call, len(body), err)
		}
		p.waitFor("the log", func() bool {
			return strings.Contains(log.String(), errDisk.Error()) && strings.Contains(log.String(), `"outcome":"internalError"`)
		})
	}
}

// Nobody who only asks how an answer would begin makes us read all of it.
func TestGetRecordings_Head(t *testing.T) {
	p := bare(&pool{tb: t}, settings{})
	m := newMany(5000)
	p.gateway.RecordingCalls.Recordings = m
	resp, err := p.client.Head(p.url("getRecordings", ""))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || m.calls > 5 || resp.Header.Get("Content-Type") != "text/xml; charset=utf-8" {
		t.Errorf("status %d after %d calls, %v", resp.StatusCode, m.calls, resp.Header)
	}
}

// A front end that hangs up in the middle is no fault of ours, and gets no more.
func TestGetRecordings_HangUp(t *testing.T) {
	log := &syncBuffer{}
	p := bare(&pool{tb: t}, settings{log: log})
	m := newMany(30_000)
	p.gateway.RecordingCalls.Recordings = m
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url("getRecordings", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	hangUp()
	_ = resp.Body.Close()
	p.waitFor("the log", func() bool { return strings.Contains(log.String(), `"outcome":"hungUp"`) })
	if strings.Contains(log.String(), `"error"`) {
		t.Error(log.String())
	}
}
