package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// addDeadline is how long a server may take to be recognised when it is added, changed or checked.
	addDeadline = 10 * time.Second
	// enableDeadline is how long one may take that was recognised before.
	enableDeadline = 5 * time.Second
)

func (a *API) listServers(r *http.Request) (any, error) {
	reveal, err := flag(r, "reveal")
	if err != nil {
		return nil, err
	}
	owed, err := a.owed(r.Context())
	if err != nil {
		return nil, err
	}
	servers := a.Pool.Servers()
	if reveal {
		a.logger(r).Info().Int("servers", len(servers)).Msg("secrets of servers shown")
		return reveals(servers, owed), nil
	}
	list := []Server{}
	for _, s := range servers {
		list = append(list, newServer(s, len(owed[s.ID])))
	}
	return list, nil
}

// inClear is a [Revealed] on its way to whoever has asked for it.
type inClear struct {
	Server
	Secret string `json:"secret"`
}

func reveals(servers []poller.Status, owed map[string][]string) []inClear {
	list := []inClear{}
	for _, s := range servers {
		list = append(list, inClear{newServer(s, len(owed[s.ID])), s.Secret.Reveal()})
	}
	return list
}

func (a *API) showServer(r *http.Request) (any, error) {
	s, err := a.server(r)
	if err != nil {
		return nil, err
	}
	owed, err := a.owed(r.Context())
	if err != nil {
		return nil, err
	}
	shown := newServer(s, len(owed[s.ID]))
	for _, e := range a.Pool.Events(s.ID) {
		shown.Events = append(shown.Events, Event{At: e.At.UTC().Truncate(time.Millisecond), Kind: e.Kind, Text: e.Text})
	}
	return shown, nil
}

// show shows a server after something was done to it: what it owes is not what that must fail for.
func (a *API) show(ctx context.Context, s poller.Status) Server {
	owed, err := a.owed(ctx)
	if err != nil {
		a.Log.Error().Err(err).Str("server", s.ID).Msg("count what a server owes")
	}
	return newServer(s, len(owed[s.ID]))
}

// server returns the status of the server that the path names.
func (a *API) server(r *http.Request) (poller.Status, error) {
	id := r.PathValue("id")
	s, ok := a.Pool.Server(id)
	if !ok {
		return s, noServer(id)
	}
	return s, nil
}

// record returns the record of the server that the path names.
func (a *API) record(r *http.Request) (store.Server, error) {
	id := r.PathValue("id")
	s, err := a.Servers.Server(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return s, noServer(id)
	}
	return s, err
}

func noServer(id string) *Error {
	return notFound("there is no server %q: bbbpool server list shows those there are", id)
}

func (a *API) addServer(r *http.Request) (any, error) {
	var n NewServer
	if err := read(r, &n); err != nil {
		return nil, err
	}
	record, err := n.record(a.now())
	if err != nil {
		return nil, err
	}
	if _, err := a.clash(r.Context(), record, ""); err != nil {
		return nil, err // said before the server is asked, which may take a while
	}
	result, err := a.try(r.Context(), &record, n.Force)
	if err != nil {
		return nil, err
	}
	if n.Enable && !n.Force {
		if result.Warning, err = a.examine(r.Context(), &record); err != nil {
			return nil, err
		}
	}
	if err := a.join(r.Context(), &record, n.Force, &result.Warning); err != nil {
		return nil, err
	}
	a.logger(r).Info().Str("server", record.ID).Str("url", record.URL).Str("state", string(record.State)).
		Bool("force", n.Force).Msg("server added")
	return created{a.outcome(r.Context(), record, result)}, nil
}

// join takes a server into the pool that is not there under another name. What is to be said of that is added to the
// warning.
func (a *API) join(ctx context.Context, record *store.Server, force bool, warning *string) error {
	a.joining.Lock()
	defer a.joining.Unlock()
	more, err := a.distinct(ctx, *record, force)
	if err != nil {
		return err
	}
	*warning = both(*warning, more)
	return a.insert(ctx, record)
}

// both are two things to say, of which each may be missing.
func both(one, more string) string {
	if one != "" && more != "" {
		return one + "; " + more
	}
	return one + more
}

// insert stores a new server under an ID that nobody has. The caller hanging up does not stop half of it.
func (a *API) insert(ctx context.Context, record *store.Server) error {
	ctx = context.WithoutCancel(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	taken, err := a.clash(ctx, *record, "")
	if err != nil {
		return err
	}
	if record.ID == "" {
		record.ID = deriveID(record.URL, taken)
	}
	if err := a.Servers.CreateServer(ctx, *record); err != nil {
		return err
	}
	a.Pool.SetServer(*record)
	return nil
}

// clash tells whether a server other than self has the ID or the URL already, and returns all IDs that are taken.
func (a *API) clash(ctx context.Context, record store.Server, self string) (taken map[string]bool, err error) {
	servers, err := a.Servers.Servers(ctx)
	if err != nil {
		return nil, err
	}
	taken = make(map[string]bool, len(servers))
	for _, s := range servers {
		taken[s.ID] = true
		switch {
		case s.ID == self:
		case s.ID == record.ID:
			return nil, exists("there is a server %s already: choose another ID", s.ID)
		case s.URL == record.URL:
			return nil, inPool(s)
		}
	}
	return taken, nil
}

func inPool(s store.Server) *Error {
	return exists("%s is in the pool already, as server %s", s.URL, s.ID)
}

// try diagnoses a server, and notes the algorithm that it accepts. With force it may be whatever it is.
func (a *API) try(ctx context.Context, record *store.Server, force bool) (Result, error) {
	d, err := a.diagnose(ctx, *record, addDeadline)
	if err == nil {
		record.Checksum = string(d.Algorithm)
		return Result{Diagnosis: newDiagnosis(d)}, nil
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		return Result{}, refused
	}
	if !force || ctx.Err() != nil {
		return Result{}, unsound(err)
	}
	return Result{Warning: err.Error()}, nil
}

// diagnose asks a server who it is. An [*Error] is a refusal that nobody overrides.
func (a *API) diagnose(ctx context.Context, s store.Server, limit time.Duration) (bbb.Diagnosis, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := a.notPool(ctx, s); err != nil {
		return bbb.Diagnosis{}, err
	}
	return bbb.Diagnose(ctx, bbb.Endpoint{URL: s.URL, Secret: bbb.Secret(s.Secret)}, a.Pool.NewClient)
}

// outcome completes a result with what the server has become.
func (a *API) outcome(ctx context.Context, record store.Server, result Result) Result {
	status, ok := a.Pool.Server(record.ID)
	if !ok { // removed in this very moment
		status = poller.Status{Server: record, Health: poller.Unknown}
	}
	result.Server = a.show(ctx, status)
	return result
}

func (a *API) changeServer(r *http.Request) (any, error) {
	var c Change
	if err := read(r, &c); err != nil {
		return nil, err
	}
	before, err := a.record(r)
	if err != nil {
		return nil, err
	}
	after := before
	if err := c.apply(&after); err != nil {
		return nil, err
	}
	var result Result
	var record store.Server
	if c.URL == nil && c.Secret == nil {
		record, err = a.update(r.Context(), before.ID, c.apply)
	} else {
		record, result, err = a.readdress(r.Context(), before, after, c)
	}
	if err != nil {
		return nil, err
	}
	a.logger(r).Info().Str("server", record.ID).Strs("changed", differences(before, record)).Bool("force", c.Force).
		Msg("server changed")
	return a.outcome(r.Context(), record, result), nil
}

// readdress changes a server that may be another machine afterwards, once that is seen to be one that can be used.
func (a *API) readdress(
	ctx context.Context, before, after store.Server, c Change,
) (record store.Server, result Result, err error) {
	if _, err := a.clash(ctx, after, before.ID); err != nil {
		return record, result, err
	}
	if result, err = a.try(ctx, &after, c.Force); err != nil {
		return record, result, err
	}
	a.joining.Lock()
	defer a.joining.Unlock()
	more, err := a.distinct(ctx, after, c.Force)
	if err != nil {
		return record, result, err
	}
	result.Warning = both(result.Warning, more)
	record, err = a.move(ctx, after, func(s *store.Server) error {
		if s.URL != before.URL || s.Secret != before.Secret {
			return conflict("server %s was changed meanwhile: look at it and try again", before.ID)
		}
		s.Checksum = after.Checksum
		return c.apply(s)
	})
	forgotten := !before.Admitted.IsZero() && record.Admitted.IsZero()
	if forgotten && record.State != store.Disabled && result.Warning == "" {
		result.Warning = "it was tested at another address: bbbpool server test " + record.ID + " tests it here"
	}
	return record, result, err
}

// update changes a record and tells the pool, in one order for both.
func (a *API) update(ctx context.Context, id string, change func(*store.Server) error) (store.Server, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.write(ctx, id, change)
}

// move is an update after which a server has an address that no other server may have.
func (a *API) move(ctx context.Context, after store.Server, change func(*store.Server) error) (store.Server, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.clash(context.WithoutCancel(ctx), after, after.ID); err != nil {
		return after, err
	}
	return a.write(ctx, after.ID, change)
}

// write changes a record and tells the pool. The caller holds the lock.
func (a *API) write(ctx context.Context, id string, change func(*store.Server) error) (store.Server, error) {
	record, err := a.Servers.UpdateServer(context.WithoutCancel(ctx), id, change)
	if errors.Is(err, store.ErrNotFound) {
		return record, noServer(id)
	}
	if err != nil {
		return record, err
	}
	a.Pool.SetServer(record)
	return record, nil
}

// removeServer forgets a server. As long as it has people or meetings, or owes recordings, somebody has to insist,
// whatever its state and health are: nobody would find the ones any more, and nobody would wait for the others.
func (a *API) removeServer(r *http.Request) (any, error) {
	force, err := flag(r, "force")
	if err != nil {
		return nil, err
	}
	s, err := a.server(r)
	if err != nil {
		return nil, err
	}
	if err := a.remove(r.Context(), s.ID, force); err != nil {
		return nil, err
	}
	a.logger(r).Info().Str("server", s.ID).Int("meetings", s.Load.Meetings).Bool("force", force).Msg("server removed")
	return nil, nil //nolint:nilnil // there is nothing to say
}

func (a *API) remove(ctx context.Context, id string, force bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	left, err := a.left(ctx, id)
	if err != nil {
		return err
	}
	if !force && !left.nothing() {
		return conflict("server %s %s: bbbpool server drain --wait %s waits for the end of that, and disables it; --force "+
			"removes it now, and %s", id, left.has(), id, left.follows())
	}
	if err := a.Servers.DeleteServer(ctx, id); err != nil {
		return err
	}
	return a.Pool.RemoveServer(ctx, id)
}
