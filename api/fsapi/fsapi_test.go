package fsapi_test

import (
	"encoding/xml"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/fsapi"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

var update = flag.Bool("update", false, "write the golden files")

// book has meetings by their numbers.
type book map[string]store.Claim

func (b book) ByVoice(number string) (placement.Found, error) {
	claim, ok := b[number]
	if !ok {
		return placement.Found{}, placement.ErrUnknown
	}
	return placement.Found{Claim: claim, Standing: placement.Open}, nil
}

// phone is a FreeSWITCH that asks.
type phone struct {
	*testing.T
	api *fsapi.API
	now time.Time
}

func newPhone(t *testing.T) *phone {
	p := &phone{T: t, now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)}
	claim := func(tenant, meeting, server string) store.Claim {
		return store.Claim{MeetingKey: store.MeetingKey{Tenant: tenant, MeetingID: meeting}, Server: server}
	}
	p.api = &fsapi.API{
		Config: fsapi.Config{Shortest: 5, Most: 9}, Secret: "s3cret", Now: func() time.Time { return p.now }, Log: zerolog.Nop(),
		Meetings: book{
			"12345": claim("default", "room-1", "bbb1"), "54321": claim("school", `${system reboot}\n"<&>`, "bbb2"),
			"77777": claim("default", "lost", "gone"),
		},
		Server: func(id string) (string, bool) {
			return map[string]string{
				"bbb1": "https://bbb1.example.org:8443/bigbluebutton/api", "bbb2": "https://bbb2.example.org/bigbluebutton/api",
			}[id], id != "gone"
		},
	}
	return p
}

// ask asks what is to be done with a call, and returns what is.
func (p *phone) ask(words ...string) string {
	p.Helper()
	form := url.Values{"section": {"dialplan"}, "Caller-Destination-Number": {"+4930123"}}
	for i := 0; i < len(words); i += 2 {
		form.Set(words[i], words[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "/fsapi", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("fsapi", "s3cret")
	w := httptest.NewRecorder()
	p.api.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		p.Fatal(w.Code, w.Body)
	}
	if err := xml.Unmarshal(w.Body.Bytes(), new(struct{})); err != nil {
		p.Errorf("%s: %v", w.Body, err)
	}
	return w.Body.String()
}

// The answers are as FreeSWITCH reads them.
func TestAnswers(t *testing.T) {
	for name, words := range map[string][]string{
		"prompt":    nil,
		"bridge":    {"variable_pin", "12345", "Caller-Caller-ID-Name", "+4930987654"},
		"breakout":  {"variable_pin", "123453", "Caller-Caller-ID-Name", "Ada"},
		"again":     {"variable_pin", "99998"},
		"injection": {"variable_pin", "54321", "Caller-Caller-ID-Name", `${system rm}\'"<x>&, ; Ädä`},
		"reject":    {"section", "directory"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPhone(t)
			p.api.Duration = 90 * time.Minute
			got, path := p.ask(words...), filepath.Join("testdata", name+".xml")
			if *update {
				if err := os.WriteFile(path, []byte(got+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || got+"\n" != string(want) {
				t.Errorf("%v, got:\n%s\nwant:\n%s", err, got, want)
			}
		})
	}
}

// Nothing that FreeSWITCH would run comes from callers or meetings.
func TestAnswers_Hostile(t *testing.T) {
	p := newPhone(t)
	hostile := []string{"${x}", "$${x}", `\${x}`, `a\`, "$", "{", "a,b;c|d", "\x00\n\r", "'^^'", strings.Repeat("$", 1<<16)}
	for _, text := range hostile {
		for _, field := range []string{
			"variable_pin", "Caller-Caller-ID-Name", "Caller-Caller-ID-Number", "Caller-Destination-Number", "tenant", "Channel-Call-UUID",
		} {
			words := []string{"variable_pin", "54321", field, text}
			ours := strings.NewReplacer("${pin} XML public", "", `$">`, `">`) // and the end of the expression
			got := ours.Replace(p.ask(words...))
			if strings.ContainsAny(got, `$\;|{}`) {
				t.Errorf("%s %.20q: %s", field, text, got)
			}
		}
		p.now = p.now.Add(time.Hour)
	}
}

// What callers are called is told as they want it.
func TestAnswers_Caller(t *testing.T) {
	for _, c := range []struct{ name, hideName, hideNumber, want string }{
		{"4930987654", "", "", "493098" + strings.Repeat("X", 4)},
		{"123", "", "", strings.Repeat("X", 3)},
		{"4930987654", "", "true", "Unavailable"},
		{"Ada L.", "", "true", "Ada L."},
		{"Ada L.", "true", "", "Unavailable"},
		{"", "", "", "Unavailable"},
	} {
		got := newPhone(t).ask("variable_pin", "12345", "Caller-Caller-ID-Name", c.name,
			"Caller-Privacy-Hide-Name", c.hideName, "Caller-Privacy-Hide-Number", c.hideNumber)
		if !strings.Contains(got, `data="effective_caller_id_name=`+c.want+`"`) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// A number of another tenant, or of a meeting on a server that is gone, leads nowhere.
func TestAnswers_Unknown(t *testing.T) {
	p := newPhone(t)
	for _, words := range [][]string{
		{"variable_pin", "12345", "tenant", "school"},
		{"variable_pin", "77777"},
		{"variable_pin", "1234"},
	} {
		if got := p.ask(words...); !strings.Contains(got, "ask_for_meeting_again") {
			t.Errorf("%v: %s", words, got)
		}
	}
	if got := p.ask("variable_pin", "54321", "tenant", "school"); !strings.Contains(got, "bridge_to_server") {
		t.Error(got)
	}
}

// Who guesses is rejected after a while: in one call, and from one number; others are not, and later it may be tried again.
func TestGuesses(t *testing.T) {
	p := newPhone(t)
	outcome := func(caller, call, pin string) string {
		got := p.ask("variable_pin", pin, "Caller-Caller-ID-Number", caller, "Channel-Call-UUID", call)
		for _, word := range []string{"not found", "again", "bridge"} {
			if strings.Contains(got, word) {
				return word
			}
		}
		return got
	}
	var got []string
	for range 4 {
		got = append(got, outcome("1", "call", "00000"))
	}
	got = append(got, outcome("1", "call", "12345"), outcome("1", "next", "12345"))
	if want := "again again again not found not found bridge"; strings.Join(got, " ") != want {
		t.Errorf("in one call: %v, want %s", got, want)
	}
	for i := range 20 {
		outcome("2", string(rune('a'+i)), "00000")
	}
	if got := outcome("2", "z", "12345"); got != "not found" {
		t.Errorf("after 20 guesses: %s", got)
	}
	if got := outcome("3", "y", "12345"); got != "bridge" {
		t.Errorf("another caller: %s", got)
	}
	p.now = p.now.Add(10 * time.Minute)
	if got := outcome("2", "z", "12345"); got != "bridge" {
		t.Errorf("later: %s", got)
	}
}

// Nobody is let in with a wrong password, or with none.
func TestPassword(t *testing.T) {
	for name, c := range map[string]struct {
		secret, password store.Secret
		user, given      string
		want             int
	}{
		"the front ends'":     {"s3cret", "", "fsapi", "s3cret", 200},
		"its own":             {"s3cret", "0wn", "fsapi", "0wn", 200},
		"not the front ends'": {"s3cret", "0wn", "fsapi", "s3cret", 401},
		"another user":        {"s3cret", "", "admin", "s3cret", 401},
		"empty":               {"", "", "fsapi", "", 401},
	} {
		p := newPhone(t)
		p.api.Secret, p.api.Config.Password = c.secret, c.password
		r := httptest.NewRequest(http.MethodPost, "/fsapi", nil)
		r.SetBasicAuth(c.user, c.given)
		w := httptest.NewRecorder()
		p.api.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
	w := httptest.NewRecorder()
	newPhone(t).api.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/fsapi", nil))
	if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("without: %d", w.Code)
	}
}

// Who comes with a wrong password is noted, and nobody else: FreeSWITCH comes without one first.
func TestPassword_Guessed(t *testing.T) {
	p, guessed := newPhone(t), 0
	p.api.Guessed = func(*http.Request) bool { guessed++; return true }
	ask := func(password string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/fsapi", nil)
		if password != "" {
			r.SetBasicAuth("fsapi", password)
		}
		w := httptest.NewRecorder()
		p.api.ServeHTTP(w, r)
		return w
	}
	if ask(""); guessed != 0 {
		t.Error("without a password it is a guess")
	}
	if ask("s3cret"); guessed != 0 {
		t.Error("with the password it is a guess")
	}
	if w := ask("wrong"); guessed != 1 || w.Code != http.StatusUnauthorized || w.Header().Get("Connection") != "close" {
		t.Errorf("%d guesses, %d %v", guessed, w.Code, w.Header())
	}
}
