package instances_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
)

// A Redis that was emptied has forgotten who is there. Nobody takes itself for alone because of that: it would go on deciding where
// it is cut off from Redis just then, beside the next leader.
func TestInstance_Forgotten(t *testing.T) {
	url := store.Secret(servers.Redis(t).URL())
	a, b := start(t, url), start(t, url)
	a.write(t, "1")
	eventually(t, "both have said more than once that they are there, and have seen the other one", func() bool {
		list, err := a.db.Instances().Instances(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(list) == 2 && min(list[0].Beat, list[1].Beat) > 1 && !a.Alone() && !b.Alone()
	})
	options, err := redis.ParseURL(url.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	for range 3 {
		if err := client.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			for _, p := range []*process{a, b} {
				if _, err := p.List(t.Context()); err != nil { // which looks who is there
					t.Fatal(err)
				}
				if p.Alone() {
					t.Fatal("it takes itself for alone")
				}
			}
		}
	}
	eventually(t, "one has the lease again", func() bool {
		now, err := a.db.Leases().Lease(t.Context())
		return err == nil && now.Holder != ""
	})
}
