package bbb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Diagnosis is what is known of a server after asking it.
type Diagnosis struct {
	Algorithm Algorithm // the one it accepts
	Former    bool      // it accepts its former secret, and not the one that it should have
	Version   string    // of BigBlueButton, where it reveals it
	Meetings  int
	People    int
	Skew      time.Duration // its clock minus ours, see Reply.Skew
	Expires   time.Time     // when its certificate does; zero over http
}

// Diagnose asks a server who it is and whether it takes our secret, with each algorithm until one works. The error
// says what is wrong and what to do about it.
func Diagnose(ctx context.Context, e Endpoint, newClient func(Endpoint) *Client) (Diagnosis, error) {
	began := time.Now()
	reply, err := newClient(e).ProbeReply(ctx)
	if err != nil {
		return Diagnosis{}, Explain(e.URL, err)
	}
	d := Diagnosis{Skew: reply.Skew(began, time.Now()), Expires: reply.Expires}
	root, err := reply.Answer("")
	if err != nil {
		return Diagnosis{}, Explain(e.URL, err)
	}
	d.Version = tame(root.Get("bbbVersion"))
	for _, alg := range Algorithms {
		e.Algorithm = alg
		client := newClient(e)
		list, err := client.Meetings(ctx)
		if failed, ok := errors.AsType[*Error](err); ok && failed.Key == ErrChecksum.Key {
			continue
		}
		if errors.Is(err, errNotBBB) {
			err = &CallError{Call: "getMeetings", Reason: NotBBB, Status: list.Status, Err: errNotBBB}
		}
		if err != nil {
			return Diagnosis{}, Explain(e.URL, err)
		}
		d.Algorithm, d.Former = alg, client.OnFormer()
		for _, m := range list.Meetings {
			if !m.Ended {
				d.Meetings++
				d.People += m.Participants
			}
		}
		return d, nil
	}
	return Diagnosis{}, &advice{"checksum: the server does not accept the secret; " +
		"run bbb-conf --secret there and copy it once more", ErrChecksum}
}

// Explain turns what came of a call to a server into a line that says what is wrong and what to do about it. Other errors
// than *CallError it leaves as they are.
func Explain(apiURL string, err error) error {
	failed, ok := errors.AsType[*CallError](err)
	if !ok {
		return err
	}
	host := apiURL
	if u, parseErr := url.Parse(apiURL); parseErr == nil {
		host = u.Host
	}
	switch failed.Reason {
	case DNS:
		return fmt.Errorf("dns: %s cannot be resolved here; check the name: %w", host, failed.Err)
	case Refused:
		return fmt.Errorf("refused: nothing listens at %s; check the port, and that nginx runs there", host)
	case TLS:
		return fmt.Errorf("tls: %s: %w", host, failed.Err)
	case Timeout:
		return fmt.Errorf("timeout: %s does not answer in time; check its load, and the firewall between here and there", host)
	case Status:
		if failed.Status < 500 {
			return explainStatus(apiURL, failed)
		}
		return fmt.Errorf("status %d: nginx answers at %s, BigBlueButton behind it does not; check bbb-conf --status",
			failed.Status, host)
	case NotBBB:
		return explainStatus(apiURL, failed)
	case Broken:
		return fmt.Errorf("broken: %s hangs up before it has answered; check the port, and what stands in between: %w",
			host, failed.Err)
	case BadURL, TooLarge, Busy, Cancel, Ours:
	}
	return failed
}

func explainStatus(apiURL string, failed *CallError) error {
	switch {
	case failed.Status == 404:
		return fmt.Errorf("404: there is nothing at %s; check the path, bbb-conf --secret prints it", apiURL)
	case failed.Status >= 300 && failed.Status < 400:
		return fmt.Errorf("redirect: %s sends us elsewhere; use the address that it leads to, often https://", apiURL)
	}
	return fmt.Errorf("not BigBlueButton: what answers at %s (status %d) is something else", apiURL, failed.Status)
}
