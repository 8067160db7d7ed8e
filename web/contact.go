package web

import (
	"fmt"
	"net/mail"
	"net/url"
)

// Config is what the pages say, as flags.
type Config struct {
	Contact string `env:"BBBPOOL_CONTACT" placeholder:"WHOM" help:"Whom people may ask for help: a mail address or a URL, shown on the pages that say what did not work."`
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	if c.Contact == "" || newContact(c.Contact) != nil {
		return nil
	}
	return fmt.Errorf("--contact %q: want a mail address, as help@example.edu, or a URL, as https://example.edu/help", c.Contact)
}

// contact is a link to somebody who helps.
type contact struct{ Link, Text string }

// newContact makes the link, or nil of what is neither an address nor a URL.
func newContact(text string) *contact {
	if a, err := mail.ParseAddress(text); err == nil && a.Address == text {
		return &contact{"mailto:" + url.PathEscape(text), text}
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil
	}
	return &contact{u.String(), text}
}
