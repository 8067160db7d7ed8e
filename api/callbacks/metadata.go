package callbacks

import (
	"maps"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
)

// Meta is the metadata of a recording as its front end has given it: our addresses go out of it, and what its server did not
// get is in it again. Of a meeting that nobody knows any more nothing comes back. A breakout room has what its parent has.
func (c *Callbacks) Meta(meta map[string]string, back *store.Back) map[string]string {
	meta = maps.Clone(meta)
	maps.DeleteFunc(meta, func(key, value string) bool { return c.isOurs(value) || strings.EqualFold(key, bbb.LRSKey) })
	if back == nil || len(back.Meta) == 0 {
		return meta
	}
	if meta == nil {
		meta = map[string]string{}
	}
	for _, m := range back.Meta {
		meta[m.Name] = m.Value
	}
	return meta
}

// isOurs tells whether a value is an address of ours.
func (c *Callbacks) isOurs(value string) bool {
	_, err := c.Seal.Read(value)
	return err == nil
}

// original is what a front end has given where a server was given the address of a place; ok is false where it gave nothing.
func original(p address.Place, back store.Back) (value string, ok bool) { return back.Of(p.Meta()) }
