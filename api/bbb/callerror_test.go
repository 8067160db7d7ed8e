package bbb_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Campus CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

// serve listens on loopback with a certificate that change has been at.
func (a authority) serve(t *testing.T, change func(*x509.Certificate, *tls.Config)) string {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "bbb"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
	}
	config := &tls.Config{}
	change(template, config)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: a.key}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = config
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// What is wrong with a certificate, and what to do about it, is in the error; so is no more than a line of what the
// server made up.
func TestCallError_TLS(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	client := func(address string) *bbb.Client {
		transport := newTransport(t)
		transport.TLS.RootCAs = x509.NewCertPool()
		transport.TLS.RootCAs.AddCert(ours.cert)
		return bbb.NewClient(bbb.Endpoint{URL: address, Secret: secret}, transport, time.Minute)
	}
	before, after := time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour)
	long := strings.Repeat("x", 60) + ".example"
	for name, test := range map[string]struct {
		address string
		has     []string
	}{
		"unknown": {
			other.serve(t, func(*x509.Certificate, *tls.Config) {}),
			[]string{"authority that is unknown here, \"CN=Campus CA\"", "fullchain.pem"},
		},
		"itself": {
			other.serve(t, func(c *x509.Certificate, _ *tls.Config) { c.Subject = pkix.Name{CommonName: "Campus CA"} }),
			[]string{"signed by itself or by an authority that is unknown here"},
		},
		"expired": {
			ours.serve(t, func(c *x509.Certificate, _ *tls.Config) { c.NotAfter = before }),
			[]string{"expired on " + before.UTC().Format(time.DateTime) + " UTC", "renew"},
		},
		"early": {
			ours.serve(t, func(c *x509.Certificate, _ *tls.Config) { c.NotBefore = after }),
			[]string{"not valid before " + after.UTC().Format(time.DateTime), "clocks"},
		},
		"name": {
			ours.serve(t, func(c *x509.Certificate, _ *tls.Config) { c.IPAddresses, c.DNSNames = nil, []string{"bbb.example"} }),
			[]string{`is for "bbb.example", not for "127.0.0.1"`, "get it one for this name"},
		},
		"address": {
			ours.serve(t, func(c *x509.Certificate, _ *tls.Config) { c.IPAddresses = []net.IP{net.IPv4(10, 1, 2, 3)} }),
			[]string{`is for 10.1.2.3, not for "127.0.0.1"`},
		},
		"long name": {
			ours.serve(t, func(c *x509.Certificate, _ *tls.Config) { c.IPAddresses, c.DNSNames = nil, []string{long + "." + long} }),
			[]string{`is for "` + (long + "." + long)[:80] + `…", not for`},
		},
		"no name": {
			ours.serve(t, func(c *x509.Certificate, _ *tls.Config) { c.IPAddresses = nil }), []string{"for no name at all"},
		},
		"names": {
			ours.serve(t, func(c *x509.Certificate, _ *tls.Config) {
				c.IPAddresses = nil
				for i := range 90 {
					c.DNSNames = append(c.DNSNames, fmt.Sprint(i, long))
				}
			}), []string{"and 87 more"},
		},
		"old": {
			ours.serve(t, func(_ *x509.Certificate, c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }), []string{"tls: ", "nginx"},
		},
		"plain": {
			strings.Replace(closedTLS(t), "http://", "https://", 1), []string{"does not speak TLS", "http://"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(test.address).Do(t.Context(), "create", "", "", nil)
			failed := callError(t, err)
			for _, part := range test.has {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in: %v", part, err)
				}
			}
			if failed.Reason != bbb.TLS || len(err.Error()) > 500 || strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("%s: %v", failed.Reason, err)
			}
		})
	}
	_, err := client(other.serve(t, func(*x509.Certificate, *tls.Config) {})).ProbeReply(t.Context())
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("the cause is lost: %v", err)
	}
}

// Each reply tells when the certificate expires, also one over a connection that was kept.
func TestReply_Expires(t *testing.T) {
	ca, end := newAuthority(t), time.Now().Add(7*24*time.Hour).Truncate(time.Second)
	transport := newTransport(t)
	transport.TLS.RootCAs = x509.NewCertPool()
	transport.TLS.RootCAs.AddCert(ca.cert)
	address := ca.serve(t, func(c *x509.Certificate, _ *tls.Config) { c.NotAfter = end })
	client := bbb.NewClient(bbb.Endpoint{URL: address, Secret: secret}, transport, time.Minute)
	for range 3 {
		if reply, err := client.ProbeReply(t.Context()); err != nil || !reply.Expires.Equal(end) || reply.Date.IsZero() {
			t.Errorf("%+v %v", reply, err)
		}
	}
}
