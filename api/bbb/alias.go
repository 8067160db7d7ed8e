package bbb

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb/document"
	"github.com/bbbpool/bbbpool/api/bbb/markup"
)

// maxMeetingID is the length of the longest meeting ID, as Java counts it (BigBlueButton's API, shared validation rules).
const maxMeetingID = 256

// Alias is the ID by which servers know a meeting of a tenant, so that two tenants may both have a room-1. It begins with the
// tenant and a character that no tenant's ID has; one that would be too long has a hash behind it.
func Alias(tenant, meetingID string) string {
	if alias := tenant + "_" + meetingID; javaLength(alias) <= maxMeetingID {
		return alias
	}
	return HashedAlias(tenant, meetingID, "")
}

// HashedAlias is an alias of a fixed length. With another nonce it is another one. No nonce has a zero byte in it.
func HashedAlias(tenant, meetingID, nonce string) string {
	sum := sha256.Sum256([]byte(nonce + "\x00" + meetingID))
	return tenant + "_" + hex.EncodeToString(sum[:20])
}

// MayBeInternal tells whether a server may take a meeting ID for the beginning of an internal one. Servers look for such a one
// first, and take what they find, whosever it is: a meeting called 42 may be any whose internal ID begins so.
func MayBeInternal(meetingID string) bool {
	hash, stamp, dashed := strings.Cut(meetingID, "-")
	if strings.Trim(hash, "0123456789abcdef") != "" || len(hash) > hashDigits {
		return false
	}
	return !dashed || len(hash) == hashDigits && strings.Trim(stamp, "0123456789") == ""
}

// hashDigits is how long the hash is that an internal ID begins with.
const hashDigits = 40

// Restore gives a server's answer about a meeting the front end's ID back in the place of its alias, and takes what is ours
// out of its metadata. Without an alias it takes that out alone. What it does not know it leaves as it is, and where there
// is nothing to do, the answer is the body itself: that costs a look, so that every answer can go through here.
//
// The ID stands for an element's text, or a value of JSON, that is the alias and nothing else, and for "[alias]" in a
// message. Names, and what people or front ends have set, are theirs, even if they look like one.
func Restore(body []byte, alias, meetingID string) []byte {
	if head := bytes.TrimLeft(body, markup.Blanks); len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		return restoreJSON(body, alias, meetingID)
	}
	if restored, ok := restore(body, alias, meetingID, len(body)+maxSmall, nil); ok {
		return restored
	}
	return body
}

// maxRestored is how often an alias is looked for with success: once, in the answers that we know.
const maxRestored = 8

// maxReference is how many bytes a server may take for one of an alias. A reference has up to 9, CDATA 12 around it.
const maxReference = 16

// restorer goes through an answer once. Whatever it takes for an element, of sound XML it makes sound XML: it puts text
// in the place of all the text between two tags, and takes elements out as wholes.
type restorer struct {
	markup.Edit
	alias, id string
	left      int    // how often the alias may be found
	limit     int    // of bytes that the result may have
	full      bool   // it would have more
	quiet     []byte // is passed over

	open   path
	leaf   []byte // the tag that was opened last, if no other came behind it
	inner  int    // where that ends
	ours   []byte // the element of our own that is being read
	from   int    // where that begins
	nested int
}

// restore is Restore for XML. It fails where the result would have more bytes than the limit. The content of an element may be
// given in which there is nothing to do: attendees are nearly all of a large answer, and are passed over then.
func restore(body []byte, alias, meetingID string, limit int, quiet []byte) (restored []byte, ok bool) {
	if alias == "" && !bytes.Contains(body, []byte("<"+PoolMark+"-")) && !bytes.Contains(body, []byte("<tenant-")) {
		return body, true
	}
	r := restorer{
		Edit: markup.Edit{Scanner: markup.Scanner{B: body}}, alias: strings.Trim(alias, markup.Blanks), id: meetingID,
		left: maxRestored, limit: limit, quiet: quiet,
	}
	for !r.full {
		t, more := r.Next()
		if !more {
			return r.Bytes(), true
		}
		switch t.Kind {
		case markup.Start:
			r.start(t)
		case markup.End:
			r.end(t)
		case markup.Empty:
			r.leaf = nil
			if r.ours == nil && r.isOurs(t) {
				r.put(r.Before(t.Pos), r.Pos, "")
			}
		case markup.Text, markup.CDATA, markup.Stray:
		}
	}
	return nil, false
}

// put puts text in the place of a piece of the answer.
func (r *restorer) put(from, to int, text string) { r.full = !r.PutText(from, to, text, r.limit) }

// isOurs tells whether a tag stands for metadata that is not for front ends. Meetings that test a server are known by theirs,
// and no front end has any.
func (r *restorer) isOurs(t markup.Token) bool {
	if r.open.top() != "metadata" || r.open.within("attendees") {
		return false
	}
	key := strings.ToLower(string(t.Name))
	return HiddenMeta(key) && key != ProbeMark
}

func (r *restorer) start(t markup.Token) {
	switch {
	case r.ours != nil:
		if bytes.Equal(t.Name, r.ours) {
			r.nested++
		}
	case r.isOurs(t):
		r.ours, r.from, r.nested = t.Name, r.Before(t.Pos), 1
	default:
		r.open.push(t.Name)
		r.leaf, r.inner = t.Name, r.Pos
		if len(r.quiet) > 0 && r.Pos < len(r.B) && &r.B[r.Pos] == &r.quiet[0] {
			r.leaf, r.Pos = nil, r.Pos+len(r.quiet)
		}
	}
}

func (r *restorer) end(t markup.Token) {
	if bytes.Equal(t.Name, r.ours) {
		if r.nested--; r.nested == 0 {
			r.put(r.from, r.Pos, "")
			r.ours = nil
		}
		return
	}
	if r.ours != nil && string(t.Name) != "metadata" {
		return
	}
	r.ours = nil // it was never closed
	if r.alias != "" && bytes.Equal(t.Name, r.leaf) {
		r.text(r.B[r.inner:t.Pos])
	}
	r.open.pop(t.Name)
	r.leaf = nil
}

// text looks at the text of an element.
func (r *restorer) text(inner []byte) {
	raw := bytes.Trim(inner, markup.Blanks)
	message := string(r.leaf) == "message"
	if !message && (markup.Ordinary(raw) && string(raw) != r.alias || len(raw) > maxReference*len(r.alias)) {
		return
	}
	text := markup.Plain(raw)
	found := text == r.alias || message && strings.Contains(text, "["+r.alias+"]")
	if !found || r.left == 0 || r.theirs() {
		return
	}
	r.left--
	from := r.inner + len(inner) - len(bytes.TrimLeft(inner, markup.Blanks))
	r.put(from, from+len(raw), restored(text, r.alias, r.id))
}

// theirs tells whether people or front ends say what is in an element.
func (r *restorer) theirs() bool {
	switch name := r.open.top(); name {
	case "meetingName", "fullName", "userName", "userID":
		return true
	default:
		return r.open.within("attendees") || r.open.within("metadata") && !strings.EqualFold(name, "meetingId")
	}
}

// restored is a text that is the alias, or has it between brackets, with the ID for it.
func restored(text, alias, meetingID string) string {
	if text == alias {
		return meetingID
	}
	return strings.Replace(text, "["+alias+"]", "["+meetingID+"]", maxRestored)
}

// path is what elements are open, as far as that matters.
type path struct {
	names [markup.MaxDepth][]byte
	n     int
	over  int // more that are open
}

func (p *path) push(name []byte) {
	if p.n == markup.MaxDepth {
		p.over++
		return
	}
	p.names[p.n] = name
	p.n++
}

// pop closes an element and what is open inside it. An end tag that fits nowhere closes nothing.
func (p *path) pop(name []byte) {
	if p.over > 0 {
		p.over--
		return
	}
	for i := p.n - 1; i >= 0; i-- {
		if bytes.Equal(p.names[i], name) {
			p.n = i
			return
		}
	}
}

func (p *path) top() string {
	if p.n == 0 || p.over > 0 {
		return ""
	}
	return string(p.names[p.n-1])
}

func (p *path) within(name string) bool {
	for _, open := range p.names[:p.n] {
		if string(open) == name {
			return true
		}
	}
	return false
}

// restoreJSON is Restore for JSON, of which only calls answer in that we know nothing of.
func restoreJSON(body []byte, alias, meetingID string) []byte {
	if alias == "" {
		return body
	}
	return document.EditStrings(body, maxRestored, func(key, text string) (string, bool) {
		found := text == alias || key == "message" && strings.Contains(text, "["+alias+"]")
		return restored(text, alias, meetingID), found
	})
}
