// Package back takes the addresses that a front end wants to be called back at out of its creates, puts ours in for the server,
// and gives front ends their own back in what they read.
//
// It owns which parameters are such addresses, and what of ours a server gets in their place. It calls nobody, keeps nothing,
// and decides about no meeting: the front end's addresses are in the claim ([store.Claim.Back]), and what is done when a server
// calls is package callbacks' business.
//
// # Design
//
// An address of ours is made anew for each server that a create is sent to, from the claim alone, so that nobody has to keep it.
// A create of a meeting that is known has others than the one before: where the server makes another meeting of it, neither is
// taken for the other. In answers ours are known by being ours ([address.Sealer.Read]), wherever the pool had its
// address when they were made. What the claim has an original for is the original's, whatever a server says.
package back

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/bbb/document"
	"github.com/bbbpool/bbbpool/api/bbb/metadata"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
)

// EndedName is the parameter with the address that is called at the end of a meeting, and shown to nobody.
const EndedName = "meetingEndedURL"

// metaPrefix begins the names of parameters that are metadata.
const metaPrefix = "meta_"

// usual is the metadata that is always taken out.
var usual = []string{store.MetaEnd, store.MetaReady, store.MetaReadyBN, store.MetaReadyCanvas, store.MetaAnalytics}

// MaxSize bounds all addresses of a create together, names included, in bytes: they are kept with the claim and in the history.
const MaxSize = 8 << 10

// errTooLong is told of a create that has more. BigBlueButton itself is bounded by what fits into a request.
var errTooLong = &bbb.Error{
	Key: "validationError", Message: "The callback addresses are too long: all of them together may have 8192 characters",
}

// shown is what names of metadata look like that BigBlueButton keeps. Others it loses without a word.
var shown = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*$`)

// Take takes what a front end wants to be called at out of the parameters of its create, whatever it is: only what servers would
// call is looked at later. Further names are those of the tenant, without "meta_". Upper and lower case are the same in
// metadata, and of several spellings the first counts. What comes back is nil where there is nothing.
func Take(params *bbb.Params, further []string) (*store.Back, error) {
	if !slices.ContainsFunc(*params, func(p bbb.Param) bool { return taken(p.Name, further) }) {
		return nil, nil //nolint:nilnil // nothing is what nearly all creates ask for
	}
	var b store.Back
	kept, size := make(bbb.Params, 0, len(*params)+3), 0
	for _, p := range *params {
		switch {
		case !taken(p.Name, further):
			kept = append(kept, p)
		case p.Name == EndedName:
			b.Ended, size = p.Value, size+len(p.Value)
		default:
			name := strings.ToLower(p.Name[len(metaPrefix):])
			if _, twice := b.Of(name); !twice && shown.MatchString(name) {
				b.Meta, size = append(b.Meta, store.MetaField{Name: name, Value: p.Value}), size+len(name)+len(p.Value)
			}
		}
	}
	*params = kept
	if size > MaxSize {
		return nil, errTooLong
	}
	if b.None() {
		return nil, nil //nolint:nilnil // as above
	}
	slices.SortFunc(b.Meta, func(x, y store.MetaField) int { return cmp.Compare(x.Name, y.Name) })
	return &b, nil
}

// taken tells whether a parameter has an address that servers call.
func taken(name string, further []string) bool {
	if name == EndedName {
		return true
	}
	if len(name) <= len(metaPrefix) || !strings.EqualFold(name[:len(metaPrefix)], metaPrefix) {
		return false
	}
	is := func(one string) bool { return strings.EqualFold(one, name[len(metaPrefix):]) }
	return slices.ContainsFunc(usual, is) || slices.ContainsFunc(further, is)
}

// Callbacks puts our addresses in, and takes them out. Without a key there are none. It does not change.
type Callbacks struct {
	Seal      *address.Sealer
	Base      func(tenantURL string) string // what our addresses begin with; "" where servers could not call us
	Analytics bool                          // what servers tell of who did what is kept, for all tenants
}

// Tenant is what is set for the tenant of a create.
type Tenant struct {
	URL       string // its public address, if it has one
	Analytics bool   // what servers tell of who did what is kept
}

// Put puts our addresses for the claim's server into the parameters of a create, in which none of the front end's are any more.
// It tells whether analytics are wanted that cannot come, because the pool has no address that servers could call.
//
// The end is always asked for. Whether something was marked for recording is asked for where somebody wants to know, which are
// the front end and, of a meeting that is recorded, we. A recording is fetched as its server brings it, so that nobody needs
// to be told when it is ready there. Breakout rooms are given nothing: servers tell of their ends to nobody, and give them
// the metadata of their parents. What a front end has given that nobody can be called at is asked for in vain, and is not.
func (b *Callbacks) Put(params *bbb.Params, c store.Claim, t Tenant) (lacking bool) {
	var asked store.Back
	if c.Back != nil {
		asked = *c.Back
	}
	analytics := b.wanted(asked, store.MetaAnalytics) || t.Analytics || b.Analytics
	base := b.base(t)
	if c.Breakout || base == "" {
		return !c.Breakout && analytics
	}
	put := func(name string, p address.Place) { params.Set(name, b.Seal.URL(base, p)) }
	put(EndedName, address.Of(address.Ended, c))
	if c.Recorded || b.wanted(asked, store.MetaEnd) {
		put(metaPrefix+"endCallbackUrl", address.Of(address.Marks, c))
	}
	if analytics {
		put(metaPrefix+store.MetaAnalytics, address.Of(address.Analytics, c))
	}
	for _, m := range asked.Meta {
		if !slices.Contains(usual, m.Name) && b.Seal.Callable(m.Value) {
			place := address.Of(address.Analytics, c)
			place.Name = m.Name
			put(metaPrefix+m.Name, place)
		}
	}
	return false
}

// wanted tells whether a front end is to be called at what it has given by that name.
func (b *Callbacks) wanted(asked store.Back, name string) bool {
	value, given := asked.Of(name)
	return given && b.Seal.Callable(value)
}

// base is what our addresses begin with; "" where there are none.
func (b *Callbacks) base(t Tenant) string {
	if b.Seal == nil || b.Base == nil {
		return ""
	}
	return b.Base(t.URL)
}

// Proven returns the meeting that a server was asked to make with that metadata, and the server, as an address of ours says that
// stands in it where we have put it. Front ends cannot say anything there (see [Take]). Addresses of two meetings prove nothing.
func (b *Callbacks) Proven(meta map[string]string) (meeting store.MeetingKey, server string, ok bool) {
	for name, value := range meta {
		p, ours := b.read(value)
		switch {
		case !ours || !stands(strings.ToLower(name), p):
		case ok && (p.MeetingKey != meeting || p.Server != server):
			return store.MeetingKey{}, "", false
		default:
			meeting, server, ok = p.MeetingKey, p.Server, true
		}
	}
	return meeting, server, ok
}

// Restore returns a server's answer about a meeting, or the element of one, as its front end is to see it: ours out, the
// originals in. Where there is nothing to do it is the answer itself. It is never written to.
func (b *Callbacks) Restore(answer []byte, originals *store.Back) []byte {
	if (originals == nil || len(originals.Meta) == 0) && !suspect(answer) {
		return answer
	}
	if head := bytes.TrimLeft(answer, " \t\r\n"); len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		return b.restoreJSON(answer, originals)
	}
	var more []metadata.Field
	if originals != nil {
		more = make([]metadata.Field, 0, len(originals.Meta))
		for _, m := range originals.Meta {
			more = append(more, metadata.Field{Name: m.Name, Value: m.Value})
		}
	}
	return metadata.Edit(answer, func(f metadata.Field) (string, bool) { return b.restored(f.Name, f.Value, originals) }, more)
}

// suspect tells whether there may be something of ours in an answer. Nearly all of a large one is who is in the meeting, which
// comes before the metadata: it need not be looked through.
func suspect(answer []byte) bool {
	rest := answer[max(bytes.LastIndex(answer, []byte("</attendees>")), 0):]
	return bytes.Contains(rest, ourMark) || bytes.Contains(rest, []byte(bbb.LRSKey))
}

// ourMark is what every address of ours has in it, in whichever way a server writes it.
var ourMark = []byte(strings.Trim(address.Path, "/"))

// restored is what a front end is shown of one piece of metadata, if it is shown any.
func (b *Callbacks) restored(name, value string, originals *store.Back) (string, bool) {
	name = strings.ToLower(name)
	if originals != nil {
		if original, ok := originals.Of(name); ok {
			return original, true
		}
	}
	if name == bbb.LRSKey {
		return "", false
	}
	place, ours := b.read(value)
	return value, !ours || !stands(name, place)
}

// read reads an address, if it is one of ours.
func (b *Callbacks) read(value string) (p address.Place, ours bool) {
	if b.Seal == nil || !strings.Contains(value, address.Path) {
		return p, false
	}
	p, err := b.Seal.Read(value)
	return p, err == nil
}

// stands tells whether an address of ours is one that we have put in by that name. By another it is what a front end has
// chosen to say.
func stands(name string, p address.Place) bool { return name != "" && name == p.Meta() }

// maxStrings is how many addresses of ours are looked for in an answer in JSON. Only calls answer so that we know nothing of.
const maxStrings = 64

// restoreJSON is Restore for JSON. What has no original is empty there.
func (b *Callbacks) restoreJSON(answer []byte, originals *store.Back) []byte {
	return document.EditStrings(answer, maxStrings, func(key, text string) (string, bool) {
		place, ours := b.read(text)
		if !ours || !stands(strings.ToLower(key), place) {
			return "", false
		}
		if text, shown := b.restored(key, text, originals); shown {
			return text, true
		}
		return "", true
	})
}

// Merged is what is shown of a breakout room: what its own create has asked for, and beside that what it has of its parent, as
// BigBlueButton gives all metadata of a meeting to its breakout rooms.
func Merged(own, parent *store.Back) *store.Back {
	switch {
	case parent == nil || len(parent.Meta) == 0:
		return own
	case own == nil || len(own.Meta) == 0:
		return &store.Back{Meta: parent.Meta}
	}
	both := store.Back{Meta: slices.Clone(own.Meta)}
	for _, m := range parent.Meta {
		if _, has := own.Of(m.Name); !has {
			both.Meta = append(both.Meta, m)
		}
	}
	return &both
}
