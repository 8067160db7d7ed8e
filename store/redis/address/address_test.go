package address_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis/address"
)

// All forms are understood that there are, with all that may stand in them.
func TestParse(t *testing.T) {
	tcp := func(host string, db int) address.Address {
		return address.Address{Network: "tcp", Hosts: []string{host}, Database: db}
	}
	for url, want := range map[string]address.Address{
		"redis://":                         tcp("127.0.0.1:6379", 0),
		"redis://db.example.org":           tcp("db.example.org:6379", 0),
		"redis://db.example.org:6380/":     tcp("db.example.org:6380", 0),
		"redis://db.example.org:6380/15":   tcp("db.example.org:6380", 15),
		"redis://db.example.org/?db=3":     tcp("db.example.org:6379", 3),
		"redis://[::1]:6380/1":             tcp("[::1]:6380", 1),
		"redis://[fe80::1]":                tcp("[fe80::1]:6379", 0),
		"unix:///run/redis.sock?db=2":      {Network: "unix", Hosts: []string{"/run/redis.sock"}, Database: 2},
		"unix://u:p@/run/redis.sock":       {Network: "unix", Hosts: []string{"/run/redis.sock"}, Username: "u", Password: "p"},
		"redis://:p%40ss@db.example.org":   {Network: "tcp", Hosts: []string{"db.example.org:6379"}, Password: "p@ss"},
		"redis://u:p@db.example.org:1/2":   {Network: "tcp", Hosts: []string{"db.example.org:1"}, Username: "u", Password: "p", Database: 2},
		"redis+sentinel://one,two:1/main":  {Network: "sentinel", Hosts: []string{"one:26379", "two:1"}, Master: "main"},
		"redis+sentinel://:p@one:1/main/4": {Network: "sentinel", Hosts: []string{"one:1"}, Master: "main", Password: "p", Database: 4},
		"redis+sentinel://one/main?sentinel_password=x&db=1": {
			Network: "sentinel", Hosts: []string{"one:26379"}, Master: "main", Sentinels: "x", Database: 1,
		},
	} {
		got, err := address.Parse(store.Secret(url))
		if err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", url, diff)
		}
	}
	for url, skip := range map[string]bool{
		"rediss://db.example.org": false, "rediss://db.example.org?skip_verify=true": true,
		"rediss+sentinel://one/main?skip_verify=false": false,
	} {
		got, err := address.Parse(store.Secret(url))
		if err != nil || got.TLS == nil || got.TLS.InsecureSkipVerify != skip || (got.TLS.ServerName == "") != (got.Network == "sentinel") {
			t.Errorf("%s: %+v, %v", url, got, err)
		}
	}
}

// What is none of them is refused, in words that tell no password.
func TestParse_Refused(t *testing.T) {
	for _, url := range []string{
		"", "x", "s3cret", "http://s3cret@x", "redis://u:s3cret@x:port", "redis://:s3cret@x:99999", "redis://:s3cret@x/one",
		"redis://:s3cret@x/-1", "redis://:s3cret@:6379", "redis://:s3cret@x?pool=5", "redis://:s3cret@x?skip_verify=true",
		"rediss://:s3cret@x?skip_verify=yes", "unix://:s3cret@", "unix://:s3cret@/", "redis+sentinel://:s3cret@x",
		"redis+sentinel://:s3cret@x,/main", "redis+sentinel://:s3cret@x/main/x", "redis://:s3cret%zz@x", "redis://:s3cret@x y\x00",
	} {
		_, err := address.Parse(store.Secret(url))
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// Whatever stands in a URL, it is read or refused.
func FuzzParse(f *testing.F) {
	for _, url := range []string{"redis://u:p@host:1/2?db=3", "redis+sentinel://a,b:1/m/2", "unix:///x", "rediss://[::1]?skip_verify=true"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		a, err := address.Parse(store.Secret(url))
		if err == nil && (len(a.Hosts) == 0 || slices.Contains(a.Hosts, "") || a.Network == "") {
			t.Errorf("%q: %+v", url, a)
		}
	})
}
