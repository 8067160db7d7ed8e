package simulate

import "time"

// rule decides where meetings go.
type rule interface {
	// every is how often the rule's owner polls its servers.
	every() time.Duration
	// poll sees what is live on each server that is up.
	poll(p *pool) error
	// create returns the server for a meeting: one that is up, or nowhere.
	create(p *pool, meeting int) (server int, err error)
	// join hears that somebody was sent to a meeting.
	join(p *pool, meeting int)
}

// named is a rule by its name.
type named struct {
	name string
	make func() rule
}

func ruleSet() []named {
	return []named{
		{"c1", newOurs(0, 0)},
		{"c2", newOurs(lastSessions, 0)},
		{"c3", newOurs(lastSessions, seatMin)},
		{"scalelite", func() rule { return &scalelite{} }},
		{"bbblb", func() rule { return &bbblb{} }},
		{"bbblb-intended", func() rule { return &bbblb{intended: true} }},
		{"b3lb", func() rule { return &b3lb{} }},
		{"b3lb-sledunois", func() rule { return &sledunois{} }},
		{"pilos", func() rule { return &pilos{} }},
		{"round-robin", func() rule { return &roundRobin{} }},
		{"clairvoyant", func() rule { return &clairvoyant{} }},
	}
}

// Rules are the names of the rules, in the order of reports. C1 is the rule of package placement without history,
// hints and seats, C2 without seats, C3 with all.
func Rules() []string {
	var names []string
	for _, r := range ruleSet() {
		names = append(names, r.name)
	}
	return names
}

func newRule(name string) rule {
	for _, r := range ruleSet() {
		if r.name == name {
			return r.make()
		}
	}
	return nil
}
