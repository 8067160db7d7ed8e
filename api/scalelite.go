package api

import (
	"context"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/problems"
)

// unused are the settings of Scalelite that mean nothing here. All of them are named to whoever brings them along: what
// is not acted on in silence looks as if it were.
var unused = []string{
	// What it keeps its records in.
	"DB_CONNECTION_RETRY_COUNT", "DB_DISABLED",
	// Its process.
	"DEFAULT_LOCALE", "PIDFILE", "RAILS_ENV", "RAILS_LOG_TO_STDOUT", "RAILS_MASTER_KEY", "RAILS_MAX_THREADS",
	"RAILS_MIN_THREADS", "RAILS_SERVE_STATIC_FILES", "WEB_CONCURRENCY",
	// How it polls and counts.
	"INTERVAL", "LOAD_JOIN_BUFFER_TIME", "POLLER_THREADS", "POLLER_WAIT_TIMEOUT",
	// Recordings.
	"CF_KEY_PAIR_ID", "CF_PRIVATE_KEY_B64", "CLOUDFRONT_URL", "RECORDING_IMPORT_POLL", "RECORDING_PLAYBACK_FORMATS",
	"RECORDING_WORK_DIR", "S3_BUCKET_NAME", "S3_RECORDING",
	// Its containers.
	"BEHIND_PROXY", "NGINX_BEHIND_PROXY", "NGINX_HOSTNAME", "NGINX_RECORDINGS_ONLY", "NGINX_SSL", "SCALELITE_API_EXTRA_OPTS",
	"SCALELITE_API_PORT", "SCALELITE_NGINX_EXTRA_OPTS", "SCALELITE_TAG",
}

// amazon begins the names that Scalelite's storage goes by, where it is to keep recordings in one: storages say so.
const amazon = "AWS_"

var storages = []string{"S3_BUCKET_NAME", "S3_RECORDING"}

// Environment is what stands in the environment of a process, as [os.Environ] returns it. It is a source of problems with
// what stands there and means nothing.
type Environment []string

// scalelites returns the names that Scalelite goes by and bbbpool does not.
func (e Environment) scalelites() (names []string) {
	var amazons []string
	for _, entry := range e {
		switch name, value, _ := strings.Cut(entry, "="); {
		case value == "":
		case slices.Contains(unused, name):
			names = append(names, name)
		case strings.HasPrefix(name, amazon):
			amazons = append(amazons, name)
		}
	}
	if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(storages, name) }) {
		names = append(names, amazons...) // else they are of somebody else's
	}
	slices.Sort(names)
	return names
}

// Problems tells which settings were brought along and mean nothing. They are logged at the start.
func (e Environment) Problems(context.Context) []problems.Problem {
	names := e.scalelites()
	if names == nil {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Setting, ID: "environment"}, Name: "unused", Logged: true,
		Text: "settings of Scalelite that mean nothing here: " + strings.Join(names, ", "),
	}}
}

// Tenants tells whether Scalelite would have had tenants: NAME.PoolHost names one then.
func (c Config) Tenants() bool { return strings.EqualFold(c.Multitenancy, "true") }

// hosts tells what tenants miss that were to be named by their hosts.
func (c Config) hosts() []problems.Problem {
	if !c.Tenants() || c.PoolHost != "" {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Setting, ID: "MULTITENANCY_ENABLED"}, Name: "no-host",
		Logged: true,
		Text:   "MULTITENANCY_ENABLED is true without URL_HOST: no host names a tenant, calls are known by their secret alone",
		Remedy: "set URL_HOST to the name that the tenants' hosts end in",
	}}
}
