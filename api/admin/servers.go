package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// Servers answers what is asked of servers, and has the roster do what is asked for.
type Servers struct {
	Pool   ServerPool
	Roster *roster.Roster
	// Script makes the script with which a server sends its recordings to the pool at base.
	Script func(base string, s store.Server) ([]byte, error)
	Now    func() time.Time
}

// ServerPool is what is shown of servers.
type ServerPool interface {
	// Servers returns the status of every server, by ID.
	Servers() []poller.Status
	// Server returns the status of one server.
	Server(id string) (poller.Status, bool)
	// Events returns the last events of a server, newest last.
	Events(id string) []poller.Event
}

func (s *Servers) routes() frame.Routes {
	return frame.Routes{
		"GET /servers":               frame.Whole(s.list, access.Read),
		"POST /servers":              frame.Whole(s.add, access.Operate),
		"GET /servers/{id}":          frame.Whole(s.show, access.Read),
		"PATCH /servers/{id}":        frame.Whole(s.change, access.Operate),
		"DELETE /servers/{id}":       frame.Whole(s.remove, access.Operate),
		"POST /servers/{id}/enable":  frame.Whole(s.enable, access.Operate),
		"POST /servers/{id}/cordon":  frame.Whole(s.cordon, access.Operate),
		"POST /servers/{id}/disable": frame.Whole(s.disable, access.Operate),
		"POST /servers/{id}/test":    frame.Whole(s.test, access.Operate),
		"POST /servers/{id}/drain":   frame.Whole(s.drain, access.Operate),
		"POST /servers/{id}/panic":   frame.Whole(s.evacuate, access.Operate),
		"POST /servers/sync":         frame.Whole(s.sync, access.Operate),
		"GET /servers/{id}/script":   frame.Whole(s.script, access.Admin),
	}
}

func (s *Servers) list(r *http.Request) (any, error) {
	reveal, err := frame.Flag(r, "reveal")
	if err != nil {
		return nil, err
	}
	owed, err := s.Roster.Debts.ByServer(r.Context())
	if err != nil {
		return nil, err
	}
	servers := s.Pool.Servers()
	if reveal {
		frame.Logger(r).Info().Int("servers", len(servers)).Msg("secrets of servers shown")
		return frame.Changed{Answer: reveals(servers, owed), Action: "show", Kind: "server"}, nil
	}
	list := []v1.Server{}
	for _, server := range servers {
		list = append(list, roster.View(server, len(owed[server.ID])))
	}
	return list, nil
}

// inClear is a [v1.Revealed] on its way to whoever has asked for it.
type inClear struct {
	v1.Server
	Secret string `json:"secret"`
	Former string `json:"former,omitempty"`
}

func reveals(servers []poller.Status, owed map[string][]string) []inClear {
	list := []inClear{}
	for _, server := range servers {
		list = append(list, inClear{
			roster.View(server, len(owed[server.ID])), server.Secret.Reveal(), server.Former.Reveal(),
		})
	}
	return list
}

// show answers with one server and its last events.
func (s *Servers) show(r *http.Request) (any, error) {
	server, ok := s.Pool.Server(r.PathValue("id"))
	if !ok {
		return nil, roster.NoServer(r.PathValue("id"))
	}
	owed, err := s.Roster.Debts.ByServer(r.Context())
	if err != nil {
		return nil, err
	}
	shown := roster.View(server, len(owed[server.ID]))
	for _, e := range s.Pool.Events(server.ID) {
		shown.Events = append(shown.Events, v1.Event{At: e.At.UTC().Truncate(time.Millisecond), Kind: e.Kind, Text: e.Text})
	}
	return shown, nil
}

func (s *Servers) add(r *http.Request) (any, error) {
	var n v1.NewServer
	if err := frame.Read(r, &n); err != nil {
		return nil, err
	}
	result, err := s.Roster.Add(r.Context(), n)
	if err != nil {
		return nil, err
	}
	frame.Logger(r).Info().Str("server", result.ID).Str("url", result.URL).Str("state", result.State).
		Bool("force", n.Force).Msg("server added")
	after := shownRecord(result.Server)
	after.Force = n.Force
	return frame.Changed{Answer: result, Made: true, Action: "add", Kind: "server", Object: result.ID, After: after}, nil
}

func (s *Servers) change(r *http.Request) (any, error) {
	var c v1.Change
	if err := frame.Read(r, &c); err != nil {
		return nil, err
	}
	result, was, err := s.Roster.Change(r.Context(), r.PathValue("id"), c)
	if err != nil {
		return nil, err
	}
	frame.Logger(r).Info().Str("server", result.ID).Strs("changed", roster.Differences(was.Before, was.After)).
		Bool("force", c.Force).Msg("server changed")
	return serverChanged(result, "set", was, c.Force), nil
}

// remove forgets a server.
func (s *Servers) remove(r *http.Request) (any, error) {
	force, err := frame.Flag(r, "force")
	if err != nil {
		return nil, err
	}
	server, err := s.Roster.Status(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if err := s.Roster.Remove(r.Context(), server.ID, force); err != nil {
		return nil, err
	}
	frame.Logger(r).Info().Str("server", server.ID).Int("meetings", server.Load.Meetings).Bool("force", force).Msg("server removed")
	return frame.Changed{
		Action: "remove", Kind: "server", Object: server.ID, Before: recordOf(server.Server), After: forced(force),
	}, nil
}

// enable lets a server take meetings. If it could before, it is said why it does not.
func (s *Servers) enable(r *http.Request) (any, error) {
	return s.setState(r, "enable", func(ctx context.Context, id string, force bool) (v1.Result, roster.Changed, error) {
		result, was, err := s.Roster.Enable(ctx, id, force)
		if was.Before.State == store.Enabled {
			result.Warning = s.whyNone(id)
		}
		return result, was, err
	})
}

func (s *Servers) cordon(r *http.Request) (any, error) {
	return s.setState(r, "cordon", func(ctx context.Context, id string, _ bool) (v1.Result, roster.Changed, error) {
		return s.Roster.Cordon(ctx, id)
	})
}

func (s *Servers) disable(r *http.Request) (any, error) {
	return s.setState(r, "disable", s.Roster.Disable)
}

// setState changes the state of the server that the path names.
func (s *Servers) setState(
	r *http.Request, action string, set func(ctx context.Context, id string, force bool) (v1.Result, roster.Changed, error),
) (any, error) {
	var f v1.Forced
	if err := frame.Read(r, &f); err != nil {
		return nil, err
	}
	result, was, err := set(r.Context(), r.PathValue("id"), f.Force)
	if err != nil {
		return nil, err
	}
	roster.LogState(frame.Logger(r), was.After, was.Before.State, f.Force)
	return serverChanged(result, action, was, f.Force), nil
}

// whyNone is why a server takes no meetings although it is enabled; "" where it does, or nobody has asked it yet.
func (s *Servers) whyNone(id string) string {
	server, ok := s.Pool.Server(id)
	if !ok || server.Health != poller.Suspect && server.Health != poller.Offline {
		return ""
	}
	return server.NotOnline(s.Now())
}

// test tests a server, with load if that is asked for.
func (s *Servers) test(r *http.Request) (any, error) {
	var t v1.Trial
	if err := frame.Read(r, &t); err != nil {
		return nil, err
	}
	options, err := roster.TrialOptions(t)
	if err != nil {
		return nil, err
	}
	server, err := s.Roster.Records.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	do := frame.Long(func(ctx context.Context, tell func(v1.Progress)) (any, error) {
		tried, err := s.Roster.Test(ctx, server, options, t.Admit, tell)
		if err != nil {
			return nil, err
		}
		frame.Logger(r).Info().Str("server", server.ID).Int("load", t.Meetings).Bool("passed", tried.Passed).
			Bool("admitted", tried.Admitted).Msg("server tested")
		return tried, nil
	})
	return frame.Changed{Answer: do, Action: "test", Kind: "server", Object: server.ID, After: t}, nil
}

// drain begins to drain a server, and waits for the end of that if it is asked to.
func (s *Servers) drain(r *http.Request) (any, error) {
	var d v1.Drain
	if err := frame.Read(r, &d); err != nil {
		return nil, err
	}
	server, err := s.Roster.Records.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	drainage, err := s.Roster.Drain(r.Context(), r.PathValue("id"), d, frame.Logger(r))
	if err != nil {
		return nil, err
	}
	begun := frame.Changed{Action: "drain", Kind: "server", Object: server.ID, Before: recordOf(server), After: d}
	if d.Wait {
		begun.Answer = frame.Long(drainage.Wait)
		return begun, nil
	}
	begun.Answer, err = drainage.Look(r.Context())
	return begun, err
}

// evacuate ends everything on a server.
func (s *Servers) evacuate(r *http.Request) (any, error) {
	var p v1.Panic
	if err := frame.Read(r, &p); err != nil {
		return nil, err
	}
	server, err := s.Roster.Records.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	do := frame.Long(func(ctx context.Context, tell func(v1.Progress)) (any, error) {
		panicked, err := s.Roster.Panic(ctx, server.ID, p, tell)
		if err != nil {
			return nil, err
		}
		frame.Logger(r).Warn().Str("server", panicked.ID).Str("state", panicked.State).Int("ended", panicked.Ended).
			Int("forgotten", panicked.Forgotten).Int("failed", len(panicked.Failed)).Bool("skip_end_calls", p.SkipEndCalls).
			Msg("server panic")
		return panicked, nil
	})
	return frame.Changed{Answer: do, Action: "panic", Kind: "server", Object: server.ID, Before: recordOf(server), After: p}, nil
}

// sync brings the pool in line with a list.
func (s *Servers) sync(r *http.Request) (any, error) {
	var wanted v1.Sync
	if err := frame.Read(r, &wanted); err != nil {
		return nil, err
	}
	sync, err := s.Roster.Compare(r.Context(), wanted)
	if err != nil {
		return nil, err
	}
	frame.Logger(r).Info().Str("mode", sync.Mode).Bool("dry_run", wanted.DryRun).Int("servers", sync.Listed).
		Int("changes", sync.Changes()).Msg("servers compared with a list")
	do := frame.Long(func(ctx context.Context, tell func(v1.Progress)) (any, error) {
		said := func(err error) string { return frame.Refusal(r, err).Message }
		return s.Roster.Perform(ctx, sync, frame.Logger(r), said, tell)
	})
	if wanted.DryRun {
		return frame.Unchanged{Answer: do}, nil
	}
	begun := syncBegun{Mode: sync.Mode, Listed: sync.Listed, Changes: sync.Changes()}
	return frame.Changed{
		Answer: do, Action: "sync", Kind: "server", After: begun, Each: synced("server", func(string) string { return "" }),
	}, nil
}

// script makes the script that sends a server's recordings to this pool. Its token lets in nothing else.
func (s *Servers) script(r *http.Request) (any, error) {
	if s.Script == nil {
		return nil, errNoRecordings
	}
	base, err := v1.BaseURL(r.URL.Query().Get("url"))
	if err != nil {
		return nil, err
	}
	server, err := s.Roster.Records.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	text, err := s.Script(base, server)
	if err != nil {
		return nil, v1.Invalid("%v", err)
	}
	frame.Logger(r).Info().Str("server", server.ID).Msg("script with the token of a server shown")
	return frame.Changed{Answer: v1.Script{Script: string(text)}, Action: "show script", Kind: "server", Object: server.ID}, nil
}
