package bbb_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// keeper is a server that has one secret at a time, and keeps what it was sent.
type keeper struct {
	mu     sync.Mutex
	secret bbb.Secret
	seen   []string // call, body and whether the checksum was right, of each request
	refuse string   // instead of BigBlueButton's answer to a wrong checksum
}

func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	body, _ := io.ReadAll(r.Body)
	raw, checksum := bbb.SplitChecksum(r.URL.RawQuery)
	k.mu.Lock()
	defer k.mu.Unlock()
	right := bbb.Verify(call, raw, checksum, []bbb.Secret{k.secret}) == 0
	k.seen = append(k.seen, fmt.Sprint(call, " ", string(body), right))
	switch {
	case right:
		_, _ = w.Write(bbb.Success().Text("messageKey", "sentEndMeetingRequest").Open("meetings").Close("meetings").Bytes())
	case k.refuse != "":
		_, _ = io.WriteString(w, k.refuse)
	default:
		bbb.WriteError(w, bbb.ErrChecksum)
	}
}

// rekey gives the server another secret, and returns what it was sent since the last time.
func (k *keeper) rekey(s bbb.Secret) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := k.seen
	k.secret, k.seen = s, nil
	return seen
}

// takes tells whether the server accepts an address that was signed for it.
func (k *keeper) takes(address string) bool {
	query := address[strings.IndexByte(address, '?')+1:]
	raw, checksum := bbb.SplitChecksum(query)
	k.mu.Lock()
	defer k.mu.Unlock()
	return bbb.Verify("join", raw, checksum, []bbb.Secret{k.secret}) == 0
}

// A server that has either of two secrets is called with both, whatever the call and however it says no, and its joins are
// signed with the one that it has accepted.
func TestClient_TwoSecrets(t *testing.T) {
	for name, refuse := range map[string]string{
		"key":  "",
		"list": `<response><returncode>FAILED</returncode><errors><error><key>checksumError</key></error></errors></response>`,
		"json": `{"response":{"returncode":"FAILED","messageKey":"checksumError","message":"no"}}`,
	} {
		k := &keeper{secret: "former", refuse: refuse}
		s := httptest.NewServer(k)
		c := bbb.NewClient(bbb.Endpoint{URL: s.URL, Secret: "new", Former: "former", OnFormer: true}, newTransport(t), time.Minute)
		f := func(call, body string, want ...string) {
			t.Helper()
			var sent []byte
			if body != "" {
				sent = []byte(body)
			}
			reply, err := c.Do(t.Context(), call, "meetingID=a", "application/xml", sent)
			if err != nil || !strings.Contains(string(reply.Body), "SUCCESS") {
				t.Errorf("%s: %s: %v %v", name, call, reply, err)
			}
			if diff := cmp.Diff(want, k.rekey(k.secret)); diff != "" {
				t.Error(name, call, diff)
			}
		}
		f("end", "", "end true")
		if !c.OnFormer() || !k.takes(c.URL("join", "meetingID=a")) {
			t.Error(name, "a join is not signed with the secret that the server has")
		}
		k.rekey("new")
		f("insertDocument", modules, "insertDocument "+modules+"false", "insertDocument "+modules+"true")
		if c.OnFormer() || !k.takes(c.URL("join", "meetingID=a")) {
			t.Error(name, "a join is signed with a secret that the server has not any more")
		}
		f("end", "", "end true")
		k.rekey("former")
		if _, err := c.Meetings(t.Context()); name != "json" && (err != nil || !c.OnFormer()) { // which is no answer to that call
			t.Error(name, "not changed back: ", err)
		}
		s.Close()
	}
}

// A server that accepts none of its secrets says so, once each was tried; one secret alone is tried once.
func TestClient_NeitherSecret(t *testing.T) {
	for former, tries := range map[bbb.Secret]int{"": 1, "former": 2} {
		k := &keeper{secret: "a third one"}
		c := bbb.NewClient(bbb.Endpoint{URL: serve(t, k.ServeHTTP).URL, Secret: "new", Former: former}, newTransport(t), time.Minute)
		answer, err := c.Answer(t.Context(), "insertDocument", "")
		if err != nil || answer.Err == nil || answer.Err.Key != bbb.ErrChecksum.Key || c.OnFormer() {
			t.Errorf("%+v %v", answer, err)
		}
		if got := k.rekey(""); len(got) != tries {
			t.Errorf("tried %q, want %d", got, tries)
		}
		_, err = c.Meetings(t.Context())
		if refused, ok := errors.AsType[*bbb.Error](err); !ok || refused.Key != bbb.ErrChecksum.Key {
			t.Errorf("meetings: %v", err)
		}
	}
}

// A second try that gets no answer is a server that gives none, and tells nothing of secrets.
func TestClient_SecondTryFails(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			bbb.WriteError(w, bbb.ErrChecksum)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	})
	c := bbb.NewClient(bbb.Endpoint{URL: s.URL, Secret: "new", Former: "former", OnFormer: true}, newTransport(t), time.Minute)
	if _, err := c.Do(t.Context(), "insertDocument", "", "", nil); callError(t, err).Status != http.StatusBadGateway || !c.OnFormer() {
		t.Errorf("got %v", err)
	}
}

// The secrets of a client are changed while it is used: it goes on with the one that works, and a call that was signed with
// one that is no longer known is made again.
func TestClient_SetSecrets(t *testing.T) {
	k := &keeper{secret: "a"}
	c := bbb.NewClient(bbb.Endpoint{URL: serve(t, k.ServeHTTP).URL, Secret: "a"}, newTransport(t), time.Minute)
	f := func(why string, onFormer bool) {
		t.Helper()
		if c.OnFormer() != onFormer || !k.takes(c.URL("join", "")) {
			t.Errorf("%s: on former is %t, the join is taken: %t", why, c.OnFormer(), k.takes(c.URL("join", "")))
		}
	}
	f("before", false)
	c.SetSecrets("b", "a", false)
	f("here first", true)
	c.SetSecrets("b", "a", false)
	f("the same again", true)
	c.SetSecrets("c", "a", false)
	f("a second change", true)
	c.SetSecrets("a", "c", false)
	f("changed back", false)
	k.rekey("d")
	c.SetSecrets("d", "a", true)
	f("the server first", false)
	c.SetSecrets("d", "a", false)
	f("seen by nobody else yet", false)
	k.rekey("a")
	if _, err := c.Answer(t.Context(), "end", ""); err != nil {
		t.Fatal(err)
	}
	f("back on the former", true)
	k.rekey("d")
	c.SetSecrets("d", "a", true)
	f("seen by somebody else", false)
	c.SetSecrets("d", "", false)
	f("over", false)
}

// Calls that are under way while both sides change do not fail: whatever order things come in, one of the secrets that they
// are tried with is right.
func TestClient_SecretsRace(t *testing.T) {
	k := &keeper{secret: "s0"}
	c := bbb.NewClient(bbb.Endpoint{URL: serve(t, k.ServeHTTP).URL, Secret: "s0"}, newTransport(t), time.Minute)
	call := func() {
		if answer, err := c.Answer(t.Context(), "end", ""); err != nil || answer.Err != nil {
			t.Errorf("%v %v", answer.Err, err)
		}
		_ = c.URL("join", "")
	}
	for i := range 20 {
		was, will := bbb.Secret(fmt.Sprint("s", i)), bbb.Secret(fmt.Sprint("s", i+1))
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range 5 {
					call()
				}
			})
		}
		c.SetSecrets(will, was, false)
		k.rekey(will)
		if call(); c.OnFormer() {
			t.Error("it goes on with a secret that was turned down")
		}
		c.SetSecrets(will, "", false)
		callers.Wait()
	}
}

// To find the secret takes nothing beside what signing takes.
func TestClient_URLAllocates(t *testing.T) {
	one := bbb.NewClient(bbb.Endpoint{URL: "http://h", Secret: "new"}, newTransport(t), time.Minute)
	two := bbb.NewClient(bbb.Endpoint{URL: "http://h", Secret: "new", Former: "former", OnFormer: true}, newTransport(t), time.Minute)
	f := func(c *bbb.Client) float64 {
		return testing.AllocsPerRun(100, func() { _ = c.URL("join", "meetingID=a") })
	}
	plain := testing.AllocsPerRun(100, func() { _ = "http://h" + "/" + "join" + "?" + bbb.SHA256.Sign("join", "meetingID=a", "new") })
	if got := []float64{f(one), f(two)}; slices.Max(got) > plain+1 {
		t.Errorf("%v allocations, signing alone %v", got, plain)
	}
}
