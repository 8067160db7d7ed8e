// Package address understands where a Redis is and how to get in, as REDIS_URL says it, here and in Scalelite. It never connects
// to it, and repeats no URL in an error: one may have a password in it.
package address

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

// Address is what a URL says of where a Redis is, and how to get in.
type Address struct {
	Network   string // "tcp" or "unix"; "sentinel" where sentinels know
	Hosts     []string
	Master    string // the name that sentinels know it by
	TLS       *tls.Config
	Username  string
	Password  store.Secret
	Database  int
	Sentinels store.Secret // the password of the sentinels; "" for none
}

// errURL is for what is no URL at all. A URL may have a password in it, so that no error repeats it.
var errURL = errors.New("it is no URL: want redis://, rediss://, unix:// or redis+sentinel://")

// Ports that are left out.
const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// Parse reads a URL in one of these forms, each of which may have USER:PASSWORD@, :PASSWORD@ and a number of a database:
//
//	redis://host:6379/0                             as Scalelite has it
//	rediss://host:6379/0                            with TLS; ?skip_verify=true believes any certificate
//	unix:///run/redis/redis.sock?db=0               through a socket
//	redis+sentinel://host:26379,host:26379/NAME/0   the master of that name, as sentinels know it; ?sentinel_password=…
//	rediss+sentinel://…                             the same, with TLS
//
// What it does not know is an error. No error says what the URL is.
func Parse(address store.Secret) (Address, error) {
	text := address.Reveal()
	if text == "" {
		return Address{}, errors.New("redis URL: there is none")
	}
	// The hosts of sentinels are no host that a URL may have, so they are taken out.
	scheme, rest, _ := strings.Cut(text, "://")
	u, err := url.Parse("redis://" + withoutHosts(rest))
	if err != nil || !strings.Contains(text, "://") {
		return Address{}, fmt.Errorf("redis URL: %w", errURL)
	}
	a := Address{Username: u.User.Username()}
	password, _ := u.User.Password()
	a.Password = store.Secret(password)
	switch scheme {
	case "redis", "rediss":
		err = a.host(hostsOf(rest), u)
	case "unix":
		a.Network, a.Hosts = "unix", []string{u.Path}
		err = a.database(u.Query().Get("db"))
	case "redis+sentinel", "rediss+sentinel":
		err = a.sentinel(hostsOf(rest), u)
	default:
		err = errURL
	}
	if err == nil {
		err = a.options(u.Query(), strings.HasPrefix(scheme, "rediss"))
	}
	if err != nil {
		return Address{}, fmt.Errorf("redis URL: %w", err)
	}
	return a, nil
}

// authority is where the part of a URL ends that says who and where.
func authority(rest string) (who, where, path string) {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	return rest[:at+1], rest[at+1 : end], rest[end:]
}

func hostsOf(rest string) string {
	_, where, _ := authority(rest)
	return where
}

func withoutHosts(rest string) string {
	who, _, path := authority(rest)
	return who + "host" + path
}

// host is one server.
func (a *Address) host(host string, u *url.URL) error {
	a.Network = "tcp"
	if host == "" {
		host = "127.0.0.1"
	}
	full, err := withPort(host, redisPort)
	a.Hosts = []string{full}
	db := strings.Trim(u.Path, "/")
	if db == "" {
		db = u.Query().Get("db")
	}
	return errors.Join(err, a.database(db))
}

// sentinel is a list of sentinels, and the name of a master.
func (a *Address) sentinel(hosts string, u *url.URL) error {
	a.Network = "sentinel"
	for host := range strings.SplitSeq(hosts, ",") {
		full, err := withPort(host, sentinelPort)
		if err != nil {
			return err
		}
		a.Hosts = append(a.Hosts, full)
	}
	master, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if a.Master = master; master == "" {
		return errors.New("want the name of the master behind the sentinels: redis+sentinel://host:26379/NAME")
	}
	if db == "" {
		db = u.Query().Get("db")
	}
	a.Sentinels = store.Secret(u.Query().Get("sentinel_password"))
	return a.database(db)
}

// withPort adds the port that is meant where there is none.
func withPort(host, port string) (string, error) {
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") || !strings.Contains(host, ":") {
		host += ":" + port
	}
	name, number, err := net.SplitHostPort(host)
	odd := strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune(`"\<>@,`, c) })
	if _, bad := strconv.ParseUint(number, 10, 16); err != nil || bad != nil || name == "" || odd {
		return "", errors.New("want a host, or a host and a port")
	}
	return host, nil
}

func (a *Address) database(number string) error {
	if number == "" {
		return nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return errors.New("want a number for the database")
	}
	a.Database = n
	return nil
}

// options are what stands behind the question mark.
func (a *Address) options(query url.Values, encrypted bool) error {
	for name := range query {
		switch {
		case name == "db", name == "skip_verify" && encrypted, name == "sentinel_password" && a.Network == "sentinel":
		default:
			return fmt.Errorf("the option %.50q is unknown here", name)
		}
	}
	if a.Network == "unix" && strings.Trim(a.Hosts[0], "/") == "" {
		return errors.New("want the path of a socket: unix:///run/redis/redis.sock")
	}
	if !encrypted {
		return nil
	}
	a.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	switch skip := query.Get("skip_verify"); skip {
	case "", "false":
	case "true":
		a.TLS.InsecureSkipVerify = true // somebody has asked for that
	default:
		return errors.New("skip_verify: want true or false")
	}
	if a.Network == "tcp" {
		a.TLS.ServerName, _, _ = net.SplitHostPort(a.Hosts[0])
	}
	return nil
}
