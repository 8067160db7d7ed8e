package admin

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// Limits of a server's record.
const (
	maxID       = 64
	maxURL      = 1000
	maxSecret   = 1000
	maxTag      = 100
	maxWeight   = 1e6
	maxCapacity = 1_000_000
)

var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// record makes the record that is asked for, or tells everything that is wrong with it.
func (n NewServer) record(now time.Time) (store.Server, error) {
	s := store.Server{ID: n.ID, State: store.Disabled, Weight: 1, Created: now}
	if n.Enable {
		s.State = store.Enabled
	}
	c := Change{URL: &n.URL, Secret: &n.Secret, Weight: n.Weight, Capacity: &n.Capacity, Hard: &n.Hard, Tag: &n.Tag}
	faults := c.faults(&s)
	if n.ID != "" && !idForm.MatchString(n.ID) {
		faults = append(faults, "id: want up to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or a digit")
	}
	return s, told(faults)
}

// apply makes the changes to a record, or tells everything that is wrong with them.
func (c Change) apply(s *store.Server) error { return told(c.faults(s)) }

// told returns a clean nil where there is nothing to tell.
func told(faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	return invalid("%s", strings.Join(faults, "; "))
}

// differences says what was changed in a record; of a secret, that it was.
func differences(before, after store.Server) []string {
	s := &step{}
	s.note("url", before.URL, after.URL)
	if before.Secret != after.Secret {
		s.change.Fields = append(s.change.Fields, "secret: *** -> ***")
	}
	s.note("weight", fmt.Sprintf("%g", before.Weight), fmt.Sprintf("%g", after.Weight))
	s.note("capacity", strconv.Itoa(before.Capacity), strconv.Itoa(after.Capacity))
	s.note("hard", strconv.FormatBool(before.Hard), strconv.FormatBool(after.Hard))
	s.note("tag", before.Tag, after.Tag)
	return s.change.Fields
}

func (c Change) faults(s *store.Server) (faults []string) {
	wrong := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
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
		if !text(s.Secret.Reveal(), maxSecret) || s.Secret == "" {
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
		if !text(s.Tag, maxTag) || strings.ContainsAny(s.Tag, ";!") || s.Tag == "none" {
			wrong("tag: want up to %d bytes of text without ';' and '!', and not \"none\"", maxTag)
		}
	}
	return faults
}

// address is a server's URL in the pool's own form.
func address(s string) (string, error) {
	if !text(s, maxURL) {
		return "", fmt.Errorf("want up to %d bytes of text", maxURL)
	}
	return bbb.NormalizeURL(s)
}

// elsewhere tells whether two addresses, in the pool's own form, are of different machines, as far as addresses tell.
func elsewhere(before, after string) bool {
	x, err := url.Parse(before)
	y, wrong := url.Parse(after)
	return err != nil || wrong != nil || x.Host != y.Host
}

// text tells whether s is text of that size, without control characters.
func text(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
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
