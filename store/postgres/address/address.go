// Package address understands where a PostgreSQL is and how it is to be spoken to, as DATABASE_URL says it for Ruby on Rails. It
// never connects to it.
package address

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bbbpool/bbbpool/store"
)

// Config says where the database is, and how it is spoken to.
type Config struct {
	URL store.Secret // as Rails has it in DATABASE_URL: postgres://user:password@host:port/database?pool=5&sslmode=require
	// Unprepared leaves out prepared statements, for poolers that hand each transaction to another connection. Rails has
	// PREPARED_STATEMENT=false for it, and prepared_statements=false in the URL.
	Unprepared bool
	Timeout    time.Duration    // the longest that a call takes; 0 for 5 s
	DryRun     bool             // Open changes nothing, and says in DB.Plan what it would have done
	Shared     bool             // by instances, perhaps of older versions: they are refused by DB.RaiseSchema, and not by Open
	Now        func() time.Time // nil for time.Now
	Name       string           // by which the server lists who is connected, where the URL does not say; Name if empty
}

// Name is what a pool is called in the list of who is connected.
const Name = "bbbpool"

const (
	defaultTimeout  = 5 * time.Second
	defaultPool     = 10
	defaultDatabase = "scalelite" // as Scalelite has it where its URL names none
)

// Settings is what a URL says, understood.
type Settings struct {
	Host     string // where the database is, without any secret: for people
	Database string
	Notes    []string // parameters that mean something to Rails alone, and are ignored

	Pool *pgxpool.Config // with what the URL does not say
}

var errNoURL = errors.New("no database: DATABASE_URL is empty")

// Validate says what is wrong with the configuration. It never shows the URL, which may hold a password.
func (c Config) Validate() error {
	_, err := c.Parse()
	return err
}

// Parse understands the URL. Its errors never show it.
func (c Config) Parse() (*Settings, error) {
	if c.URL == "" {
		return nil, errNoURL
	}
	text, socket := splitSocket(c.URL.Reveal())
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("DATABASE_URL is no URL (special characters in a password are written as %XX)")
	}
	if !slices.Contains([]string{"postgres", "postgresql", "postgis"}, u.Scheme) {
		return nil, fmt.Errorf("DATABASE_URL begins with %.20q: only postgres:// or postgresql:// can be used", u.Scheme+"://")
	}
	u.Scheme = "postgres"
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("DATABASE_URL: what stands behind the ? cannot be read")
	}
	if socket != "" && !query.Has("host") {
		query.Set("host", socket)
	}
	if strings.Trim(u.Path, "/") == "" && !query.Has("database") && !query.Has("dbname") {
		u.Path = "/" + defaultDatabase
	}
	s := &Settings{}
	unprepared, err := s.rails(query)
	if err != nil {
		return nil, err
	}
	u.RawQuery = query.Encode()
	if s.Pool, err = pgxpool.ParseConfig(u.String()); err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %s", reasonOf(err))
	}
	s.Host, s.Database = s.Pool.ConnConfig.Host, s.Pool.ConnConfig.Database
	c.tune(s.Pool, query, c.Unprepared || unprepared)
	return s, nil
}

// socketHost is a host in a URL that is the path of a socket, as libpq has it.
var socketHost = regexp.MustCompile(`^([a-z]+://(?:[^/?#]*@)?)(%2[Ff][^/?#:@]*)`)

// splitSocket takes the directory of a socket out of a URL that has it in the place of the host, where Go's URLs cannot have one.
func splitSocket(text string) (rest, dir string) {
	found := socketHost.FindStringSubmatchIndex(text)
	if found == nil {
		return text, ""
	}
	dir, err := url.PathUnescape(text[found[4]:found[5]])
	if err != nil {
		return text, ""
	}
	return text[:found[4]] + text[found[5]:], dir
}

// reasonOf is why pgx has refused a URL, without the URL that pgx puts before it.
func reasonOf(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "`: "); i >= 0 {
		text = text[i+3:]
	}
	for _, sign := range []string{"://", "password", "@"} {
		if strings.Contains(text, sign) {
			return "a parameter, a file that it names, or the address cannot be used"
		}
	}
	return text
}

// ignored are the parameters that mean nothing here.
var ignored = []string{
	"encoding", "schema_search_path", "min_messages", "variables", "insert_returning", "reaping_frequency", "idle_timeout",
	"checkout_timeout", "timeout", "reconnect", "retries", "connection_retries", "advisory_locks", "adapter", "statement_limit",
	"query_cache", "schema_cache_path", "lazy_schema_cache_load", "use_metadata_table", "migrations_paths", "database_tasks",
	"replica", "wait_timeout", "read_timeout", "write_timeout", "strict", "min_connections", "max_age", "keepalive",
	// Those of libpq, which Rails hands on, that are about sockets and methods which are not used here.
	"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "gssencmode", "gsslib",
	"gssdelegation", "sslcompression", "fallback_application_name",
}

// rails takes out of the parameters what Rails means by them.
func (s *Settings) rails(query url.Values) (unprepared bool, err error) {
	for _, name := range []string{"pool", "max_connections"} {
		size := query.Get(name)
		query.Del(name)
		if size == "" || query.Has("pool_max_conns") {
			continue
		}
		if n, err := strconv.Atoi(size); err != nil || n < 1 || n > 1000 {
			return false, fmt.Errorf("DATABASE_URL: %s=%.20q is no number of connections", name, size)
		}
		query.Set("pool_max_conns", size)
	}
	if name := query.Get("username"); name != "" && !query.Has("user") {
		query.Set("user", name)
	}
	query.Del("username")
	prepared := strings.ToLower(query.Get("prepared_statements"))
	query.Del("prepared_statements")
	for _, name := range ignored {
		for key := range query {
			if key == name || strings.HasPrefix(key, name+"[") {
				query.Del(key)
				s.Notes = append(s.Notes, fmt.Sprintf("DATABASE_URL: %s is ignored", key))
			}
		}
	}
	slices.Sort(s.Notes)
	return slices.Contains([]string{"false", "0", "no", "off", "f"}, prepared), nil
}

// tune sets what a connection is like, where the URL does not say.
func (c Config) tune(pool *pgxpool.Config, query url.Values, unprepared bool) {
	if !query.Has("pool_max_conns") {
		pool.MaxConns = defaultPool
	}
	if !query.Has("connect_timeout") {
		pool.ConnConfig.ConnectTimeout = 3 * time.Second
	}
	pool.PingTimeout = time.Second
	if unprepared {
		pool.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
		pool.ConnConfig.StatementCacheCapacity, pool.ConnConfig.DescriptionCacheCapacity = 0, 0
		return // a pooler may refuse parameters at the start: each transaction sets its own
	}
	set := pool.ConnConfig.RuntimeParams
	for name, value := range c.Limits() {
		if _, ok := set[name]; !ok {
			set[name] = value
		}
	}
	if set["application_name"] == "" {
		set["application_name"] = cmp.Or(c.Name, Name)
	}
}

// Limits are what the server itself bounds, a little shorter than our own deadlines, so that it ends first what we give up; and
// that it neither plans a question anew each time nor compiles it, which takes longer than answering.
func (c Config) Limits() map[string]string {
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	return map[string]string{
		"statement_timeout": ms(c.Longest() * 9 / 10), "lock_timeout": ms(c.Longest() * 7 / 10),
		"idle_in_transaction_session_timeout": ms(2 * c.Longest()), "jit": "off", "plan_cache_mode": "force_generic_plan",
	}
}

// Longest is the longest that a call takes.
func (c Config) Longest() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return defaultTimeout
}

// Clock is the time.
func (c Config) Clock() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}
