package throttle_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/gateway/throttle"
)

// config is what operators get by default.
var config = throttle.Config{Free: 20, Forget: 6 * time.Second, Longest: 5 * time.Second, Waiting: 64}

// failed tells how long a failure waits.
func failed(t *throttle.Throttle, from string) (waited time.Duration, full bool) {
	began := time.Now()
	full = t.Failed(context.Background(), netip.MustParseAddr(from))
	return time.Since(began), full
}

// Some are free, then each one waits longer than the one before it, up to a bound; other addresses have nothing to do with
// it, and all is forgotten with time.
func TestThrottle_Grows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(config, 0, metrics.NewSet())
		var last time.Duration
		for i := range 60 {
			waited, full := failed(th, "192.0.2.1")
			switch {
			case full:
				t.Fatalf("failure %d found no room", i+1)
			case i < config.Free && waited != 0:
				t.Fatalf("failure %d waited %s", i+1, waited)
			case i >= config.Free && (waited <= 0 || waited > config.Longest):
				t.Fatalf("failure %d waited %s", i+1, waited)
			case i >= config.Free && i < config.Free+5 && waited <= last:
				t.Fatalf("failure %d waited %s, the one before it %s", i+1, waited, last)
			}
			last = waited
		}
		if waited, _ := failed(th, "192.0.2.2"); waited != 0 {
			t.Errorf("another address waited %s", waited)
		}
		time.Sleep(time.Duration(config.Free+30) * config.Forget)
		if waited, _ := failed(th, "192.0.2.1"); waited != 0 {
			t.Errorf("after a while it waited %s", waited)
		}
	})
}

// Fifty wrong checksums a minute from one address are slowed; a class of people with one old link each is not.
func TestThrottle_FiftyAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(config, 0, metrics.NewSet())
		slowed := 0
		for range 100 {
			if waited, _ := failed(th, "192.0.2.1"); waited > 0 {
				slowed++
			}
			time.Sleep(time.Minute / 50)
		}
		if slowed < 50 {
			t.Errorf("%d of 100 were slowed", slowed)
		}
		for range config.Free {
			if waited, _ := failed(th, "198.51.100.1"); waited > 0 {
				t.Errorf("a class was slowed by %s", waited)
			}
		}
	})
}

// No flood takes more places than there are, of one address or of many; whoever finds none is answered at once.
func TestThrottle_Full(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := metrics.NewSet()
		th := throttle.New(throttle.Config{Forget: time.Hour, Longest: time.Second, Waiting: 10}, 0, set)
		var wg sync.WaitGroup
		var mu sync.Mutex
		full := map[string]int{}
		for i := range 100 {
			from := fmt.Sprintf("192.0.2.%d", i/50)
			wg.Go(func() {
				waited, none := failed(th, from)
				mu.Lock()
				defer mu.Unlock()
				if none {
					full[from]++
				}
				if none != (waited == 0) {
					t.Errorf("full %t and waited %s", none, waited)
				}
			})
		}
		wg.Wait()
		if full["192.0.2.0"] != 46 || full["192.0.2.1"] != 46 {
			t.Errorf("%v found no room, want all but 4 of each", full)
		}
		var page bytes.Buffer
		set.WritePrometheus(&page)
		for _, want := range []string{
			"bbbpool_checksum_failures_total 100\n", "bbbpool_checksum_delays_total 8\n",
			"bbbpool_checksum_delays_full_total 92\n", "bbbpool_checksum_delays_waiting 0\n",
		} {
			if !strings.Contains(page.String(), want) {
				t.Errorf("want %s in %s", want, &page)
			}
		}
		if waited, none := failed(th, "192.0.2.0"); none || waited == 0 {
			t.Errorf("a place is not given back: %s, %t", waited, none)
		}
	})
}

// Of few requests that may be served at once few wait, and none where none may.
func TestThrottle_Share(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for most, want := range map[int64]int{0: 64, 1: 1, 64: 4, 10_000: 64} {
			th := throttle.New(throttle.Config{Forget: time.Hour, Longest: time.Second, Waiting: 64}, most, metrics.NewSet())
			var wg sync.WaitGroup
			var mu sync.Mutex
			waiting := 0
			for i := range 200 {
				wg.Go(func() {
					if _, none := failed(th, fmt.Sprintf("192.0.2.%d", i)); !none {
						mu.Lock()
						waiting++
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if waiting != want {
				t.Errorf("of %d requests %d wait, want %d", most, waiting, want)
			}
		}
	})
}

// Whoever hangs up does not wait, and gives his place back.
func TestThrottle_HangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(throttle.Config{Forget: time.Hour, Longest: time.Minute, Waiting: 1}, 0, metrics.NewSet())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		for range 3 {
			if th.Failed(ctx, netip.Addr{}) || time.Since(began) != 0 {
				t.Errorf("waited %s, or found no room", time.Since(began))
			}
		}
	})
}

// More addresses than are remembered make it forget, and never grow.
func TestThrottle_ManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := throttle.New(throttle.Config{Free: 1, Forget: time.Hour, Longest: time.Second, Waiting: 1}, 0, metrics.NewSet())
		for i := range 10_050 {
			if waited, full := failed(th, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()); waited > 0 || full {
				t.Fatalf("address %d waited %s", i, waited)
			}
		}
		if waited, _ := failed(th, "10.0.39.65"); waited == 0 { // 10,049: the last one
			t.Error("an address that was seen just now is forgotten")
		}
		if waited, _ := failed(th, "10.0.0.1"); waited != 0 {
			t.Error("an address is remembered beyond the bound")
		}
	})
}

// What one sender has at hand counts as one.
func TestNetwork(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64",
	} {
		if got := throttle.Network(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if got := throttle.Network(netip.Addr{}); got.IsValid() {
		t.Errorf("no address is in %s", got)
	}
}

// Settings that cannot work are named, all at once.
func TestConfig_Validate(t *testing.T) {
	if err := config.Validate(); err != nil {
		t.Error(err)
	}
	if err := (throttle.Config{}).Validate(); err != nil {
		t.Error(err)
	}
	err := throttle.Config{Free: -1, Longest: time.Hour, Waiting: -1}.Validate()
	for _, want := range []string{"--checksum-failures -1", "--checksum-failures-forget 0s", "--checksum-delay 1h", "--checksum-delays -1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
