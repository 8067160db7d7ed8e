// Package fsapi answers a FreeSWITCH that takes calls for the pool, as Scalelite does: its mod_xml_curl asks what is to be done
// with a call, and is told to ask for the meeting's number, or to bridge the call to the server that has the meeting.
//
// It owns the answers' form, who may ask, and the limit against guessing. It decides nothing about meetings, and changes nothing.
//
// What callers and meetings are called reaches FreeSWITCH in letters, digits and a few marks alone: FreeSWITCH expands ${…} and
// backslashes in what it is told, and would run what stands in them. So nothing is escaped that could be forgotten somewhere.
package fsapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Path is where FreeSWITCH asks.
const Path = "/fsapi"

// maxMinutes is how long a call may be allowed to last: a year.
const maxMinutes = 365 * 24 * 60

// user is whom FreeSWITCH comes in as.
const user = "fsapi"

// Config is what an operator may set, as flags. The environment names are Scalelite's.
type Config struct {
	Password store.Secret `name:"fsapi-password" env:"FSAPI_PASSWORD" placeholder:"SECRET" help:"Password of the FreeSWITCH that takes calls, which comes in as fsapi. By default the first secret of the front ends."`
	Longest  int64        `name:"fsapi-max-duration" env:"FSAPI_MAX_DURATION" help:"Longest duration of a call in minutes; 0 is as long as a meeting may last."`
	Shortest int          `name:"voice-bridge-min" default:"5" env:"VOICE_BRIDGE_MIN" help:"Digits that callers must enter at least."`
	Most     int          `name:"voice-bridge-max" default:"9" env:"VOICE_BRIDGE_MAX" help:"Digits that callers may enter at most."`
}

// Validate tells what in a configuration cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.Shortest < 1 || c.Most < c.Shortest || c.Most > maxDigits {
		errs = append(errs, fmt.Errorf("--voice-bridge-min %d, --voice-bridge-max %d: want 1 to %d", c.Shortest, c.Most, maxDigits))
	}
	if c.Longest < 0 || c.Longest > maxMinutes {
		errs = append(errs, fmt.Errorf("--fsapi-max-duration %d: want 0 to %d minutes", c.Longest, maxMinutes))
	}
	return errors.Join(errs...)
}

// Meetings knows which meeting has a number.
type Meetings interface {
	// ByVoice returns the meeting that telephones reach by a number, or placement.ErrUnknown.
	ByVoice(number string) (placement.Found, error)
}

// API answers FreeSWITCH. Its exported fields must be set before the first request.
type API struct {
	Config   Config
	Secret   store.Secret  // of the front ends: counts where no password was set
	Duration time.Duration // that a meeting may last; 0 is no limit
	Meetings Meetings
	Server   func(id string) (url string, known bool) // the address of a server's API
	Now      func() time.Time
	Log      zerolog.Logger
	// Guessed slows down who has come with a wrong password, and tells whether the connection is to be closed; nil for nobody.
	Guessed func(*http.Request) (full bool)

	guesses guesses
}

// Mount adds the route.
func (a *API) Mount(mux *http.ServeMux) { mux.Handle(Path, a) }

// maxBody bounds what FreeSWITCH tells of a call.
const maxBody = 256 << 10

// ServeHTTP answers one question.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !a.allowed(r) {
		if _, _, tried := r.BasicAuth(); tried && a.Guessed != nil && a.Guessed(r) {
			w.Header().Set("Connection", "close")
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="bbbpool"`)
		http.Error(w, "want user fsapi, and the password that --fsapi-password sets", http.StatusUnauthorized)
		return
	}
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		http.Error(w, "want POST", http.StatusMethodNotAllowed)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write(a.answer(r.Form))
}

// password is what FreeSWITCH must know; "" lets nobody in.
func (a *API) password() store.Secret {
	if a.Config.Password != "" {
		return a.Config.Password
	}
	return a.Secret
}

// allowed compares hashes, so that the time says nothing of the length either.
func (a *API) allowed(r *http.Request) bool {
	name, password, ok := r.BasicAuth()
	want := sha256.Sum256([]byte(a.password().Reveal()))
	got := sha256.Sum256([]byte(password))
	right := subtle.ConstantTimeCompare(got[:], want[:]) == 1
	return ok && name == user && a.password() != "" && right
}

// dialled is what can have been dialled.
var dialled = regexp.MustCompile(`^[A-Za-z0-9+*#._-]{1,64}$`)

// digits are a number that was entered.
var digits = regexp.MustCompile(`^[0-9]{1,20}$`)

// maxDigits is how many anybody enters.
const maxDigits = 20

// answer tells what is to be done with a call.
func (a *API) answer(form url.Values) []byte {
	called := form.Get("Caller-Destination-Number")
	if form.Get("section") != "dialplan" || !dialled.MatchString(called) {
		return reject()
	}
	pin := form.Get("variable_pin")
	if pin == "" {
		return a.prompt(called)
	}
	who, call := form.Get("Caller-Caller-ID-Number"), form.Get("Channel-Call-UUID")
	if !a.guesses.may(a.Now(), who, call) {
		a.Log.Warn().Str("called", called).Msg("a caller has guessed at numbers for too long, and is rejected")
		return reject()
	}
	found, err := a.meeting(pin, form.Get("tenant"))
	host := ""
	if err == nil {
		host, err = a.host(found.Claim.Server)
	}
	if err != nil {
		a.guesses.wrong(a.Now(), who, call)
		a.Log.Info().Err(err).Msg("a caller has entered a number that leads to no meeting")
		return a.again(called)
	}
	a.Log.Info().Str("tenant", found.Claim.Tenant).Str("meetingID", found.Claim.MeetingID).Str("server", found.Claim.Server).
		Msg("a call goes to a meeting")
	return bridge(called, found.Claim.MeetingID, callerID(form), pin, host)
}

// errNoMeeting is that a number leads nowhere.
var errNoMeeting = errors.New("there is no meeting by that number")

// meeting finds the meeting by what was entered. A breakout room has the number of its parent and a digit more, and is on the
// same server. Where FreeSWITCH takes calls for one tenant alone (/fsapi?tenant=…) those of others are unknown.
func (a *API) meeting(pin, tenant string) (placement.Found, error) {
	if !digits.MatchString(pin) {
		return placement.Found{}, errNoMeeting
	}
	found, err := a.Meetings.ByVoice(pin)
	if err != nil && len(pin) > a.Config.Shortest {
		found, err = a.Meetings.ByVoice(pin[:len(pin)-1])
	}
	if err != nil || tenant != "" && found.Claim.Tenant != tenant || found.Standing == placement.Gone {
		return placement.Found{}, errNoMeeting
	}
	return found, nil
}

// hostName is a host that can stand in a dial plan.
var hostName = regexp.MustCompile(`^[A-Za-z0-9.-]{1,253}$`)

// host is the host of a server, without a port: telephones have their own.
func (a *API) host(server string) (string, error) {
	text, known := a.Server(server)
	u, err := url.Parse(text)
	if !known || err != nil || !hostName.MatchString(u.Hostname()) {
		return "", fmt.Errorf("server %s has no host that a call can go to", server)
	}
	return u.Hostname(), nil
}

// longest is how long a call may last; 0 is no limit.
func (a *API) longest() time.Duration {
	if a.Config.Longest > 0 {
		return time.Duration(a.Config.Longest) * time.Minute
	}
	return a.Duration
}
