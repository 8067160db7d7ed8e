package instances_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
)

// A Redis that was emptied has forgotten who is there. Nobody takes itself for alone because of that: it would go on deciding where
// it is cut off from Redis just then, beside the next leader.
func TestInstance_Forgotten(t *testing.T) {
	t.Parallel()
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

// One that ends does not take the lead again that it has handed on, also where Redis has lost that it did: who follows would have to
// wait until it has ended.
func TestInstance_LeavesForGood(t *testing.T) {
	t.Parallel()
	url := store.Secret(servers.Redis(t).URL())
	a, b := start(t, url), start(t, url)
	leader, others := of(a.write(t, "1"), a, b)
	others[0].all(t, "1")
	eventually(t, "it sees the other one", func() bool { return !leader.Alone() })
	options, err := redis.ParseURL(url.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	terms := func() string {
		var text strings.Builder
		leader.WriteMetrics(&text)
		_, n, _ := strings.Cut(text.String(), "\nbbbpool_instance_terms_total ")
		n, _, _ = strings.Cut(n, "\n")
		return n
	}
	if n, err := client.Del(t.Context(), "bbbpool:lease").Result(); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	before := terms()
	leader.stop()
	if after := terms(); after != before || before == "" {
		t.Errorf("it has begun %q terms, and had %q", after, before)
	}
	eventually(t, "the other one leads", others[0].Leading)
}
