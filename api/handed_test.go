//go:build unix

package api_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api"
)

// file is a socket as a file.
func file(t *testing.T, from interface{ File() (*os.File, error) }, err error) *os.File {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	f, err := from.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// tcp listens at an address of TCP.
func tcp(t *testing.T) (*net.TCPListener, *net.TCPAddr) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	addr, _ := l.Addr().(*net.TCPAddr)
	return l, addr
}

// What is no socket of TCP that somebody can connect to is not listened on, whatever systemd is said to have kept, and nothing that the
// process has opened itself is taken for that.
func TestServer_HandedOthers(t *testing.T) {
	sd := systemd{t: t} // it hears nothing
	l, addr := tcp(t)
	there, err := net.DialTCP("tcp", nil, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = there.Close() }()
	accepted, err := l.AcceptTCP()
	connection := file(t, accepted, err)
	defer func() { _ = accepted.Close() }()
	listening := file(t, l, nil)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	datagrams := file(t, udp, err)
	defer func() { _ = udp.Close() }()
	unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "socket")})
	local := file(t, unix, err)
	defer func() { _ = unix.Close() }()
	plain, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = pipe.Close(), other.Close() }()

	for _, c := range []struct {
		name, count string
		file        *os.File
	}{
		{"one of many that are said to be there", "9223372036854775807", listening},
		{"of a count below none", "-1", plain},
		{"of no count", "many", plain},
		{"connection", "1", connection},
		{"datagrams", "200", datagrams},
		{"unix", "1", local},
		{"file", "200", plain},
		{"pipe", "1", pipe},
	} {
		t.Log(c.name)
		stop := sd.starts(addr.String(), c.file, "LISTEN_FDS="+c.count)
		_ = listening.Close()
		serves(t, addr)
		stop()
	}
}

// serves checks that somebody answers there, once he has begun.
func serves(t *testing.T, addr *net.TCPAddr) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr.String()+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Close = true
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = resp.Body.Close()
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("nobody answers: %v", err)
		}
	}
}

// An address that is in the way of the one of before is listened on as soon as systemd has closed that.
func TestServer_HandedInTheWay(t *testing.T) {
	sd := newSystemd(t)
	l, addr := tcp(t)
	kept := file(t, l, nil)
	_ = l.Close()
	everywhere := (&net.TCPAddr{Port: addr.Port}).String()
	stop := sd.starts(everywhere, kept)
	sd.hears("FDSTOREREMOVE=1\nFDNAME=bbbpool-http")
	closed := time.AfterFunc(50*time.Millisecond, func() { _ = kept.Close() }) // systemd has other things to do
	defer closed.Stop()
	sd.hears("FDSTORE=1\nFDNAME=bbbpool-http")
	stop()
}

// A systemd that hears nothing keeps nobody from starting, nor from ending.
func TestSystemd_Hangs(t *testing.T) {
	sd := newSystemd(t)
	full, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: os.Getenv("NOTIFY_SOCKET"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = full.Close() }()
	for err == nil {
		_ = full.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		_, err = full.Write([]byte("WATCHDOG=1"))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		p := parts(api.Config{Listen: "127.0.0.1:0", MaxRequests: 10}, io.Discard)
		p.Waits = true
		s, err := api.New(t.Context(), p)
		if err == nil {
			err = s.Close()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ended <- errors.Join(err, api.Systemd{Alive: func() {}}.Run(ctx))
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it waits for systemd")
	}
	_ = sd.Close()
}
