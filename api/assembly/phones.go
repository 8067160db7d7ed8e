package assembly

import (
	"time"

	"github.com/bbbpool/bbbpool/api/fsapi"
	"github.com/bbbpool/bbbpool/api/gateway/learning"
	"github.com/bbbpool/bbbpool/api/gateway/lrs"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/bridges"
)

// This file puts together what telephones need, and what servers are told of tenants' learning record stores.

// bridged has meetings get the numbers that the settings ask for. Whoever makes a pool in Go may have said so himself.
func bridged(s Settings) Settings {
	if !s.Placement.Bridges.On() {
		s.Placement.Bridges = placement.Bridges{
			Length: s.Bridges.Length, External: s.Bridges.External, Numbers: bridges.Numbers,
		}
	}
	return s
}

// mountPhones has a FreeSWITCH asked where meetings are. Where nobody has set anything up for one there is no such door. Every
// instance answers by itself: all know all meetings.
func (p *Pool) mountPhones() {
	set := p.options.Settings
	if !set.Placement.Bridges.On() && set.Phones.Password == "" {
		return
	}
	api := &fsapi.API{
		Config: set.Phones, Duration: time.Duration(max(set.Gateway.Params.MaxDuration, 0)) * time.Minute,
		Meetings: p.Ledger, Server: p.serverURL, Now: p.options.Now, Log: p.log("fsapi"), Guessed: p.Gateway.Guessed,
	}
	if secrets := set.Gateway.FrontEndSecrets(); len(secrets) > 0 {
		api.Secret = secrets[0]
	}
	p.http.Mount(api)
}

// serverURL is the address of a server of the pool.
func (p *Pool) serverURL(id string) (url string, known bool) {
	s, known := p.Poller.Server(id)
	return s.URL, known
}

// learning makes what servers are told of tenants' learning record stores.
func (p *Pool) learning() learning.Payloads {
	payloads := &lrs.Payloads{Now: p.options.Now}
	p.Metrics.RegisterMetricsWriter(payloads.WriteMetrics)
	return payloads
}
