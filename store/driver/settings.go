package driver

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/redis"
)

// Settings say where each group of records is kept, as flags. A group whose URL is empty is kept in the data directory. The
// names in the environment and what they mean are Scalelite's.
type Settings struct {
	RedisURL  store.Secret `name:"redis-url" placeholder:"URL" env:"REDIS_URL,BBBPOOL_REDIS_URL" help:"Redis that servers, tenants and claims are kept in; the data directory by default. Better in the environment: it has a password in it."`
	RedisPool int          `default:"20" placeholder:"N" env:"REDIS_POOL,BBBPOOL_REDIS_POOL" help:"Most connections to Redis. (default: ${default})"`
	// RedisNamespace is none where its name in the environment has no value, as in Scalelite.
	RedisNamespace string `default:"scalelite" empty:"none" placeholder:"NAME" env:"REDIS_NAMESPACE,BBBPOOL_REDIS_NAMESPACE" help:"What all keys in Redis begin with, and a colon. (default: ${default})"`
	// MeetingTTL is for Scalelite alone, which forgets its meetings by it; ours end when they end.
	MeetingTTL time.Duration `name:"meeting-ttl" default:"24h" env:"DEFAULT_MEETING_TTL,BBBPOOL_MEETING_TTL" help:"How long the entry of a meeting in Redis lasts that Scalelite reads, should it take over again; it matters to nothing else. (default: ${default})"`

	DatabaseURL       store.Secret `name:"database-url" placeholder:"URL" env:"DATABASE_URL,BBBPOOL_DATABASE_URL" help:"PostgreSQL that recordings and the history are kept in; the data directory by default. Better in the environment."`
	PreparedStatement string       `default:"true" enum:"true,false,TRUE,FALSE,True,False,1,0" placeholder:"BOOL" env:"PREPARED_STATEMENT,BBBPOOL_PREPARED_STATEMENT" help:"Let PostgreSQL keep prepared statements; false behind a pooler such as PgBouncer. (default: ${default})"`
}

// Schemes are what addresses of the two groups begin with.
var (
	stateSchemes = []string{"redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel"}
	indexSchemes = []string{"postgres", "postgresql", "postgis"}
)

// Validate tells whether the settings can be meant. It never has a password in what it says.
func (s Settings) Validate() error {
	errs := []error{scheme("REDIS_URL", s.RedisURL, stateSchemes), scheme("DATABASE_URL", s.DatabaseURL, indexSchemes)}
	if s.RedisURL != "" && errs[0] == nil {
		errs = append(errs, s.redis().Validate())
	}
	if s.DatabaseURL != "" && errs[1] == nil {
		errs = append(errs, s.postgres().Validate())
	}
	return errors.Join(errs...)
}

// postgres is what the adapter is told. Where the State is shared, other instances may be there, of an older version perhaps.
func (s Settings) postgres() postgres.Config {
	return postgres.Config{URL: s.DatabaseURL, Unprepared: !s.Prepared(), Shared: s.RedisURL != ""}
}

// redis is what the adapter is told.
func (s Settings) redis() redis.Config {
	return redis.Config{URL: s.RedisURL, Pool: s.RedisPool, Namespace: s.RedisNamespace, MeetingTTL: s.MeetingTTL}
}

// Prepared tells whether PostgreSQL may keep prepared statements.
func (s Settings) Prepared() bool {
	return !strings.EqualFold(s.PreparedStatement, "false") && s.PreparedStatement != "0"
}

// scheme tells whether an address is one of those.
func scheme(name string, address store.Secret, schemes []string) error {
	if address == "" {
		return nil
	}
	for _, known := range schemes {
		if strings.HasPrefix(strings.ToLower(address.Reveal()), known+":") {
			return nil
		}
	}
	return fmt.Errorf("%s: want an address that begins with %s://", name, strings.Join(schemes, ":// or "))
}

// Address tells whether a text is an address of a database, and of which group. What is none is a directory.
func Address(text string) (state, index bool) {
	address := store.Secret(text)
	return text != "" && scheme("", address, stateSchemes) == nil, text != "" && scheme("", address, indexSchemes) == nil
}

// parameters is what follows a question mark that is no character of a password.
var parameters = regexp.MustCompile(`\?([A-Za-z_.-]+=|$)`)

// Place is an address in words that anybody may read: without user, password and parameters, which may have passwords, too.
func Place(address store.Secret) string {
	scheme, rest, _ := strings.Cut(address.Reveal(), ":")
	place := parameters.Split(rest, 2)[0]
	place = place[strings.LastIndex(place, "@")+1:] // whatever a password has in it
	place, _, _ = strings.Cut(place, "?")
	return scheme + "://" + strings.TrimLeft(strings.TrimPrefix(place, "//"), " ")
}
