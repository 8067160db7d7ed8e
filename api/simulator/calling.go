package simulator

import (
	"context"
	"sync"

	"github.com/bbbpool/bbbpool/api/simulator/callback"
)

// What callbacks are made of, for those who set and look at them.
type (
	// CallbackFault is something that is wrong with callbacks.
	CallbackFault = callback.Fault
	// CallbackKind says what a callback is about.
	CallbackKind = callback.Kind
	// CallbackTrace is what became of an attempt to call back.
	CallbackTrace = callback.Trace
	// URLRules are the addresses that are called about an end.
	URLRules = callback.Rules
)

// FailCallbacks makes something go wrong with the callbacks that come up from now on.
func (s *Server) FailCallbacks(f CallbackFault) error { return s.faults.Set(f) }

// HealCallbacks has callbacks of some kinds, or of all where none is named, made as they should be from now on.
func (s *Server) HealCallbacks(kinds ...CallbackKind) { s.faults.Heal(kinds...) }

// SetURLRules says which addresses the server calls about an end, from the next call on.
func (s *Server) SetURLRules(r URLRules) error { return s.callbacks.SetRules(r) }

// Callbacks returns what became of the last attempts to call back, the oldest first.
func (s *Server) Callbacks() []CallbackTrace { return s.traces.All() }

// SendCallbacks sends at once all that waits to be sent, also what is not due, and waits for the answers.
func (s *Server) SendCallbacks(ctx context.Context) {
	s.callbacks.Rush()
	s.hooks.Rush()
	s.deliver(ctx)
}

// deliver sends what is due, and waits for the answers.
func (s *Server) deliver(ctx context.Context) {
	var delivering sync.WaitGroup
	delivering.Go(func() { s.callbacks.Deliver(ctx) })
	delivering.Go(func() { s.hooks.Deliver(ctx) })
	delivering.Wait()
}

// startDelivery has what is due sent, without waiting for it: the group does.
func (s *Server) startDelivery(ctx context.Context, sending *sync.WaitGroup) {
	s.callbacks.Start(ctx, sending)
	s.hooks.Start(ctx, sending)
}
