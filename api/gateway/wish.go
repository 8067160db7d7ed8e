package gateway

import (
	"slices"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// The metadata that creates ask for a server with.
const (
	tagParam  = "meta_server-tag"            // Scalelite's
	hintParam = "meta_bbb-meeting-size-hint" // Moodle's: how many people may come
)

// maxHint is the most people that can be announced. More is a mistake.
const maxHint = 100_000

// wish is what a create asks of its server.
func (g *Gateway) wish(c *call) placement.Wish {
	params := c.req.Params
	return placement.Wish{
		Hint: c.hint(), Tag: params.Get(tagParam), Recorded: params.Get("record") == "true", Name: params.Get("name"),
		Shun: g.shunned.list(time.Now()),
	}
}

// hint is how many people a create announces: 0 where it does not, is not believed, or announces what cannot be.
func (c *call) hint() int {
	n, err := strconv.Atoi(c.req.Params.Get(hintParam))
	if err != nil || n < 0 || n > maxHint || c.ignoreHints {
		return 0
	}
	return n
}

// chosen is the query of a create for the server that it goes to. As in Scalelite the tag is that server's, whatever was
// wished for, and one without a tag is told of none.
func (g *Gateway) chosen(c *call, query string) string {
	tag := g.Ledger.Tag(c.server)
	if c.req.Params.Has(tagParam) == (tag != "") && c.req.Params.Get(tagParam) == tag {
		return query
	}
	params := slices.Clone(c.req.Params)
	if tag == "" {
		params.Del(tagParam)
	} else {
		params.Set(tagParam, tag)
	}
	return params.Encode()
}
