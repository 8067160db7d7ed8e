package scalelite

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// server is a server as Scalelite shows it.
type server struct {
	ID         string `json:"id"`
	URL        string `json:"url"`
	Secret     string `json:"secret"` // "***" unless it was asked for
	Tag        string `json:"tag"`
	Version    string `json:"bbb_version"`
	State      string `json:"state"`
	Load       any    `json:"load"` // a number, or "unavailable"
	Multiplier string `json:"load_multiplier"`
	Online     string `json:"online"`
}

func newServer(s poller.Status, reveal bool) server {
	shown := server{
		ID: s.ID, URL: s.URL, Secret: s.Secret.String(), Tag: s.Tag, State: string(s.State), Load: "unavailable",
		Multiplier: decimal(inverse(s.Weight)), Online: "offline",
	}
	if reveal {
		shown.Secret = s.Secret.Reveal()
	}
	if s.State == store.Draining {
		shown.State = string(store.Cordoned)
	}
	if s.Health == poller.Online {
		shown.Online = "online"
	}
	if s.State != store.Disabled && s.Health == poller.Online {
		shown.Load = math.Round((float64(s.Load.People)+s.Load.Expected)/s.Weight*10) / 10
	}
	return shown
}

// inverse makes a multiplier of a weight, and the other way round, in as many digits as people write.
func inverse(x float64) float64 {
	const digits = 12
	short, err := strconv.ParseFloat(strconv.FormatFloat(1/x, 'g', digits, 64), 64)
	if err != nil || math.IsInf(short, 0) {
		return 1
	}
	return short
}

// decimal is a number with a point in it, as Scalelite writes multipliers.
func decimal(x float64) string {
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func (a *API) getServers(_ context.Context, c *call) (int, any, error) {
	list := []server{}
	for _, s := range a.Pool.Servers() {
		list = append(list, newServer(s, c.reveals()))
	}
	if len(list) == 0 {
		return http.StatusNotFound, failure{"No servers are configured"}, nil
	}
	a.revealed(c, "server", "", "")
	return http.StatusOK, list, nil
}

// revealed writes down that secrets were shown, where they were.
func (a *API) revealed(c *call, kind, object, tenant string) {
	if c.reveals() {
		a.Door.Note(c.r, "show", kind, object, tenant, nil, nil)
	}
}

// find finds the server that a call is about.
func (a *API) find(c *call) (poller.Status, error) {
	s, err := a.Roster.Status(c.id())
	if err != nil {
		return s, &refusal{http.StatusNotFound, failure{"Couldn't find server with id=" + c.id()}, err}
	}
	return s, nil
}

func (a *API) getServerInfo(_ context.Context, c *call) (int, any, error) {
	s, err := a.find(c)
	if err != nil {
		return 0, nil, err
	}
	a.revealed(c, "server", s.ID, "")
	return http.StatusOK, newServer(s, c.reveals()), nil
}

// addServer adds a server, which is disabled then. Scalelite does not ask it who it is.
func (a *API) addServer(ctx context.Context, c *call) (int, any, error) {
	o, err := c.object("server")
	if err != nil {
		return 0, nil, err
	}
	hidden, err := secret(o["secret"])
	address := text(o["url"])
	if err == nil && (address == "" || hidden == "") {
		err = v1.Invalid("Server needs a URL and a secret")
	}
	if err != nil {
		return 0, nil, refused(http.StatusBadRequest, err)
	}
	n := v1.NewServer{URL: address, Secret: hidden, ID: a.newID(address), Tag: text(o["tag"]), Force: true}
	if weight, given, err := weight(o["load_multiplier"]); err != nil {
		return 0, nil, refused(http.StatusBadRequest, err)
	} else if given {
		n.Weight = &weight
	}
	result, err := a.Roster.Add(ctx, n)
	if err != nil {
		return 0, nil, refused(http.StatusBadRequest, err)
	}
	return a.server(c, http.StatusCreated, "add", result, nil)
}

// newID is the ID of a new server.
func (a *API) newID(address string) string {
	if !a.Config.HostIDs {
		return uuid()
	}
	if normal, err := roster.NormalizeURL(address); err == nil {
		if u, err := url.Parse(normal); err == nil {
			return strings.ToLower(u.Hostname())
		}
	}
	return "" // the roster makes one, or says what is wrong
}

// uuid is a random ID in the form of all others that Scalelite makes.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])                      // never fails, as crypto/rand documents
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // version 4, of RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// weight is the weight that a multiplier stands for; none is given where it is zero, or no number at all.
func weight(v any) (w float64, given bool, err error) {
	switch m := number(text(v)); {
	case m == 0:
		return 0, false, nil
	case m < 0 || math.IsNaN(m) || math.IsInf(m, 0):
		return 0, false, v1.Invalid("Load-multiplier must be a number above 0")
	default:
		return inverse(m), true, nil
	}
}

// number is a number as Scalelite reads one: what is none is zero.
func number(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return n
}

// server is the answer about a server to which something was done, which is written down.
func (a *API) server(c *call, status int, action string, result v1.Result, before any) (int, any, error) {
	if result.Warning != "" {
		a.Log.Warn().Str("server", result.ID).Str("warning", result.Warning).Msg("server used all the same, as Scalelite does")
	}
	s, err := a.Roster.Status(result.ID)
	if err != nil {
		return 0, nil, err
	}
	a.Door.Note(c.r, action, "server", s.ID, "", before, newServer(s, false))
	a.revealed(c, "server", s.ID, "")
	return status, newServer(s, c.reveals()), nil
}

// updateServer changes a server. What it is told of its state comes last, when all else is as it should be.
func (a *API) updateServer(ctx context.Context, c *call) (int, any, error) {
	s, err := a.find(c)
	if err != nil {
		return 0, nil, err
	}
	o, err := c.object("server")
	if err != nil {
		return 0, nil, err
	}
	change, err := serverChange(o)
	if err != nil {
		return 0, nil, refused(http.StatusBadRequest, err)
	}
	result, changed := v1.Result{Server: v1.Server{ID: s.ID}}, change != (v1.Change{Force: true})
	if changed {
		if result, _, err = a.Roster.Change(ctx, s.ID, change); err != nil {
			return 0, nil, refused(http.StatusBadRequest, err)
		}
	}
	switch text(o["state"]) {
	case "enable":
		result, _, err = a.Roster.Enable(ctx, s.ID, true)
	case "cordon":
		result, _, err = a.Roster.Cordon(ctx, s.ID)
	case "disable":
		result, _, err = a.Roster.Disable(ctx, s.ID, true)
	}
	if err != nil {
		if now, lost := a.Roster.Status(s.ID); changed && lost == nil { // what stands is written down all the same
			a.Door.Note(c.r, "set", "server", s.ID, "", newServer(s, false), newServer(now, false))
		}
		return 0, nil, refused(http.StatusBadRequest, err)
	}
	return a.server(c, http.StatusOK, "set", result, newServer(s, false))
}

// serverChange is what is asked for, but for the state, which is checked here as well: nothing is changed by halves.
func serverChange(o map[string]any) (change v1.Change, err error) {
	change.Force = true
	switch state := text(o["state"]); state {
	case "", "enable", "cordon", "disable":
	default:
		return change, v1.Invalid("Invalid state parameter: %.40s", state)
	}
	if hidden, err := secret(o["secret"]); err != nil {
		return change, err
	} else if hidden != "" {
		change.Secret = &hidden
	}
	if o["tag"] != nil {
		tag := text(o["tag"])
		change.Tag = &tag
	}
	if text(o["load_multiplier"]) == "" {
		return change, nil
	}
	w, given, err := weight(o["load_multiplier"])
	if err == nil && !given {
		err = v1.Invalid("Load-multiplier must be a non-zero number")
	}
	change.Weight = &w
	return change, err
}

// deleteServer removes a server that has no meetings, and owes no recordings.
func (a *API) deleteServer(ctx context.Context, c *call) (int, any, error) {
	s, err := a.find(c)
	if err != nil {
		return 0, nil, err
	}
	if err := a.Roster.Remove(ctx, s.ID, false); err != nil {
		if said(err) != "" {
			err = v1.Conflict("Couldn't destroy server id=%s: %s", s.ID, said(err))
		}
		return 0, nil, refused(http.StatusBadRequest, err)
	}
	a.Door.Note(c.r, "remove", "server", s.ID, "", newServer(s, false), nil)
	return http.StatusOK, success{"Server id=" + s.ID + " was destroyed"}, nil
}

// panicServer ends all meetings on a server. One that was not ended there is told as Scalelite does; it is forgotten all the
// same, and the server disabled.
func (a *API) panicServer(ctx context.Context, c *call) (int, any, error) {
	s, err := a.find(c)
	if err != nil {
		return 0, nil, err
	}
	nested, _ := c.body["server"].(map[string]any) // where its documentation has it
	p := v1.Panic{KeepState: text(c.body["keep_state"]) == "true" || text(nested["keep_state"]) == "true"}
	a.Door.Note(c.r, "panic", "server", s.ID, "", newServer(s, false), p) // it takes long, so that it is there when it begins, too
	done, err := a.Roster.Panic(ctx, s.ID, p, func(v1.Progress) {})
	if err != nil {
		a.Door.Note(c.r, "panic ended", "server", s.ID, "", nil, failure{cmp.Or(said(err), "Internal error.")})
		return 0, nil, refused(http.StatusBadRequest, err)
	}
	a.Door.Note(c.r, "panic ended", "server", s.ID, "", nil, done)
	if len(done.Failed) > 0 {
		err := errors.New(strings.Join(done.Failed, "; "))
		return 0, nil, &refusal{http.StatusBadRequest, failure{"Couldn't disable server id=" + s.ID}, err}
	}
	return http.StatusOK, success{
		"Server id=" + s.ID + " has been disabled and the meetings have been destroyed",
	}, nil
}
