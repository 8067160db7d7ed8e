package roster

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// Limits of a server's record, in bytes, people and weight.
const (
	maxID       = 64
	maxSecret   = 1000
	MaxTag      = 100 // also of a tenant's
	maxWeight   = 1e6
	maxCapacity = 1_000_000
)

var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// newRecord makes the record that is asked for, or tells everything that is wrong with it.
func newRecord(n v1.NewServer, now time.Time) (store.Server, error) {
	s := store.Server{ID: n.ID, State: store.Disabled, Weight: 1, Created: now}
	if n.Enable {
		s.State = store.Enabled
	}
	c := v1.Change{URL: &n.URL, Secret: &n.Secret, Weight: n.Weight, Capacity: &n.Capacity, Hard: &n.Hard, Tag: &n.Tag}
	mistakes := apply(c, &s)
	if n.ID != "" && !idForm.MatchString(n.ID) {
		mistakes = append(mistakes, "id: want up to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or a digit")
	}
	return s, v1.InvalidAll(mistakes)
}

// changing makes the changes to a record, or tells everything that is wrong with them.
func changing(c v1.Change) func(*store.Server) error {
	return func(s *store.Server) error { return v1.InvalidAll(apply(c, s)) }
}

// differences are what was changed in a record, as "weight: 1 -> 2"; of a secret, that it was.
type differences []string

// note notes a difference, if there is one.
func (d *differences) note(field, before, after string) {
	switch {
	case before == after:
	case before == "":
		*d = append(*d, field+": "+after)
	case after == "":
		*d = append(*d, field+": "+before+" -> none")
	default:
		*d = append(*d, field+": "+before+" -> "+after)
	}
}

// noteSecret notes that the secret is another.
func (d *differences) noteSecret(before, after store.Secret) {
	if before != after {
		*d = append(*d, "secret: *** -> ***")
	}
}

// Differences says what was changed in a record; of a secret, that it was.
func Differences(before, after store.Server) []string {
	var d differences
	d.note("url", before.URL, after.URL)
	d.noteSecret(before.Secret, after.Secret)
	if before.Secret == after.Secret {
		d.note("former secret until", until(before), until(after))
	}
	d.note("weight", fmt.Sprintf("%g", before.Weight), fmt.Sprintf("%g", after.Weight))
	d.note("capacity", strconv.Itoa(before.Capacity), strconv.Itoa(after.Capacity))
	d.note("hard", strconv.FormatBool(before.Hard), strconv.FormatBool(after.Hard))
	d.note("tag", before.Tag, after.Tag)
	return d
}

// until is when a server has no longer two secrets.
func until(s store.Server) string {
	if s.FormerUntil.IsZero() {
		return ""
	}
	return s.FormerUntil.UTC().Format(time.DateTime)
}

// apply makes the changes to a record, and returns what is wrong with them.
func apply(c v1.Change, s *store.Server) (mistakes []string) {
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Sprintf(format, args...)) }
	if c.URL != nil {
		to, err := address(*c.URL)
		if err != nil {
			wrong("url: %v", err)
		}
		if elsewhere(s.URL, to) {
			s.Admitted = time.Time{} // it was another machine that passed
		}
		s.URL = to
	}
	if c.Secret != nil {
		s.Secret = store.Secret(strings.TrimSpace(c.Secret.Reveal()))
		if !v1.IsText(s.Secret.Reveal(), maxSecret) || s.Secret == "" {
			wrong("secret: missing or no text; bbb-conf --secret prints it on the server")
		}
	}
	if c.Weight != nil {
		s.Weight = *c.Weight
		if s.Weight <= 0 || s.Weight > maxWeight { // JSON has no form for what is no number
			wrong("weight: want a number above 0, at most %g", float64(maxWeight))
		}
	}
	if c.Capacity != nil {
		s.Capacity = *c.Capacity
		if s.Capacity < 0 || s.Capacity > maxCapacity {
			wrong("capacity: want a number of people from 0 (no limit) to %d", maxCapacity)
		}
	}
	if c.Hard != nil {
		s.Hard = *c.Hard
	}
	if (c.Capacity != nil || c.Hard != nil) && s.Hard && s.Capacity == 0 {
		wrong("hard: want a capacity above 0 with it, there is no limit to keep otherwise")
	}
	if c.Tag != nil {
		s.Tag = strings.TrimSpace(*c.Tag)
		if !v1.IsText(s.Tag, MaxTag) || strings.ContainsAny(s.Tag, ";!") || s.Tag == "none" {
			wrong("tag: want up to %d bytes of text without ';' and '!', and not \"none\"", MaxTag)
		}
	}
	return mistakes
}

// address is a server's URL in the pool's own form.
func address(s string) (string, error) {
	if !v1.IsText(s, v1.MaxURL) {
		return "", fmt.Errorf("want up to %d bytes of text", v1.MaxURL)
	}
	return NormalizeURL(s)
}

// elsewhere tells whether two addresses, in the pool's own form, are of different machines, as far as addresses tell.
func elsewhere(before, after string) bool {
	x, err := url.Parse(before)
	y, wrong := url.Parse(after)
	return err != nil || wrong != nil || x.Host != y.Host
}

// deriveID makes an ID from the name of the host, with a number where that is taken.
func deriveID(apiURL string, taken map[string]bool) string {
	name := "server"
	if u, err := url.Parse(apiURL); err == nil {
		host := []byte(strings.ToLower(u.Hostname()))
		for i, c := range host {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789._-", rune(c)) {
				host[i] = '-'
			}
		}
		if trimmed := strings.Trim(string(host), "._-"); trimmed != "" {
			name = trimmed
		}
	}
	id := name[:min(len(name), maxID)]
	for n := 2; taken[id]; n++ {
		suffix := fmt.Sprintf("-%d", n)
		id = name[:min(len(name), maxID-len(suffix))] + suffix
	}
	return id
}
