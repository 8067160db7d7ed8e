package bbb

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
)

// keys are the secrets that a server may have: one or, while its secret is being changed, two. Which of the two it has is
// found out by its answers, and read by every join, so it takes no lock.
type keys struct {
	wanted   Secret
	former   Secret // "" where there is no change under way
	onFormer atomic.Bool
}

func newKeys(wanted, former Secret, onFormer bool) *keys {
	k := &keys{wanted: wanted, former: former}
	k.onFormer.Store(former != "" && onFormer)
	return k
}

// current is the secret that the server was last seen to accept.
func (k *keys) current() Secret {
	if k.onFormer.Load() {
		return k.former
	}
	return k.wanted
}

// untried returns a secret that the server has not turned down yet.
func (k *keys) untried(refused []Secret) (Secret, bool) {
	for _, s := range [...]Secret{k.wanted, k.former} {
		if s != "" && !slices.Contains(refused, s) {
			return s, true
		}
	}
	return "", false
}

// accepted notes that the server has taken one of the secrets.
func (k *keys) accepted(s Secret) {
	switch s {
	case k.wanted:
		k.onFormer.Store(false)
	case k.former:
		k.onFormer.Store(true)
	}
}

// SetSecrets gives the client of a server other secrets: the one that the server should have and the one that it may have
// still, "" where that is over. It goes on with the one that the server was last seen to accept, if that is among them;
// with switched set, which says that the server was seen to have the wanted one, with that. Calls that are under way try
// the new ones, too.
func (c *Client) SetSecrets(wanted, former Secret, switched bool) {
	k := c.keys.Load()
	if k.wanted != wanted || k.former != former {
		c.keys.Store(newKeys(wanted, former, !switched && k.current() != wanted))
	} else if switched {
		k.onFormer.Store(false)
	}
}

// OnFormer tells whether the server was last seen to accept its former secret, so that joins are signed with that.
func (c *Client) OnFormer() bool { return c.keys.Load().onFormer.Load() }

// SetOnFormer says which of two secrets somebody else has last seen the server accept. Without a former one it does nothing.
func (c *Client) SetOnFormer(onFormer bool) {
	if k := c.keys.Load(); k.former != "" {
		k.onFormer.Store(onFormer)
	}
}

// maxKeys is how many secrets a call is tried with. It is more than two only where they are changed meanwhile.
const maxKeys = 4

// exchangeSigned makes the call with the secret that the server was last seen to accept and, where the server does not
// accept it, with what else it may have. A server that turns a checksum down has done nothing, so that holds for every
// call, whether it may be made twice or not. The first secret that is accepted is the one for later calls.
func (c *Client) exchangeSigned(ctx context.Context, q question) (*Reply, error) {
	k := c.keys.Load()
	secret := k.current()
	q.signed = c.alg.Sign(q.call, q.query, secret)
	reply, err := c.send(ctx, q)
	if k.former == "" && c.keys.Load() == k || !refused(reply, err) {
		return reply, err
	}
	for tried := []Secret{secret}; len(tried) < maxKeys; tried = append(tried, secret) {
		var more bool
		if secret, more = c.keys.Load().untried(tried); !more {
			break
		}
		q.signed = c.alg.Sign(q.call, q.query, secret)
		if reply, err = c.send(ctx, q); refused(reply, err) {
			continue
		}
		if err == nil {
			c.keys.Load().accepted(secret)
		}
		break
	}
	return reply, err
}

// refused tells whether a server does not accept the checksum of a call.
func refused(reply *Reply, err error) bool {
	if answered, ok := errors.AsType[*Error](err); ok {
		return answered.Key == ErrChecksum.Key
	}
	if err != nil || reply == nil {
		return false
	}
	if answer, err := ParseAnswer(reply.Body); err == nil {
		return answer.Err != nil && answer.Err.Key == ErrChecksum.Key
	}
	var answer struct { // as calls about text tracks are answered
		Response struct{ MessageKey string }
	}
	return len(reply.Body) > 0 && reply.Body[0] == '{' && json.Unmarshal(reply.Body, &answer) == nil &&
		answer.Response.MessageKey == ErrChecksum.Key
}
