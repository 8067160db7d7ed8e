package assembly

import "github.com/bbbpool/bbbpool/api/callbacks/reach"

// callbackSite is where servers are told to call; nil where nobody would answer there.
func (p *Pool) callbackSite() *reach.Site {
	if p.offline {
		return nil
	}
	return &reach.Site{Bases: func() (bases []string) {
		if public := p.options.Settings.HTTP.PublicURL; public != "" {
			bases = append(bases, public)
		}
		return bases
	}}
}
