package fault_test

import (
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator/fault"
)

// Nobody is answered before Start, callers queue up; a fault that comes before Start is at work after it.
func TestPort_Start(t *testing.T) {
	port, err := fault.Listen(fault.Options{
		Name: "sim1", Addr: "127.0.0.1:0", Report: func(err error) { t.Error(err) },
		HTTP: func() *http.Server {
			return &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := port.Fail(fault.Fault{Kind: fault.Refuse}); err != nil {
		t.Fatal(err)
	}
	port.Start()
	if _, _, err := get(t, port, "join"); err == nil {
		t.Error("it answers, and was to refuse")
	}
	if err := port.Heal(); err != nil {
		t.Fatal(err)
	}
	port.Start() // again, which does nothing
	if status, _, err := get(t, port, "join"); status != http.StatusOK || err != nil {
		t.Errorf("healed: %d, %v", status, err)
	}
	port.Close()
	port.Start()
	if _, _, err := get(t, port, "join"); err == nil {
		t.Error("it answers, and was closed")
	}
	if err := port.Heal(); err != nil {
		t.Errorf("healed after the end: %v", err)
	}
}

// A port that refuses keeps its number: nobody else gets it meanwhile, and the error about a port that is taken says which.
func TestListen_Taken(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("ports cannot be held here")
	}
	port := quiet(t)
	addr := port.Addr().String()
	options := fault.Options{Name: "sim2", Addr: addr, HTTP: func() *http.Server { return &http.Server{ReadHeaderTimeout: time.Minute} }}
	if second, err := fault.Listen(options); err == nil {
		second.Close()
		t.Error("two have one port")
	} else if !strings.Contains(err.Error(), addr) {
		t.Error(err)
	}
	if err := port.Fail(fault.Fault{Kind: fault.Refuse}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		other, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if other.Addr().String() == addr {
			t.Error("somebody else got the port")
		}
		_ = other.Close()
	}
	if err := port.Heal(); err != nil || port.Addr().String() != addr {
		t.Errorf("healed: %v, at %s", err, port.Addr())
	}
	port.Close()
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	_ = again.Close()
	for _, bad := range []string{"nowhere", "127.0.0.1:99999", "192.0.2.1:0"} {
		options.Addr = bad
		if p, err := fault.Listen(options); err == nil {
			p.Close()
			t.Errorf("it listens on %s", bad)
		}
	}
}

// Every family of addresses that net.Listen takes can be held.
func TestListen_Families(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]", "", "localhost"} {
		probe, err := net.Listen("tcp", host+":0")
		if err != nil {
			continue // this machine has none of these
		}
		_ = probe.Close()
		port, err := fault.Listen(fault.Options{
			Name: "sim1", Addr: host + ":0", HTTP: func() *http.Server { return &http.Server{ReadHeaderTimeout: time.Minute} },
		})
		if err != nil {
			t.Errorf("%q: %v", host, err)
			continue
		}
		if _, number, _ := net.SplitHostPort(port.Addr().String()); number == "0" {
			t.Errorf("%q: at %s", host, port.Addr())
		}
		port.Close()
	}
}

// Packets to a black hole vanish: nobody gets a connection until it heals.
func TestPort_BlackHole(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("connections are made here, and hang then")
	}
	t.Parallel()
	port := listen(t)
	defer port.Close()
	if err := port.Fail(fault.Fault{Kind: fault.BlackHole}); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.DialTimeout("tcp", port.Addr().String(), 100*time.Millisecond); err == nil {
		_ = conn.Close()
		t.Error("a connection was made")
	}
	if err := port.Heal(); err != nil {
		t.Fatal(err)
	}
	if status, _, err := get(t, port, "join"); status != http.StatusOK || err != nil {
		t.Errorf("healed: %d, %v", status, err)
	}
}
