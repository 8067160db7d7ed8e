package instances

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// What instances ask each other for operators.
const (
	statePath    = "/state"
	stepDownPath = "/step-down"
)

// bounds of what another instance says of itself.
const (
	stateWithin  = time.Second
	maxState     = 64 << 10
	maxProblems  = 50
	stepDownCall = 15 * time.Second
)

// self is this instance, as it is now.
func (i *Instance) self(ctx context.Context) v1.Instance {
	one := v1.Instance{
		ID: i.id, Address: i.keeper.Address, Version: i.parts.Version, Schema: i.parts.Schema, State: v1.Following,
		Started: i.started.UTC(),
	}
	epoch, leads := i.Leads()
	lag, heard := i.feed.Lag()
	switch {
	case leads:
		one.State, one.Epoch = v1.Leading, epoch
	case heard:
		ms := float64(lag.Milliseconds())
		one.LagMS = &ms
	}
	if i.leaving.Load() {
		one.State = v1.Leaving
	}
	if i.problems != nil {
		one.Problems = i.problems(ctx)
	}
	one.Problems = one.Problems[:min(len(one.Problems), maxProblems)]
	return one
}

func (i *Instance) serveState(w http.ResponseWriter, r *http.Request) {
	text, err := json.Marshal(i.self(r.Context()))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // who has asked is gone
}

// List returns all instances by ID, each as it says itself that it is. One that does not answer is silent. While the shared store
// is away those are asked that were there when it was last seen.
func (i *Instance) List(ctx context.Context) ([]v1.Instance, error) {
	if err := store.Ignore(i.members.look(ctx), store.ErrAway); err != nil {
		return nil, fmt.Errorf("list the instances: %w", err)
	}
	known, _ := i.members.known()
	if !slices.ContainsFunc(known, func(one store.Instance) bool { return one.ID == i.id }) {
		known = append(slices.Clone(known), i.members.self())
	}
	list := make([]v1.Instance, len(known))
	var all sync.WaitGroup
	for n, one := range known {
		all.Go(func() { list[n] = i.ask(ctx, one) })
	}
	all.Wait()
	slices.SortFunc(list, func(x, y v1.Instance) int { return strings.Compare(x.ID, y.ID) })
	return list, nil
}

// ask asks an instance how it is. Who it is stays what the store says.
func (i *Instance) ask(ctx context.Context, one store.Instance) v1.Instance {
	if one.ID == i.id {
		own := i.self(ctx)
		own.Self = true
		return own
	}
	silent := v1.Instance{
		ID: one.ID, Address: one.Address, Version: one.Version, Schema: one.Schema, State: v1.Silent, Started: one.Started,
	}
	ctx, cancel := context.WithTimeout(ctx, stateWithin)
	defer cancel()
	var said v1.Instance
	if err := i.get(ctx, one.Address, &said); err != nil || said.ID != one.ID {
		return silent
	}
	said.Self, said.Address, said.Problems = false, one.Address, said.Problems[:min(len(said.Problems), maxProblems)]
	switch said.State {
	case v1.Leading, v1.Following, v1.Leaving:
	default:
		said.State = v1.Following // a newer one has another word
	}
	return said
}

// get reads the state of another instance.
func (i *Instance) get(ctx context.Context, addr string, into *v1.Instance) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+addr+statePath, nil)
	if err != nil {
		return err
	}
	resp, err := i.client.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %d", resp.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxState)).Decode(into)
}

// StepDown has an instance hand on the lead, and returns when another one has it. One that does not lead has nothing to hand on.
// It returns store.ErrNotFound where there is no such instance.
func (i *Instance) StepDown(ctx context.Context, id string) error {
	if id == i.id {
		return i.stepDown(ctx)
	}
	if err := i.members.look(ctx); err != nil {
		return fmt.Errorf("look for the instance: %w", err)
	}
	known, _ := i.members.known()
	for _, one := range known {
		if one.ID == id {
			return i.haveStepDown(ctx, one)
		}
	}
	return fmt.Errorf("instance %s: %w", id, store.ErrNotFound)
}

// stepDown hands on the lead of this instance.
func (i *Instance) stepDown(ctx context.Context) error {
	if !i.keeper.Leading() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stepDownCall)
	defer cancel()
	if !i.members.others(ctx) {
		return v1.Conflict("this is the only instance: there is none that could lead in its place")
	}
	if err := i.keeper.StepDown(ctx, i.requests.settle); err != nil {
		return nil // it has ceased to lead meanwhile
	}
	if !i.awaitLeader(ctx) {
		return v1.Conflict("this instance has given the lead back, and no other has taken it yet: see bbbpool instance list")
	}
	return nil
}

func (i *Instance) serveStepDown(w http.ResponseWriter, r *http.Request) {
	err := i.stepDown(r.Context())
	if wrong, ok := errors.AsType[*v1.Error](err); ok {
		http.Error(w, wrong.Message, http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// haveStepDown asks another instance to hand on the lead.
func (i *Instance) haveStepDown(ctx context.Context, one store.Instance) error {
	ctx, cancel := context.WithTimeout(ctx, stepDownCall)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+one.Address+stepDownPath, nil)
	if err != nil {
		return err
	}
	resp, err := i.client.RoundTrip(r)
	if err != nil {
		return v1.Conflict(fmt.Sprintf("instance %s cannot be reached at %s", one.ID, one.Address))
	}
	defer func() { _ = resp.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if resp.StatusCode != http.StatusNoContent {
		return v1.Conflict(strings.TrimSpace(string(said)))
	}
	return nil
}
