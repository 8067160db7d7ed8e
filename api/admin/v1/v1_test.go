package v1_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// A secret shows itself to nobody by accident: not in JSON, not in any way of printing, not inside of something else.
func TestSecret(t *testing.T) {
	n := v1.NewServer{URL: "a", Secret: "s3cret"}
	body, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(body), fmt.Sprint(n), fmt.Sprintf("%+v", n), fmt.Sprintf("%#v", n), fmt.Sprint(n.Secret)} {
		if strings.Contains(text, "s3cret") || !strings.Contains(text, "***") {
			t.Errorf("it shows: %s", text)
		}
	}
	if n.Secret.Reveal() != "s3cret" || v1.Secret("").String() != "" {
		t.Error("who asks for a secret does not get it, or one that is empty is shown as one")
	}
}

// The calls that send a secret send it in clear, and say what is left out as the server expects it.
func TestServers_SendSecrets(t *testing.T) {
	var sent []string
	client := v1.NewClient(v1.HandlerTransport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, r.Method+" "+r.URL.Path+" "+string(body))
		_, _ = io.WriteString(w, "{}\n")
	})), "http://bbbpool", "")
	ctx, secret, weight := t.Context(), v1.Secret("s3cret"), 2.0
	_, err1 := client.Servers.Add(ctx, v1.NewServer{URL: "a", Secret: secret})
	_, err2 := client.Servers.Change(ctx, "a", v1.Change{Secret: &secret})
	_, err3 := client.Servers.Change(ctx, "a/b", v1.Change{Weight: &weight})
	_, err4 := client.Servers.Sync(ctx, v1.Sync{Servers: []v1.SyncServer{{ID: "a", Secret: secret}}}, func(v1.Progress) {})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`POST /api/v1/servers {"url":"a","secret":"s3cret"}`,
		`PATCH /api/v1/servers/a {"secret":"s3cret"}`,
		`PATCH /api/v1/servers/a/b {"weight":2}`,
		`POST /api/v1/servers/sync {"servers":[{"id":"a","enabled":false,"secret":"s3cret"}]}`,
	}
	if got := strings.Join(sent, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("sent\n%s", got)
	}
}

// All that is wrong with a request is said at once, and nothing is no error.
func TestInvalidAll(t *testing.T) {
	if err := v1.InvalidAll(nil); err != nil {
		t.Errorf("nothing is %v", err)
	}
	refused, ok := errors.AsType[*v1.Error](v1.InvalidAll([]string{"a", "b"}))
	if !ok || refused.Status != http.StatusBadRequest || refused.Code != v1.CodeInvalid || refused.Message != "a; b" {
		t.Errorf("got %+v", refused)
	}
}

// Numbers of things have their nouns, and long lists an end.
func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		v1.Running(1, 2): "1 meeting with 2 people", v1.Present(0, 1): "1 person left in copies of meetings that run elsewhere",
		v1.Present(0, 0): "", quantity.Some([]string{"a", "b", "c"}): "a, b, c", quantity.Some([]string{"a", "b", "c", "d", "e"}): "a, b, c and 2 more",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
