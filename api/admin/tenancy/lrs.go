package tenancy

import (
	"net/url"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

const (
	maxLRSURL    = 1000 // bytes
	maxLRSText   = 255  // bytes
	maxLRSSecret = 1000 // bytes
)

// recordStore makes the changes to a tenant's learning record store. An empty endpoint takes all of it away, so that no password
// stays which nobody sees.
func recordStore(c v1.LRSChange, at *store.LRS, wrong *mistakes) {
	if c.Endpoint != nil && strings.TrimSpace(*c.Endpoint) == "" && !sets(c) {
		*at = store.LRS{}
		return
	}
	lrsAddress("endpoint", c.Endpoint, &at.Endpoint, wrong)
	lrsAddress("token_url", c.TokenURL, &at.TokenURL, wrong)
	lrsText("user", c.User, &at.User, wrong)
	lrsText("client_id", c.ClientID, &at.ClientID, wrong)
	lrsText("token_user", c.TokenUser, &at.TokenUser, wrong)
	lrsSecret("password", c.Password, &at.Password, wrong)
	lrsSecret("client_secret", c.ClientSecret, &at.ClientSecret, wrong)
	lrsSecret("token_password", c.TokenPassword, &at.TokenPassword, wrong)
	switch {
	case len(*wrong) > 0:
	case at.Endpoint == "" && *at != (store.LRS{}):
		wrong.note("lrs.endpoint: missing, and the rest stands for nothing without it")
	case at.TokenURL != "" && (at.ClientID == "" || at.TokenUser == ""):
		wrong.note("lrs.token_url: want a client_id and a token_user as well, which a token is got for")
	}
}

// sets tells whether a change has a value for anything.
func sets(c v1.LRSChange) bool {
	for _, text := range []*string{
		c.Endpoint, c.TokenURL, c.User, c.ClientID, c.TokenUser, (*string)(c.Password), (*string)(c.ClientSecret),
		(*string)(c.TokenPassword),
	} {
		if text != nil && strings.TrimSpace(*text) != "" {
			return true
		}
	}
	return false
}

// lrsAddress takes an address. What is wrong with it is not repeated: it may have a password in it.
func lrsAddress(name string, want, at *string, wrong *mistakes) {
	if want == nil {
		return
	}
	*at = strings.TrimSpace(*want)
	u, err := url.Parse(*at)
	if *at != "" && (err != nil || !v1.IsText(*at, maxLRSURL) || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" ||
		u.User != nil || u.Fragment != "") {
		wrong.note("lrs.%s: want https://HOST/…, up to %d bytes, without a password in it", name, maxLRSURL)
	}
}

func lrsText(name string, want, at *string, wrong *mistakes) {
	if want == nil {
		return
	}
	if *at = strings.TrimSpace(*want); !v1.IsText(*at, maxLRSText) {
		wrong.note("lrs.%s: want up to %d bytes of text", name, maxLRSText)
	}
}

// lrsSecret takes a secret, as it is: blanks may be part of a password. What masks one is none: somebody has sent back what he
// was shown.
func lrsSecret(name string, want *v1.Secret, at *store.Secret, wrong *mistakes) {
	if want == nil {
		return
	}
	value := want.Reveal()
	if *at = store.Secret(value); !v1.IsText(value, maxLRSSecret) || value != "" && strings.Trim(value, "*") == "" {
		wrong.note("lrs.%s: want up to %d bytes of text, and not what masks a secret", name, maxLRSSecret)
	}
}

// lrs shows a tenant's learning record store; nil where it has none.
func lrs(l store.LRS) *v1.TenantLRS {
	if l == (store.LRS{}) {
		return nil
	}
	return &v1.TenantLRS{
		Endpoint: l.Endpoint, User: l.User, Password: v1.Secret(l.Password), TokenURL: l.TokenURL, ClientID: l.ClientID,
		ClientSecret: v1.Secret(l.ClientSecret), TokenUser: l.TokenUser, TokenPassword: v1.Secret(l.TokenPassword),
	}
}

// lrsDifferences notes what a change makes of it. Addresses that another program has stored may have passwords in them.
func lrsDifferences(x, y store.LRS) (list []string) {
	for _, f := range []struct {
		name string
		same bool
	}{
		{"endpoint", x.Endpoint == y.Endpoint},
		{"user", x.User == y.User},
		{"password", x.Password == y.Password},
		{"token_url", x.TokenURL == y.TokenURL},
		{"client_id", x.ClientID == y.ClientID},
		{"client_secret", x.ClientSecret == y.ClientSecret},
		{"token_user", x.TokenUser == y.TokenUser},
		{"token_password", x.TokenPassword == y.TokenPassword},
	} {
		if !f.same {
			list = append(list, "lrs."+f.name+": changed")
		}
	}
	return list
}
