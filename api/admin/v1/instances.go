package v1

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// What an instance can be doing.
const (
	Leading   = "leading"   // it decides for the whole pool
	Following = "following" // it answers what needs no decision, and hands on the rest
	Leaving   = "leaving"   // it is about to end
	Silent    = "silent"    // nothing is heard of it
)

// Instance is a process of the pool, of which there may be several.
type Instance struct {
	ID       string    `json:"id"`
	Address  string    `json:"address"` // where other instances reach it: host and port
	Version  string    `json:"version"`
	Schema   int       `json:"schema"` // the highest one of the records that it knows
	State    string    `json:"state"`  // "leading", "following", "leaving" or "silent"
	Self     bool      `json:"self"`   // it is the one that answers
	Started  time.Time `json:"started"`
	Epoch    uint64    `json:"epoch,omitempty"`  // of its lease, where it leads
	LagMS    *float64  `json:"lag_ms,omitempty"` // how old its news of the leader is; absent where it leads, or nobody knows
	Problems []string  `json:"problems"`         // its own, in words
}

// Instances are the calls about the processes of the pool.
type Instances struct{ client *Client }

// List returns all instances, by ID.
func (i Instances) List(ctx context.Context) ([]Instance, error) {
	return call[[]Instance](ctx, i.client, http.MethodGet, "/instances", nil, nil)
}

// StepDown has an instance hand on the lead, and returns when another one has it, or nobody.
func (i Instances) StepDown(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, i.client, http.MethodPost, "/instances/"+url.PathEscape(id)+"/step-down", nil, struct{}{})
	return err
}
